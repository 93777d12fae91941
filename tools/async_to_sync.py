"""Makes the sync client from the async one: dapr_client/_async → dapr_client/_sync.

    python tools/async_to_sync.py            # writes dapr_client/_sync
    python tools/async_to_sync.py --check    # tells whether it is up to date

The sync client is the async one without `async` and `await` and with other names for a few things. All of it is in the
two tables below; the rest of the text, comments included, stays as it is. (The idea is psycopg's.)
"""

from __future__ import annotations

import argparse
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "dapr_client" / "_async"
TARGET = ROOT / "dapr_client" / "_sync"

HEADER = "# Generated from dapr_client/_async/{name} by tools/async_to_sync.py. Do not edit.\n\n"

DROPPED = frozenset({"async", "await"})

NAMES = {
    "AsyncData": "Data",
    "AsyncHttp": "Http",
    "AsyncIterator": "Iterator",
    "AsyncOutbox": "Outbox",
    "AsyncStop": "Stop",
    "AsyncStream": "Stream",
    "AsyncTask": "Task",
    "AsyncTransport": "Transport",
    "StopAsyncIteration": "StopIteration",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "_async": "_sync",
    "aio": "sync",
    "async_call_handler": "call_handler",
    "async_invoke": "invoke",
    "async_parts": "parts",
    "async_sleep": "sleep",
    "http_aio": "http_sync",
}
"""What has another name in the sync client."""

GENERICS = {"Awaitable": "{}"}
"""Types that only an async client has, and what stands for `Name[argument]`."""

TEXTS = {
    "async with": "with",
    "async for": "for",
    "await ": "",
    "dapr_client.aio": "dapr_client",
}
"""What is said otherwise in docstrings and other strings."""

FILES = {"__init__.py": '"""The sync client: generated from `dapr_client/_async` by `tools/async_to_sync.py`."""\n'}
"""Files that have a text of their own."""

Edit = tuple[int, int, str]


def sync(text: str) -> str:
    """The sync form of an async module."""
    starts = _line_starts(text)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    for begin, end, replacement in sorted(_edits(text, tokens, starts), reverse=True):
        text = text[:begin] + replacement + text[end:]
    return _without_unused_imports(text)


def _edits(text: str, tokens: list[tokenize.TokenInfo], starts: list[int]) -> Iterator[Edit]:
    for index, token in enumerate(tokens):
        begin, end = starts[token.start[0] - 1] + token.start[1], starts[token.end[0] - 1] + token.end[1]
        if token.string in DROPPED:
            following = tokens[index + 1].start
            yield begin, starts[following[0] - 1] + following[1], ""
        elif token.type == tokenize.NAME and token.string in GENERICS and tokens[index + 1].string == "[":
            closing = _closing(tokens, index + 1)
            yield begin, begin + len(token.string) + 1, ""
            yield starts[closing.start[0] - 1] + closing.start[1], starts[closing.end[0] - 1] + closing.end[1], ""
        elif token.type == tokenize.NAME and token.string in NAMES:
            yield begin, end, NAMES[token.string]
        elif token.type == tokenize.STRING:
            changed = token.string
            for said, instead in TEXTS.items():
                changed = changed.replace(said, instead)
            if changed != token.string:
                yield begin, end, changed


def _closing(tokens: list[tokenize.TokenInfo], opening: int) -> tokenize.TokenInfo:
    depth = 0
    for token in tokens[opening:]:
        depth += {"[": 1, "]": -1}.get(token.string, 0)
        if depth == 0:
            return token
    raise ValueError(f"no end of the bracket in line {tokens[opening].start[0]}")


def _without_unused_imports(text: str) -> str:
    """The types in GENERICS are gone; so are their imports."""
    for name in GENERICS:
        text = text.replace(f"import {name}, ", "import ").replace(f", {name}\n", "\n")
    return text


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def generated() -> dict[str, str]:
    """Every file of the sync client, by name."""
    files = {}
    for path in sorted(SOURCE.glob("*.py")):
        own = FILES.get(path.name)
        files[path.name] = own or HEADER.format(name=path.name) + sync(path.read_text(encoding="utf-8"))
    return files


def stale() -> list[str]:
    """Files of the sync client that are not what the async one makes."""
    files = generated()
    committed = {path.name: path.read_text(encoding="utf-8") for path in TARGET.glob("*.py")}
    return sorted(name for name in files.keys() | committed.keys() if files.get(name) != committed.get(name))


def write() -> None:
    """Write the sync client, and remove what is no part of it."""
    files = generated()
    TARGET.mkdir(exist_ok=True)
    for path in TARGET.glob("*.py"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (TARGET / name).write_text(text, encoding="utf-8", newline="\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if something is out of date")
    if parser.parse_args().check:
        for name in stale():
            print(f"dapr_client/_sync/{name} is out of date: run tools/async_to_sync.py")
        return 1 if stale() else 0
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
