"""Ids and randomness: the only place that draws them.

Real ones by default; `SeededIds(7)` gives the same ones in every run.
"""

from __future__ import annotations

import os
import random
import uuid
from abc import ABC, abstractmethod
from typing import Any


class Ids(ABC):
    """A source of ids and of randomness."""

    random: random.Random

    @abstractmethod
    def token_bytes(self, count: int) -> bytes:
        """`count` random bytes."""

    def snapshot(self) -> Any:
        """Where it stands; None for one that stands nowhere."""
        return None

    def restore(self, kept: Any) -> None:
        """Go on from there."""

    def uuid(self) -> str:
        """A version 4 UUID, as text."""
        return str(uuid.UUID(bytes=self.token_bytes(16), version=4))


class RandomIds(Ids):
    """Ids that no two runs share."""

    def __init__(self) -> None:
        self.random = random.SystemRandom()

    def token_bytes(self, count: int) -> bytes:
        return os.urandom(count)


class SeededIds(Ids):
    """The same ids in the same order for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)

    def token_bytes(self, count: int) -> bytes:
        return self.random.randbytes(count)

    def snapshot(self) -> Any:
        return self.random.getstate()

    def restore(self, kept: Any) -> None:
        if kept is not None:
            self.random.setstate(kept)


def seeded(seed: int | str) -> random.Random:
    """Randomness of its own, the same for the same seed."""
    return random.Random(seed)
