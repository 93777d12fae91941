"""`python -m benchmarks`: measure everything, print the table."""

from __future__ import annotations

import sys

from benchmarks import calls, crypto, faults, invocation, jobs, life

MARKS = {True: "met", False: "missed", None: "not measured"}


def main() -> int:
    rows = [*calls.rows(), *crypto.rows(), *faults.rows(), *life.rows(), *jobs.rows(), *invocation.rows()]
    width = max(len(row.what) for row in rows)
    for row in rows:
        print(f"{row.what:<{width}}  {row.reached:>22}  {row.target:>16}  {MARKS[row.met] if row.target else ''}")
    return 0 if all(row.met is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
