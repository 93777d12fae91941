"""What goes wrong, as exceptions: one family, whatever the call went through.

try:
    client.save_state("statestore", "a||b", "value")
except DaprGrpcError as error:
    error.code()                                      # grpc.StatusCode.INVALID_ARGUMENT
    error.error_code()                                # 'DAPR_STATE_ILLEGAL_KEY'
    error.error_info.reason                           # the same, as an attribute
    error.status_details().error_info["reason"]       # and as a mapping
    error.bad_request.field_violations[0].field
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import grpc

if TYPE_CHECKING:
    from google.rpc.status_pb2 import Status

ERROR_CODE_UNKNOWN = "UNKNOWN"
ERROR_CODE_DOES_NOT_EXIST = "ERR_DOES_NOT_EXIST"

DETAILS_KEY = "grpc-status-details-bin"


class DaprError(Exception):
    """Whatever a call to the sidecar raises."""


# --- gRPC ---


class Failed(Protocol):
    """A failed call of grpc or grpc.aio."""

    def code(self) -> grpc.StatusCode: ...
    def details(self) -> str | None: ...
    def trailing_metadata(self) -> Any: ...


class Detail(dict[str, Any]):
    """One detail of a status. Its fields are items and attributes; a field that is not set is not there."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the detail has no {name}, only {', '.join(self) or 'nothing'}") from None

    def __reduce__(self) -> tuple[type[Detail], tuple[dict[str, Any]]]:
        return Detail, (dict(self),)


DETAILS: Mapping[str, str] = {
    "ErrorInfo": "error_info",
    "RetryInfo": "retry_info",
    "DebugInfo": "debug_info",
    "QuotaFailure": "quota_failure",
    "PreconditionFailure": "precondition_failure",
    "BadRequest": "bad_request",
    "RequestInfo": "request_info",
    "ResourceInfo": "resource_info",
    "Help": "help",
    "LocalizedMessage": "localized_message",
}
"""The messages of google.rpc that a status may carry, and where StatusDetails has them."""


