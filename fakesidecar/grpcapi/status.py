"""Errors as gRPC statuses, with their details."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf import any_pb2, json_format
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

from fakesidecar import errors
from fakesidecar.errors import ApiError

DETAILS_KEY = "grpc-status-details-bin"


def trailer_of(error: ApiError, status: Status) -> list[tuple[str, str | bytes]]:
    """What is sent after an error: the details, and what else it has to say."""
    details: list[tuple[str, str | bytes]] = [(DETAILS_KEY, status.details)] if status.details else []
    return [*error.grpc_trailers, *details]


@dataclass(frozen=True, slots=True)
class Status:
    """How a call ended."""

    code: StatusCode
    message: str
    details: bytes = b""
    """A serialized google.rpc.Status; empty when there are no details."""


def status_of(error: ApiError) -> Status:
    """The status that an error is answered with."""
    if isinstance(error, errors.PassedOn):
        return Status(error.grpc, error.message, error.serialized)
    details = error.details
    if not details:
        return Status(error.grpc, error.message)
    full = status_pb2.Status(code=error.grpc.value[0], message=error.message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(message_of(detail))
        full.details.append(packed)
    return Status(error.grpc, error.message, full.SerializeToString())


def message_of(detail: errors.Detail) -> Message:
    """A detail as its google.rpc message."""
    message: Message
    match detail:
        case errors.ErrorInfo(reason, metadata):
            message = error_details_pb2.ErrorInfo(reason=reason, domain=errors.DOMAIN, metadata=metadata or {})
        case errors.ResourceInfo(type_, name, owner, description):
            message = error_details_pb2.ResourceInfo(
                resource_type=type_, resource_name=name, owner=owner, description=description
            )
        case errors.BadRequest(field, description):
            violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
            message = error_details_pb2.BadRequest(field_violations=[violation])
        case errors.Help(url, description):
            message = error_details_pb2.Help(links=[error_details_pb2.Help.Link(url=url, description=description)])
        case errors.AnyDetail(type_, fields):
            message = json_format.ParseDict(dict(fields), getattr(error_details_pb2, type_)())
    return message
