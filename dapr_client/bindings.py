"""What a binding is asked, what it answers, and what it delivers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dapr_client._checks import MetadataDict, MetadataTuple, to_bytes, tuple_to_dict
from dapr_client._response import DaprResponse, Headers, json_of


class BindingResponse(DaprResponse):
    """What came of an operation of an output binding."""

    __slots__ = ("binding_metadata", "data")

    def __init__(
        self, data: bytes | str = b"", binding_metadata: Mapping[str, str] | None = None, headers: Headers = ()
    ) -> None:
        super().__init__(headers)
        self.data = to_bytes(data)
        self.binding_metadata = dict(binding_metadata or {})

    def text(self) -> str:
        """The data as text (UTF-8)."""
        return self.data.decode()

    def json(self) -> Any:
        """The data as what its JSON says."""
        return json_of(self.data)


class BindingRequest:
    """What an input binding delivers to an application."""

    __slots__ = ("_metadata", "binding_metadata", "data")

    def __init__(
        self,
        data: bytes | str = b"",
        binding_metadata: Mapping[str, str] | None = None,
        metadata: MetadataTuple = (),
    ) -> None:
        self.data = to_bytes(data)
        self.binding_metadata = dict(binding_metadata or {})
        self._metadata = metadata

    def text(self) -> str:
        """The data as text (UTF-8)."""
        return self.data.decode()

    def json(self) -> Any:
        """The data as what its JSON says."""
        return json_of(self.data)

    @property
    def metadata(self) -> MetadataDict:
        """What the sidecar sent beside the data, by name."""
        return tuple_to_dict(self._metadata)

    @metadata.setter
    def metadata(self, value: MetadataTuple) -> None:
        self._metadata = value
