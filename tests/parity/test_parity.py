"""Every exchange recorded from a real daprd is answered as it was, or is known to differ for a good reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from . import tables
from .player import Played, expected_answers, load, names

SCENARIO_SECONDS = 600


def _exchanges() -> Iterator[Any]:
    for scenario in names():
        for id_ in expected_answers(load(scenario)):
            # The first of a scenario's exchanges waits for the whole scenario.
            patient = pytest.mark.timeout(SCENARIO_SECONDS)
            yield pytest.param(scenario, id_, id=f"{scenario}-{id_}", marks=patient)


@pytest.mark.parametrize(("scenario", "id_"), list(_exchanges()))
def test_an_exchange_is_as_recorded(scenario: str, id_: str, played: Callable[[str], Played]) -> None:
    got = played(scenario)
    lines = got.exchanges[id_].differences
    if (scenario, id_) in tables.differences():
        assert lines, "differs no longer: take it off differences.toml"
    else:
        assert not lines, "\n".join([*lines, *([f"the scenario was stopped by {got.failure}"] if got.failure else [])])


def test_what_is_known_to_differ_was_recorded() -> None:
    recorded = {(scenario, id_) for scenario in names() for id_ in expected_answers(load(scenario))}
    assert set(tables.differences()) <= recorded
