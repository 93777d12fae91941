"""Write the generated parts of the docs: what is served, block by block, and the component types.

python tools/generate_docs.py            write
python tools/generate_docs.py --check    exit 1 when something is out of date
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from dapr_client import wire
from fakesidecar.components import registry
from fakesidecar.grpcapi import api as _grpc_api  # noqa: F401  (registers what is served)
from fakesidecar.grpcapi.registry import SERVED
from fakesidecar.httpapi import api as _http_api  # noqa: F401  (registers what is served)
from fakesidecar.httpapi.invocation import INVOKE
from fakesidecar.httpapi.registry import ROUTES

ROOT = Path(__file__).resolve().parent.parent

RPCS: tuple[tuple[str, str, str], ...] = (
    ("State", wire.DAPR, r"(Get|GetBulk|Save|Query|Delete|DeleteBulk)State(Alpha1)?|ExecuteStateTransaction"),
    ("Secrets", wire.DAPR, r"Get(Bulk)?Secret"),
    ("Configuration", wire.DAPR, r"(Get|Subscribe|Unsubscribe)Configuration(Alpha1)?"),
    ("Distributed lock", wire.DAPR, r"(TryLock|Unlock)Alpha1"),
    ("Metadata, health, shutdown", wire.DAPR, r"(Get|Set)Metadata|Shutdown"),
    ("Service invocation", wire.DAPR, r"InvokeService"),
    ("Publish and subscribe", wire.DAPR, r"(Bulk)?PublishEvent(Alpha1)?|SubscribeTopicEventsAlpha1"),
    ("Bindings", wire.DAPR, r"InvokeBinding"),
    ("Cryptography", wire.DAPR, r"(En|De)cryptAlpha1|Subtle\w+"),
    ("Jobs", wire.DAPR, r"\w+Jobs?(ByPrefix)?(Alpha1)?"),
    ("Conversation", wire.DAPR, r"Converse\w+"),
    ("Actors", wire.DAPR, r"\w*Actor\w*"),
    ("Workflow management", wire.DAPR, r"\w+Workflow(Alpha1|Beta1)"),
    ("Workflow engine", wire.TASK_HUB, r"\w+"),
    (
        "Search, vectors, files",
        wire.DAPR,
        r"\w*(Index|Indexes|Documents|Search|Collection|Collections|Vectors|File)Alpha1",
    ),
)
"""Building block, service, and the RPCs that belong to it."""

BLOCK_OF_ROUTES = {
    "State": "state",
    "Secrets": "secrets",
    "Configuration": "configuration",
    "Distributed lock": "lock",
    "Service invocation": "invocation",
    "Publish and subscribe": "pubsub",
    "Bindings": "bindings",
    "Cryptography": "crypto",
    "Jobs": "jobs",
    "Conversation": "conversation",
    "Actors": "actors",
    "Workflow management": "workflow",
    "Metadata, health, shutdown": ("metadata", "health", "shutdown"),
}


def served_table() -> str:
    """What is served, as a table of Markdown."""
    lines = ["| building block | RPCs served | HTTP routes served |", "|---|---|---|"]
    for name, service, pattern in RPCS:
        rpcs = [rpc for rpc in wire.methods(service).values() if re.fullmatch(pattern, rpc.name)]
        served = sum(rpc.path in SERVED for rpc in rpcs)
        routes = routes_of(name)
        lines.append(f"| {name} | {served} of {len(rpcs)} | {routes or '–'} |")
    return "\n".join(lines)


def routes_of(name: str) -> int:
    """How many routes a building block has: paths, whatever their methods."""
    blocks = BLOCK_OF_ROUTES.get(name, ())
    wanted = {blocks} if isinstance(blocks, str) else set(blocks)
    return len({route.pattern for route in (INVOKE, *ROUTES) if route.block in wanted})


def component_table() -> str:
    """The component types, as a table of Markdown."""
    lines = ["| type | capabilities | what it is |", "|---|---|---|"]
    for found in registry.known():
        kind = found.component_type
        summary = (found.__doc__ or "").strip().splitlines()[0]
        lines.append(f"| `{kind.name}` | {', '.join(kind.features) or '–'} | {summary} |")
    return "\n".join(lines)


def sections() -> Iterator[tuple[Path, str, str]]:
    """Every generated part: its file, its name between the marks, its text."""
    yield ROOT / "README.md", "served", served_table()
    yield ROOT / "docs" / "components.md", "components", component_table()


def replaced(text: str, name: str, content: str) -> str:
    """A text with what is between the marks of that name replaced."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = text.partition(begin)
    if not found:
        raise SystemExit(f"no {begin} in the document")
    return f"{before}{begin}\n{content}\n{end}{rest.partition(end)[2]}"


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = []
    for path, name, content in sections():
        text = path.read_text()
        new = replaced(text, name, content)
        if new != text:
            stale.append(f"{path.relative_to(ROOT)}: {name}")
            if not check:
                path.write_text(new)
    for line in stale:
        print("out of date:" if check else "written:", line)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
