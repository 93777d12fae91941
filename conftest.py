"""Loads the project's own pytest plugin when the project is not installed."""

from __future__ import annotations

from importlib.metadata import entry_points

if not any(entry.value == "dapr_testing.plugin" for entry in entry_points(group="pytest11")):
    pytest_plugins = ["dapr_testing.plugin"]
