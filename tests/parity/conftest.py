"""Plays each recording once, when the first of its exchanges is tested."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest

from .player import Played, load, play
from .process import OURS


@pytest.fixture(scope="session")
def played(pytestconfig: pytest.Config) -> Callable[[str], Played]:
    """Gives what the sidecar answered to a recording."""
    other = pytestconfig.getoption("--dapr-sidecar", default=None)
    command = shlex.split(other) if other else OURS
    known: dict[str, Played] = {}

    def give(scenario: str) -> Played:
        if scenario not in known:
            known[scenario] = play(load(scenario), command)
        return known[scenario]

    return give
