"""Jobs: what is scheduled, and what comes when it is due."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobEvent:
    """A job is due."""

    name: str
    data: bytes = b""

    def get_data_as_string(self, encoding: str = "utf-8") -> str:
        """The data of the job as text."""
        return self.data.decode(encoding)
