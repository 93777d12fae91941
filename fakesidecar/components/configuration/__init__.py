"""What a configuration store is: versioned values by key, and word of their changes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fakesidecar.components.base import ComponentBase


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and its version; both are empty in word of a key that is gone."""

    value: str = ""
    version: str = ""


Settings = Mapping[str, Setting]
Cancel = Callable[[], None]


class ConfigurationStore(ComponentBase):
    """A store of settings."""

    @abstractmethod
    def get(self, keys: Sequence[str]) -> Settings:
        """The settings of these keys, of all when none is named; missing and empty ones are left out."""

    @abstractmethod
    def subscribe(self, keys: Sequence[str], tell: Callable[[Settings], None]) -> Cancel:
        """Have every change of these keys told, of all when none is named, one at a time and from any thread."""
