"""What the client checks before it asks the sidecar, with the words of the official package."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from warnings import warn

MetadataDict = dict[str, list[str | bytes]]
MetadataTuple = tuple[tuple[str, str | bytes], ...]

NO_METADATA: Mapping[str, str] = MappingProxyType({})
"""The default of every metadata argument: none. It cannot be changed by accident."""

OLD_METADATA = "metadata argument is deprecated. Dapr already intercepts API token headers and this is not needed."


def to_bytes(data: str | bytes) -> bytes:
    """Text as UTF-8, bytes as they are. TypeError for anything else."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return data.encode()
    raise TypeError(f"invalid data type {type(data)}")


def to_str(data: str | bytes) -> str:
    """Bytes as UTF-8, text as it is. TypeError for anything else."""
    if isinstance(data, str):
        return data
    if isinstance(data, bytes):
        return data.decode()
    raise TypeError(f"invalid data type {type(data)}")


def checked_value(value: object) -> bytes:
    """A value to be stored. ValueError if it is neither bytes nor text."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise ValueError(f"invalid type for data {type(value)}")


def not_blank(**fields: str | None) -> None:
    """ValueError for the first field that is absent, empty or blank."""
    for name, value in fields.items():
        if not value or not value.strip():
            raise ValueError(f"{name} name cannot be empty or blank")


def not_none(**fields: object) -> None:
    """ValueError for the first field that is None."""
    for name, value in fields.items():
        if value is None:
            raise ValueError(f"{name} name cannot be None")


def warn_of_metadata(metadata: MetadataTuple | None) -> None:
    """Tell that call metadata should not be given; it is sent all the same."""
    if metadata is not None:
        warn(OLD_METADATA, DeprecationWarning, stacklevel=3)


def tuple_to_dict(metadata: MetadataTuple) -> MetadataDict:
    """Metadata by key; a key may have many values."""
    found: MetadataDict = {}
    for key, value in metadata:
        found.setdefault(key, []).append(value)
    return found
