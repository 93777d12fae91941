"""Loads the project's own pytest plugin when the project is not installed, and what tests it."""

from __future__ import annotations

from importlib.metadata import entry_points

INSTALLED = any(entry.value == "dapr_testing.plugin" for entry in entry_points(group="pytest11"))

pytest_plugins = ["pytester"] if INSTALLED else ["pytester", "dapr_testing.plugin"]
