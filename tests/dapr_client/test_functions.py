"""Functions whose annotations name what exists for type checkers alone."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from dapr_client._functions import hints_of, signature_of
from dapr_client.actor._interface import methods_of
from dapr_client.app._callbacks import event_for
from dapr_client.pubsub import SubscriptionMessage
from dapr_client.wire import appcallback_pb2
from dapr_client.workflow._registry import Callee

# Python 3.14 evaluates annotations when they are read; until then that has to be asked for.
LAZY = "" if sys.version_info >= (3, 14) else "from __future__ import annotations\n"
CODE = """
import types
from dapr_client.actor import ActorInterface

def by_name(context, order: Order) -> Receipt: ...
def by_attribute(context, order: types.Order | None = None) -> types.Receipt: ...

class Orders(ActorInterface):
    async def take(self, order: Order) -> Receipt: ...
"""


@pytest.fixture(scope="module")
def users() -> SimpleNamespace:
    names: dict[str, Any] = {"__name__": __name__}
    exec(compile(LAZY + CODE, __file__, "exec", dont_inherit=True), names)
    return SimpleNamespace(**names)


@pytest.mark.parametrize("name", ["by_name", "by_attribute"])
def test_such_functions_are_workflows_and_handlers(users: SimpleNamespace, name: str) -> None:
    function = getattr(users, name)
    assert list(signature_of(function).parameters) == ["context", "order"]
    assert hints_of(function) == {}
    assert Callee.of(name, function).takes
    assert isinstance(event_for(function, appcallback_pb2.TopicEventRequest()), SubscriptionMessage)


def test_such_methods_belong_to_actors(users: SimpleNamespace) -> None:
    [method] = methods_of(users.Orders).values()
    assert (method.name, method.argument_type, method.return_type) == ("take", object, object)
