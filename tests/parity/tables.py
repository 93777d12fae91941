"""What is known to differ from a real daprd, and what is not served yet."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Unserved:
    """Exchanges of a building block that the sidecar does not have yet."""

    scenario: str
    ids: tuple[str, ...]
    """Patterns as the shell has them."""
    block: str

    def covers(self, id_: str) -> bool:
        return any(fnmatchcase(id_, pattern) for pattern in self.ids)


@cache
def differences() -> Mapping[tuple[str, str], str]:
    """The reason of every known difference, by scenario and exchange."""
    return {(one["scenario"], one["id"]): one["reason"] for one in _entries("differences.toml", "difference")}


@cache
def unserved() -> tuple[Unserved, ...]:
    """What is not served yet; an entry without `ids` covers its whole scenario."""
    return tuple(
        Unserved(scenario, tuple(one.get("ids", ["*"])), one["block"])
        for one in _entries("unserved.toml", "unserved")
        for scenario in one["scenarios"]
    )


def block_of(scenario: str, id_: str) -> str | None:
    """The building block that an exchange waits for; None when all that it needs is served."""
    return next((one.block for one in unserved() if one.scenario == scenario and one.covers(id_)), None)


def _entries(file: str, name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = tomllib.loads((HERE / file).read_text(encoding="utf-8")).get(name, [])
    return entries
