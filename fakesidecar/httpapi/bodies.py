"""Request bodies: as protobuf JSON (dapr pkg/api/http/universal.go), or as the Go types that handlers decode."""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.message import Message

from fakesidecar import golang
from fakesidecar.errors import BodyUnreadable, MalformedBody
from fakesidecar.web import Request

M = TypeVar("M", bound=Message)

TOO_LARGE = "stream too large"
"""What reading a body beyond `--max-body-size` ends with."""

TEXTS = golang.MapOf(golang.TEXT)


def read_message(request: Request, kind: type[M]) -> M:
    """The message in a body; an empty body is an empty message."""
    if request.body_error:
        raise BodyUnreadable(cause=request.body_error)
    message = kind()
    if request.body:
        try:
            golang.parse_protojson(request.body, message)
        except golang.GoError as error:
            raise MalformedBody(cause=error) from error
    return message


def decode(request: Request, shape: golang.Shape) -> Any:
    """The body as the Go type that daprd decodes it into."""
    if request.body_error:
        raise MalformedBody(cause=request.body_error)
    try:
        return golang.decode_first(request.body, shape)
    except golang.GoError as error:
        raise MalformedBody(cause=error) from error
