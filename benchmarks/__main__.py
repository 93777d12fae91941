"""`python -m benchmarks [name …]`: what was measured, against which target. Fails when a target is missed."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = (
    "calls",
    "actors",
    "crypto",
    "events",
    "family",
    "faults",
    "invocation",
    "jobs",
    "life",
    "workflow",
)
MARKS = {True: "met", False: "missed", None: "not measured"}


def main(names: tuple[str, ...]) -> int:
    rows = [row for name in names for row in import_module(f"benchmarks.{name}").rows()]
    width = max(len(row.what) for row in rows)
    for row in rows:
        print(f"{row.what:<{width}}  {row.reached:>22}  {row.target:>16}  {MARKS[row.met] if row.target else ''}")
    return 0 if all(row.met is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or NAMES))
