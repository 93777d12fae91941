"""What recording and fault plans cost a call in process, and what copies of a whole sidecar cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from benchmarks._measure import Row, at_most
from dapr_client import DaprClient
from dapr_testing._inprocess import Channel
from fakesidecar import Component, Sidecar, VirtualClock
from fakesidecar.components.state import Upsert
from fakesidecar.faults import Fail, Rule
from fakesidecar.snapshots import restore, snapshot

ROUNDS, CALLS = 150, 200
RULES = 100


def rows() -> Iterator[Row]:
    """What faults and spies cost."""
    took = fastest({name: client(name) for name in ("bare", "rules", "recording", "both")})
    yield at_most("a call in process with 100 rules, against none", took["rules"] / took["bare"], 1.15, "×")
    yield at_most("  that is recorded, against one that is not", took["recording"] / took["bare"], 1.15, "×")
    yield at_most("  both, against neither", took["both"] / took["bare"], 1.15, "×")
    yield from copies()


def client(kind: str) -> Callable[[], object]:
    """A call to a sidecar of its own."""
    sidecar = Sidecar(components=[Component("statestore", "state.in-memory")])
    if kind in ("rules", "both"):
        for rule in plan():
            sidecar.core.faults.add(rule)
    if kind in ("recording", "both"):
        sidecar.core.recording.start()
    dapr = DaprClient(channel=Channel(sidecar.grpc))
    return lambda: dapr.get_state("statestore", "key")


def plan() -> Iterator[Rule]:
    """A hundred rules: about other calls, other keys of the same call, and globs that fit none."""
    for number in range(RULES):
        match number % 4:
            case 0:
                yield Rule(call="state.save", component="statestore", effects=(Fail(),))
            case 1:
                yield Rule(call="lock.*", target=f"resource-{number}", effects=(Fail(),))
            case 2:
                yield Rule(call="state.get", component=f"store-{number}*", effects=(Fail(),))
            case _:
                yield Rule(call="state.get", component="statestore", target=f"key-{number}", effects=(Fail(),))


def fastest(candidates: Mapping[str, Callable[[], object]], calls: int = CALLS) -> dict[str, float]:
    """Seconds per call of each candidate in its best round: what is measured is less than a busy machine's noise."""
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(ROUNDS):
        for name, call in candidates.items():
            started = time.perf_counter()
            for _ in range(calls):
                call()
            best[name] = min(best[name], (time.perf_counter() - started) / calls)
    return best


def copies() -> Iterator[Row]:
    """A small sidecar, and one with many keys: kept, and brought back."""
    for keys, limit in ((100, 1e-3), (10_000, 10e-3)):
        sidecar = Sidecar(components=[Component("statestore", "state.in-memory")], clock=VirtualClock())
        for number in range(keys):
            sidecar.core.state.save("statestore", [Upsert(f"key-{number}", b"value")])
        kept = snapshot(sidecar.core)
        took = fastest(
            {"snapshot": partial(snapshot, sidecar.core), "restore": partial(restore, sidecar.core, kept)}, calls=10
        )
        for name, seconds in took.items():
            yield at_most(f"{name} of {keys:,} keys", seconds, limit, "ms", 1e3)
