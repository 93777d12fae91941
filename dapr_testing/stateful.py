"""State machines for Hypothesis that run your code beside a model, with a sidecar of their own.

    class Accounts(KeyedModel):
        store = "statestore"

        @rule(key=dapr.keys(simple=True), amount=st.integers(1, 9))
        def deposit(self, key, amount):
            self.attempt(key, lambda: deposit(self.dapr, key, amount), lambda held: (held or 0) + amount)

    TestAccounts = Accounts.TestCase

Faults come between the steps, are part of what is shrunk, and print as code: a failing run is a program to copy.
"""

from __future__ import annotations

import atexit
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dapr_client import DaprGrpcError, RetryPolicy
from dapr_testing import strategies
from dapr_testing._faults import Plan
from dapr_testing._history import History
from dapr_testing._servers import Pool
from dapr_testing._settings import settings
from dapr_testing._sidecar import DaprSidecar

if TYPE_CHECKING:
    from dapr_client import DaprClient
    from fakesidecar.clock import VirtualClock

__all__ = ["DaprMachine", "KeyedModel"]

T = TypeVar("T")

_pool = Pool()
atexit.register(_pool.close)
"""Machines are made in hundreds; the sidecars behind them are few, and reset."""

USUAL_FAULTS = strategies.faults(effects=strategies.effects("fail", "reset", "delay"))


def go_wrong(self: DaprMachine, plan: Plan) -> None:
    """From now on, something goes wrong."""
    self.sidecar.faults.use(plan)


def wait(self: DaprMachine, seconds: float) -> None:
    """Time passes."""
    self.clock.advance(seconds)


class DaprMachine(RuleBasedStateMachine):
    """A sidecar as new for every run, its client, its clock, and things that go wrong.

    `dapr` is the client that your code is given; what it does is written down in `history`, for checkers.
    """

    sidecar_options: ClassVar[Mapping[str, Any]] = {}
    """What the sidecar is to be, as `dapr_testing.sidecar` is told."""
    retry_policy: ClassVar[RetryPolicy | None] = None
    """That of `dapr`; its waits pass on the sidecar's clock."""
    faults: ClassVar[st.SearchStrategy[Plan] | None] = USUAL_FAULTS
    """What may go wrong between two steps; None: nothing."""
    waits: ClassVar[st.SearchStrategy[float] | None] = st.sampled_from([1.0, 60.0, 3600.0])
    """How many seconds may pass between two steps; None: no time."""
    checkers: ClassVar[tuple[Callable[[History], None], ...]] = ()
    """What is asked about the history when a run is over: `checkers.linearizable`, …"""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        # Rules of the class itself, so that a failing run prints what was drawn as arguments of a step.
        cls.go_wrong = None if cls.faults is None else rule(plan=cls.faults)(go_wrong)
        cls.wait = None if cls.waits is None else rule(seconds=cls.waits)(wait)

    go_wrong: ClassVar[Any]
    wait: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self._stack = contextlib.ExitStack()
        view = DaprSidecar(_pool.get(settings(**self.sidecar_options)))
        self.sidecar = self._stack.enter_context(view.in_use(passed=lambda: False))
        """The sidecar."""
        self.history = History(self.clock.now)
        """What `dapr` did."""
        self.dapr: DaprClient = self.client("dapr")
        """A client for the code under test."""
        self.set_up()

    def set_up(self) -> None:
        """What is to be there before the first step; override it."""

    def client(self, who: str) -> DaprClient:
        """One more client, whose calls are written down under that name."""
        return self.history.watch(self.sidecar.client(retry_policy=self.retry_policy), who)

    @property
    def clock(self) -> VirtualClock:
        """The sidecar's clock."""
        return self.sidecar.clock

    def teardown(self) -> None:
        """Ask the checkers, and give the sidecar back."""
        try:
            for check in self.checkers:
                check(self.history)
        finally:
            self._stack.close()


class KeyedModel(DaprMachine):
    """Values under keys of a state store, and for each what it may be after all that was done to it.

    A step that fails without a decision leaves two possibilities, until the value is looked at; a step that is known to
    have failed leaves what was there.
    """

    store: ClassVar[str] = "statestore"
    final: ClassVar[tuple[str, ...]] = ("ABORTED", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "NOT_FOUND")
    """Statuses with which your code says that nothing was done."""

    def __init__(self) -> None:
        self.model: dict[str, list[Any]] = {}
        """What each key may hold; None: nothing."""
        super().__init__()

    def encode(self, value: Any) -> bytes:
        """A value of the model as your code stores it: JSON, unless overridden."""
        return json.dumps(value).encode()

    def decode(self, data: bytes) -> Any:
        """What your code has stored, as a value of the model."""
        return json.loads(data)

    def put(self, key: str, value: Any) -> None:
        """Let a key hold a value, past the code under test."""
        self.sidecar.state.put(self.store, key, self.encode(value))
        self.model[key] = [value]

    def attempt(self, key: str, do: Callable[[], T], change: Callable[[Any], Any]) -> T | None:
        """Carry out a step of your code, and the change that it is to make to the model; None when it failed.

        Errors of the sidecar are what such a run is about; every other error is a failure of the test.
        """
        held = self.model.get(key, [None])
        changed = [change(value) for value in held]
        try:
            answer = do()
        except DaprGrpcError as error:
            self.model[key] = held if error.code().name in self.final else _distinct([*held, *changed])
            return None
        self.model[key] = _distinct(changed)
        return answer

    @invariant()
    def the_store_holds_what_the_model_may_hold(self) -> None:
        """Look at every key, past everything that goes wrong; what is there is what the model has from now on."""
        for key, possible in self.model.items():
            data = self.sidecar.state.get(self.store, key)
            found = None if data is None else self.decode(data)
            assert found in possible, (
                f"{key!r} holds {found!r}, not {' or '.join(map(repr, possible))}\n{self.sidecar.timeline()}"
            )
            self.model[key] = [found]


def _distinct(values: list[Any]) -> list[Any]:
    return [value for number, value in enumerate(values) if value not in values[:number]]
