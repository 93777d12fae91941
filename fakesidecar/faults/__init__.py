"""Fault plans as data: which calls something happens to, and what happens.

    rule = Rule(call="state.save", component="orders", times=2, effects=(Fail("UNAVAILABLE"),))
    sidecar.core.faults.add(rule)

`rules.py` says which calls, `effects.py` what happens, `engine.py` lets it happen. Plans are JSON in and out.
"""

from __future__ import annotations

from fakesidecar.faults.effects import (
    Cut,
    Delay,
    Drip,
    Duplicate,
    Effect,
    Fail,
    Hang,
    NotReady,
    Reset,
    Restart,
    StaleEtag,
    Truncate,
    bad_request,
    error_info,
    retry_info,
)
from fakesidecar.faults.engine import Armed, Faults
from fakesidecar.faults.rules import BadPlan, Rule, from_json, to_json

__all__ = [
    "Armed",
    "BadPlan",
    "Cut",
    "Delay",
    "Drip",
    "Duplicate",
    "Effect",
    "Fail",
    "Faults",
    "Hang",
    "NotReady",
    "Reset",
    "Restart",
    "Rule",
    "StaleEtag",
    "Truncate",
    "bad_request",
    "error_info",
    "from_json",
    "retry_info",
    "to_json",
]