class StatusDetails:
    """The details of a status, by kind. None stands for one that the sidecar did not give."""

    __slots__ = tuple(DETAILS.values())

    error_info: Detail | None
    retry_info: Detail | None
    debug_info: Detail | None
    quota_failure: Detail | None
    precondition_failure: Detail | None
    bad_request: Detail | None
    request_info: Detail | None
    resource_info: Detail | None
    help: Detail | None
    localized_message: Detail | None

    def __init__(self, details: Mapping[str, Detail] | None = None) -> None:
        for name in self.__slots__:
            setattr(self, name, (details or {}).get(name))

    def as_dict(self) -> dict[str, Detail | None]:
        """All kinds, those that are absent too."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StatusDetails) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]  # compares by what is in it, and that is mutable

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={detail!r}" for name, detail in self.as_dict().items() if detail is not None)
        return f"StatusDetails({given})"


class DaprGrpcError(DaprError, grpc.RpcError):
    """A gRPC call that the sidecar refused, or that did not reach it."""

    def __init__(self, err: Failed) -> None:
        self._code = err.code()
        self._message = err.details() or ""
        self._trailer = tuple((str(key), value) for key, value in err.trailing_metadata() or ())
        self._parsed: StatusDetails | None = None
        super().__init__(self._message)

    def code(self) -> grpc.StatusCode:
        """The gRPC status code."""
        return self._code

    def details(self) -> str:
        """The sidecar's message, under the name that grpc.RpcError gives it."""
        return self._message

    def message(self) -> str:
        """The sidecar's message."""
        return self._message

    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:  # type: ignore[override]  # pairs, as plain tuples
        """What the sidecar sent after the answer."""
        return self._trailer

    def error_code(self) -> str:
        """Dapr's code for what went wrong: `DAPR_STATE_NOT_FOUND`; 'UNKNOWN' if the sidecar gave none."""
        info = self.error_info
        return str(info.get("reason", ERROR_CODE_UNKNOWN)) if info else ERROR_CODE_UNKNOWN

    def status_details(self) -> StatusDetails:
        """All details of the status."""
        if self._parsed is None:
            self._parsed = _parse(self.get_grpc_status())
        return self._parsed

    def get_grpc_status(self) -> Status | None:
        """The status as google.rpc.Status, if the sidecar sent one that can be read."""
        from google.protobuf.message import DecodeError
        from google.rpc.status_pb2 import Status

        for key, value in self._trailer:
            if key == DETAILS_KEY and isinstance(value, bytes):
                with suppress(DecodeError):
                    return Status.FromString(value)
        return None

    def json(self) -> str:
        """Everything, as a JSON object."""
        return json.dumps(
            {
                "status_code": self._code.name,
                "message": self._message,
                "error_code": self.error_code(),
                "details": self.status_details().as_dict(),
            }
        )

    @property
    def error_info(self) -> Detail | None:
        """What went wrong: reason, domain, metadata."""
        return self.status_details().error_info

    @property
    def retry_info(self) -> Detail | None:
        """When to try again: retry_delay."""
        return self.status_details().retry_info

    @property
    def debug_info(self) -> Detail | None:
        """Where it happened: stack_entries, detail."""
        return self.status_details().debug_info

    @property
    def quota_failure(self) -> Detail | None:
        """What was used up: violations."""
        return self.status_details().quota_failure

    @property
    def precondition_failure(self) -> Detail | None:
        """What was not as it had to be: violations."""
        return self.status_details().precondition_failure

    @property
    def bad_request(self) -> Detail | None:
        """Which fields were wrong: field_violations."""
        return self.status_details().bad_request

    @property
    def request_info(self) -> Detail | None:
        """Which request it was: request_id, serving_data."""
        return self.status_details().request_info

    @property
    def resource_info(self) -> Detail | None:
        """What it was about: resource_type, resource_name, owner, description."""
        return self.status_details().resource_info

    @property
    def help(self) -> Detail | None:
        """Where to read on: links."""
        return self.status_details().help

    @property
    def localized_message(self) -> Detail | None:
        """The message in the user's language: locale, message."""
        return self.status_details().localized_message

    def __str__(self) -> str:
        reason = self.error_code()
        code = self._code.name if reason == ERROR_CODE_UNKNOWN else f"{self._code.name}, {reason}"
        return f"{self._message or 'the call failed'} ({code})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._code.name, self._message, self._trailer)


class _Ended:
    """A failed call that is long over."""

    def __init__(self, code: grpc.StatusCode, message: str, trailer: tuple[tuple[str, str | bytes], ...] = ()) -> None:
        self._ended = code, message, trailer

    def code(self) -> grpc.StatusCode:
        return self._ended[0]

    def details(self) -> str:
        return self._ended[1]

    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self._ended[2]


def _rebuild(
    kind: type[DaprGrpcError], code: str, message: str, trailer: tuple[tuple[str, str | bytes], ...]
) -> DaprGrpcError:
    return kind(_Ended(grpc.StatusCode[code], message, trailer))


def _parse(status: Status | None) -> StatusDetails:
    from google.protobuf.json_format import MessageToDict
    from google.rpc import error_details_pb2

    found: dict[str, Detail] = {}
    for packed in status.details if status else ():
        kind = packed.TypeName().removeprefix("google.rpc.")
        if kind in DETAILS:
            message = getattr(error_details_pb2, kind).FromString(packed.value)
            found[DETAILS[kind]] = _detail(MessageToDict(message, preserving_proto_field_name=True))
    return StatusDetails(found)


def _detail(value: Any) -> Any:
    if isinstance(value, dict):
        return Detail({key: _detail(item) for key, item in value.items()})
    if isinstance(value, list):
        return [_detail(item) for item in value]
    return value


# --- HTTP, and what the client finds out by itself ---


