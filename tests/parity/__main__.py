"""Compare a sidecar with what a real daprd answered, exchange by exchange.

python -m tests.parity                             our sidecar, every scenario
python -m tests.parity state_redis lock --show 20  some, with the differences
python -m tests.parity --sidecar daprd             another sidecar
python -m tests.parity --sidecar daprd --record    record the scenarios anew, from a real one
python -m tests.parity --table                     the outcome as a Markdown table
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from .player import names
from .process import OURS
from .report import as_json, outcome_of, percentage, record, table


def main() -> int:
    """Run the command line; the exit code tells whether all is as recorded or explained."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.parity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenarios", nargs="*", help="scenarios to play (all when none is named)")
    parser.add_argument("--sidecar", help="the command that starts a sidecar (default: our own)")
    parser.add_argument("--flags", default="", help="more flags for every sidecar")
    parser.add_argument("--show", type=int, default=3, metavar="N", help="differences to print per scenario")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="scenarios to play at a time")
    parser.add_argument("--record", action="store_true", help="write the answers into the recordings")
    parser.add_argument("--table", action="store_true", help="print a Markdown table instead")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcome of every exchange to a file")
    options = parser.parse_args()
    scenarios = options.scenarios or names()
    if unknown := sorted(set(scenarios) - set(names())):
        parser.error(f"no such scenario: {', '.join(unknown)}")
    command = [*(shlex.split(options.sidecar) if options.sidecar else OURS), *shlex.split(options.flags)]
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:  # gRPC does not like forks
        if options.record:
            if not options.sidecar:
                parser.error("--record needs --sidecar, with a real daprd")
            for line in pool.map(partial(record, command=command), scenarios):
                _say(line)
            return 0
        outcomes = []
        for outcome in pool.map(partial(outcome_of, command=command), scenarios):
            outcomes.append(outcome)
            if not options.table:
                _say("\n    ".join([outcome.summary, *outcome.differences[: options.show]]))
    _say(table(outcomes) if options.table else percentage(outcomes))
    if options.json:
        options.json.write_text(json.dumps(as_json(outcomes), indent=1) + "\n", encoding="utf-8")
    return 1 if any(one.differences or one.failure for one in outcomes) else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
