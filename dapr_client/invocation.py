"""What goes to an application's method and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from google.protobuf.any_pb2 import Any as ProtoAny
from google.protobuf.message import Message

from dapr_client._checks import MetadataDict, MetadataTuple, to_bytes, tuple_to_dict
from dapr_client._response import DaprResponse, Headers, json_of

JSON_CONTENT_TYPE = "application/json; charset=utf-8"
PROTO_CONTENT_TYPE = "application/x-protobuf"

Data = bytes | str | Message
"""What can be sent: bytes, text, or a protobuf message."""
Query = Mapping[str, str] | Sequence[tuple[str, str]]
M = TypeVar("M", bound=Message)


def query_of(query: Query | None) -> str:
    """A query as it is in a URL, without the question mark."""
    return urlencode(query) if query else ""


def body_of(data: Data) -> tuple[bytes, str]:
    """Data as bytes, and the content type that it has when nobody says otherwise. ValueError if it is neither."""
    if isinstance(data, Message):
        return data.SerializeToString(), PROTO_CONTENT_TYPE
    try:
        return to_bytes(data), JSON_CONTENT_TYPE
    except TypeError as error:
        raise ValueError(f"invalid data type {type(data)}") from error


def packed(data: Data) -> ProtoAny:
    """Data as gRPC invocation carries it: a message with its type, anything else as bare bytes."""
    found = ProtoAny()
    if isinstance(data, ProtoAny):
        found.CopyFrom(data)
    elif isinstance(data, Message):
        found.Pack(data)
    else:
        found.value = body_of(data)[0]
    return found


class _Payload:
    """Data with a content type; a protobuf message keeps its type."""

    _any: ProtoAny
    content_type: str | None

    @property
    def proto(self) -> ProtoAny:
        """The data as `google.protobuf.Any`."""
        return self._any

    def is_proto(self) -> bool:
        """Whether the data is a protobuf message that says its type."""
        return bool(self._any.type_url)

    @property
    def data(self) -> bytes:
        """The data as it came. ValueError if it is a protobuf message: use unpack()."""
        if self.is_proto():
            raise ValueError("data is protocol buffer message object.")
        return self._any.value

    def text(self) -> str:
        """The data as text (UTF-8)."""
        return self.data.decode()

    def json(self) -> Any:
        """The data as what its JSON says."""
        return json_of(self.data)

    def pack(self, message: Message) -> None:
        """Make a protobuf message the data."""
        self._any = packed(message)

    def unpack(self, message: M) -> M:
        """Fill a protobuf message from the data, and return it. ValueError if the data is of another type."""
        if self.is_proto():
            if not self._any.Unpack(message):
                raise ValueError(f"invalid type. serialized message type: {self._any.type_url}")
        elif self.content_type == PROTO_CONTENT_TYPE:
            message.ParseFromString(self._any.value)
        else:
            raise ValueError("data is not protocol buffer message object.")
        return message


class InvokeMethodRequest(_Payload):
    """What an application's method is called with."""

    def __init__(
        self, data: Data | ProtoAny = b"", content_type: str | None = None, metadata: MetadataTuple = ()
    ) -> None:
        self._any = packed(data)
        self.content_type = content_type
        self._metadata = metadata

    @property
    def metadata(self) -> MetadataDict:
        """What the caller sent beside the data, by name."""
        return tuple_to_dict(self._metadata)

    @metadata.setter
    def metadata(self, value: MetadataTuple) -> None:
        self._metadata = value


class InvokeMethodResponse(_Payload, DaprResponse):
    """What an application's method answered."""

    __slots__ = ("_any", "content_type", "status_code")

    def __init__(
        self,
        data: Data | ProtoAny | None = None,
        content_type: str | None = None,
        headers: Headers = (),
        status_code: int | None = None,
    ) -> None:
        super().__init__(headers)
        self.content_type: str | None = content_type
        self.status_code = status_code
        """The HTTP status; None for an answer over gRPC."""
        self.set_data(data)

    def set_data(self, data: Data | ProtoAny | None) -> None:
        """Make this the data; without a content type it gets that of its kind."""
        self._any = packed(b"" if data is None else data)
        if not self.content_type:
            self.content_type = PROTO_CONTENT_TYPE if self.is_proto() else JSON_CONTENT_TYPE

    def _said(self) -> tuple[Any, ...]:
        return self._any.SerializeToString(), self.content_type, self.status_code

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = self._any.SerializeToString(), self.content_type, self.get_headers(), self.status_code
        return _restore, arguments


def _restore(
    data: bytes, content_type: str | None, headers: MetadataTuple, status_code: int | None
) -> InvokeMethodResponse:
    return InvokeMethodResponse(ProtoAny.FromString(data), content_type, headers, status_code)
