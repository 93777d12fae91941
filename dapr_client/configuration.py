"""Configuration stores: items, and what follows their changes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from dapr_client._checks import to_str
from dapr_client._response import DaprResponse, Headers, json_of
from dapr_client.errors import DaprError
from dapr_client.wire import common_pb2


@dataclass(frozen=True, slots=True)
class ConfigurationItem:
    """A value of the configuration, and its version."""

    value: str
    version: str
    metadata: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The value as text."""
        return to_str(self.value)

    def json(self) -> Any:
        """The value as what its JSON says."""
        return json_of(self.value)


class ConfigurationResponse(DaprResponse):
    """Items of the configuration, by key. Keys that are not set are not there."""

    __slots__ = ("items",)

    items: dict[str, ConfigurationItem]

    def __init__(
        self, items: Mapping[str, ConfigurationItem | common_pb2.ConfigurationItem], headers: Headers = ()
    ) -> None:
        super().__init__(headers)
        self.items = {
            key: ConfigurationItem(item.value, item.version, dict(item.metadata)) for key, item in items.items()
        }

    def get_items(self) -> list[tuple[str, ConfigurationItem]]:
        """The items as pairs."""
        return list(self.items.items())


Handler = Callable[[str, ConfigurationResponse], Any]
"""Called with the id of a subscription and what has changed."""


class ConfigurationSubscription(str):
    """A subscription to changes. It is its id as text, and knows what each key is by now.

        subscription = client.subscribe_configuration("settings", ["colour"])
        dict(subscription.get_items())["colour"].value
        client.unsubscribe_configuration("settings", subscription)

    It may be awaited, which gives the subscription itself, whichever client made it.
    """

    __slots__ = ("_items", "error", "keys", "store_name")

    _items: dict[str, ConfigurationItem]
    error: DaprError | None
    """What ended the subscription before its time."""

    def __new__(cls, identity: str, store_name: str, keys: tuple[str, ...]) -> Self:
        subscription = super().__new__(cls, identity)
        subscription.store_name = store_name
        subscription.keys = keys
        subscription.error = None
        subscription._items = {}
        return subscription

    store_name: str
    keys: tuple[str, ...]

    @property
    def items(self) -> dict[str, ConfigurationItem]:
        """What has been told so far, by key. A key that was deleted has an empty value."""
        return dict(self._items)

    def get_items(self) -> list[tuple[str, ConfigurationItem]]:
        """The same as pairs."""
        return list(self._items.items())

    def update(self, changed: ConfigurationResponse) -> None:
        """Take over what the sidecar told."""
        self._items = {**self._items, **changed.items}

    def __await__(self) -> Generator[None, None, Self]:
        yield from ()
        return self
