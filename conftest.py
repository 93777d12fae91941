"""Loads the project's own pytest plugin when the project is not installed, and what tests it."""

from __future__ import annotations

from importlib.metadata import entry_points

from hypothesis import settings

INSTALLED = any(entry.value == "dapr_testing.plugin" for entry in entry_points(group="pytest11"))

pytest_plugins = ["pytester"] if INSTALLED else ["pytester", "dapr_testing.plugin"]

# How fast things are is measured by the benchmarks, not by tests on machines that do other things besides.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
