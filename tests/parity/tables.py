"""What is known to differ from a real daprd."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("differences.toml")


@cache
def differences() -> Mapping[tuple[str, str], str]:
    """The reason of every known difference, by scenario and exchange."""
    known = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {(one["scenario"], one["id"]): one["reason"] for one in known["difference"]}
