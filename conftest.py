"""Loads the project's own pytest plugin when the project is not installed, and what tests it."""

from __future__ import annotations

import re
from importlib.metadata import entry_points

import pytest
from hypothesis import settings

INSTALLED = any(entry.value == "dapr_testing.plugin" for entry in entry_points(group="pytest11"))

pytest_plugins = ["pytester"] if INSTALLED else ["pytester", "dapr_testing.plugin"]

# How fast things are is measured by the benchmarks, not by tests on machines that do other things besides.
settings.register_profile("project", deadline=None)
settings.load_profile("project")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Let one worker have all exchanges of a recording, for it is played where the first of them is tested.

    pytest-xdist's own groups do nothing with pytest 9.2: it has them in the ids of tests, which no longer change
    (pytest-dev/pytest-xdist#1386).
    """
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Recordings(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
        def _split_scope(self, nodeid: str) -> str:
            exchange = re.match(r"tests/parity/.*\[(\w+)-", nodeid)
            return exchange[1] if exchange else nodeid

    return Recordings(config, log)