class DaprInternalError(DaprError):
    """Something that is wrong with a call, told by the sidecar or found by the client."""

    def __init__(
        self,
        message: str | None,
        error_code: str | None = ERROR_CODE_UNKNOWN,
        raw_response_bytes: bytes | None = None,
    ) -> None:
        super().__init__(message, error_code, raw_response_bytes)
        self._message = message
        self._error_code = error_code
        self._raw_response_bytes = raw_response_bytes

    @property
    def message(self) -> str | None:
        """What went wrong."""
        return self._message

    @property
    def error_code(self) -> str | None:
        """Dapr's code for it; 'UNKNOWN' if there is none."""
        return self._error_code

    @property
    def raw_response_bytes(self) -> bytes | None:
        """The body of the answer."""
        return self._raw_response_bytes

    def as_dict(self) -> dict[str, Any]:
        """Everything, with the names that Dapr's JSON uses."""
        return {
            "message": self._message,
            "errorCode": self._error_code,
            "raw_response_bytes": self._raw_response_bytes,
        }

    def as_json_safe_dict(self) -> dict[str, Any]:
        """The same with the body in base64."""
        safe = self.as_dict()
        if self._raw_response_bytes is not None:
            safe["raw_response_bytes"] = base64.b64encode(self._raw_response_bytes).decode()
        return safe

    def __str__(self) -> str:
        if self._error_code != ERROR_CODE_UNKNOWN:
            return f"('{self._message}', '{self._error_code}')"
        return self._message or "Unknown Dapr Error."


class DaprUnreachableError(DaprInternalError):
    """The sidecar could not be reached over HTTP, or did not answer in time."""

    timed_out = False
    """Whether it was the time that ended."""


class Deserializer(Protocol):
    """Reads the body of an answer."""

    def deserialize(self, data: bytes) -> Any: ...


class DaprHttpError(DaprInternalError):
    """An HTTP call that the sidecar answered with an error."""

    def __init__(
        self,
        serializer: Deserializer | None = None,
        raw_response_bytes: bytes | None = None,
        status_code: int | None = None,
        reason: str | None = None,
    ) -> None:
        message, code = _told(serializer, raw_response_bytes)
        if not raw_response_bytes and status_code == 404:
            code, raw_response_bytes = ERROR_CODE_DOES_NOT_EXIST, None
        super().__init__(message or f"HTTP status code: {status_code}", code, raw_response_bytes)
        self._told = message
        self._status_code = status_code
        self._reason = reason

    @property
    def status_code(self) -> int | None:
        """The HTTP status."""
        return self._status_code

    @property
    def reason(self) -> str | None:
        """The HTTP reason phrase."""
        return self._reason

    def as_dict(self) -> dict[str, Any]:
        return {**super().as_dict(), "status_code": self._status_code, "reason": self._reason}

    def __str__(self) -> str:
        if self._error_code == ERROR_CODE_UNKNOWN:
            text = f"Unknown Dapr Error. HTTP status code: {self._status_code}."
            return f"{text} {self._told}" if self._told else text
        return f"{self._message} (Error Code: {self._error_code}, Status Code: {self._status_code})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.__dict__.copy(), self.args)


def _restore(kind: type[DaprHttpError], state: dict[str, Any], args: tuple[Any, ...]) -> DaprHttpError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


def _told(serializer: Deserializer | None, body: bytes | None) -> tuple[str | None, str]:
    """The message and the code in a body, if it has them."""
    if not body:
        return None, ERROR_CODE_UNKNOWN
    try:
        found = serializer.deserialize(body) if serializer else json.loads(body)
    except Exception:  # a body that cannot be read says nothing, whatever a serializer of the user's raises
        return None, ERROR_CODE_UNKNOWN
    if not isinstance(found, dict):
        return None, ERROR_CODE_UNKNOWN
    return found.get("message"), found.get("errorCode") or ERROR_CODE_UNKNOWN
