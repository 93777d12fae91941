"""`configuration.in-memory`: settings that a test changes; this project's own, unknown to daprd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fakesidecar.components.configuration import Cancel, ConfigurationStore, Setting, Settings
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.resources.component import Component


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """Somebody who wants to hear of changes; no keys are all keys."""

    keys: frozenset[str]
    tell: Callable[[Settings], None]


@component("configuration.in-memory")
class InMemory(ConfigurationStore):
    """Settings from its metadata (`key: value||version`), and those that a test sets."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self.settings: dict[str, Setting] = {}
        self._watches: list[Watch] = []
        self.reset()

    def get(self, keys: Sequence[str]) -> Settings:
        wanted = set(keys) if keys else self.settings.keys()
        return {key: setting for key, setting in sorted(self.settings.items()) if key in wanted and setting.value}

    def subscribe(self, keys: Sequence[str], tell: Callable[[Settings], None]) -> Cancel:
        watch = Watch(frozenset(keys), tell)
        self._watches.append(watch)
        return lambda: self._watches.remove(watch) if watch in self._watches else None

    def set(self, key: str, value: str, version: str = "") -> None:
        """Set a value, and tell those who watch it."""
        self.settings[key] = Setting(value, version)
        self._changed(key)

    def delete(self, key: str) -> None:
        """Remove a key, and tell those who watch it."""
        if self.settings.pop(key, None) is not None:
            self._changed(key)

    def _changed(self, key: str) -> None:
        setting = self.settings.get(key, Setting())
        for watch in tuple(self._watches):
            if not watch.keys or key in watch.keys:
                watch.tell({key: setting if setting.value else Setting()})

    def reset(self) -> None:
        self.settings = {key: setting_of(text) for key, text in self.spec.metadata.items()}

    def snapshot(self) -> dict[str, Setting]:
        return self.settings.copy()

    def restore(self, kept: dict[str, Setting]) -> None:
        changed = [key for key in {**self.settings, **kept} if self.settings.get(key) != kept.get(key)]
        self.settings = kept.copy()
        for key in changed:
            self._changed(key)


def setting_of(text: str) -> Setting:
    """A stored text as a setting (components-contrib configuration/redis/internal/redis_value.go)."""
    value, _, rest = text.partition("||")
    return Setting(value, rest.partition("||")[0])
