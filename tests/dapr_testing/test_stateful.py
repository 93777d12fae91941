"""State machines: code that is right passes with whatever goes wrong, and code that is not fails with a program."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from dapr_client import DaprClient, RetryPolicy
from dapr_testing import checkers
from dapr_testing import strategies as dapr
from dapr_testing.stateful import DaprMachine, KeyedModel

STORE = "statestore"
PHASES = [Phase.generate, Phase.shrink]
QUICK = settings(
    print_blob=False,
    max_examples=100,
    stateful_step_count=15,
    deadline=None,
    database=None,
    derandomize=True,
    phases=PHASES,
)


def deposit(dapr: DaprClient, account: str, amount: int) -> None:
    """As it should be: a second try never adds again."""
    found = dapr.get_state(STORE, account)
    balance = json.loads(found.data) if found.data else 0
    dapr.save_state(STORE, account, json.dumps(balance + amount), etag=found.etag or None)


def deposit_again(dapr: DaprClient, account: str, amount: int) -> None:
    """As it should not be: what was lost is done once more."""
    try:
        deposit(dapr, account, amount)
    except Exception:
        deposit(dapr, account, amount)


class Accounts(KeyedModel):
    checkers: ClassVar[tuple[Callable[[checkers.History], None], ...]] = (checkers.linearizable,)
    deposit = staticmethod(deposit)

    @rule(key=dapr.keys(simple=True), amount=st.integers(1, 9))
    def pay_in(self, key: str, amount: int) -> None:
        self.attempt(key, lambda: self.deposit(self.dapr, key, amount), lambda held: (held or 0) + amount)


class RetriedAccounts(Accounts):
    retry_policy = RetryPolicy(max_attempts=3)
    faults = dapr.faults("state.*", effects=dapr.effects("reset", "delay"))
    final = ()


class CarelessAccounts(Accounts):
    deposit = staticmethod(deposit_again)
    faults = dapr.faults("state.save", effects=dapr.effects("reset"))
    waits = None
    checkers = ()


class Untroubled(DaprMachine):
    faults = None
    sidecar_options: ClassVar[Mapping[str, Any]] = {"app_id": "shop"}

    def set_up(self) -> None:
        self.sidecar.state.put(STORE, "k", b"v")
        self.other = self.client("other")

    @rule()
    def read(self) -> None:
        assert self.sidecar.app_id == "shop"
        assert self.other.get_state(STORE, "k").data == b"v"
        self.sidecar.calls.assert_not_called(outcome="UNAVAILABLE")


@pytest.mark.parametrize("machine", [RetriedAccounts, Untroubled], ids=lambda machine: machine.__name__)
def test_code_that_is_right_passes(machine: Any) -> None:
    run_state_machine_as_test(machine, settings=QUICK)


def test_code_that_is_not_fails_with_a_program_to_copy() -> None:
    with pytest.raises(AssertionError) as raised:
        run_state_machine_as_test(CarelessAccounts, settings=QUICK)
    assert "'a' holds 2, not 1" in str(raised.value)
    assert "\n".join(raised.value.__notes__).splitlines()[1:] == [
        "state = CarelessAccounts()",
        "state.the_store_holds_what_the_model_may_hold()",
        "state.go_wrong(plan=when('state.save').reset(applied=True).times(1))",
        "state.the_store_holds_what_the_model_may_hold()",
        "state.pay_in(amount=1, key='a')",
        "state.the_store_holds_what_the_model_may_hold()",
        "state.teardown()",
    ]
