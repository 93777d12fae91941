"""Dapr's management API for workflows: what both doors ask of the engine (dapr pkg/api/universal/workflow.go).

None of it waits for what the workflow does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from dapr_client.wire import orchestration_pb2 as common
from fakesidecar.core.workflow.engine import Engine, Start
from fakesidecar.core.workflow.faults import NoSuchInstance
from fakesidecar.core.workflow.history import STALLED
from fakesidecar.core.workflow.instance import Instance
from fakesidecar.errors import (
    ActorStateStoreMissing,
    ApiError,
    WorkflowEventNameMissing,
    WorkflowGetFailed,
    WorkflowIdInvalid,
    WorkflowIdMissing,
    WorkflowIdTooLong,
    WorkflowNameMissing,
    WorkflowNotFound,
    WorkflowPauseFailed,
    WorkflowPurgeFailed,
    WorkflowRaiseEventFailed,
    WorkflowResumeFailed,
    WorkflowStartFailed,
    WorkflowTerminateFailed,
)
from fakesidecar.later import then

if TYPE_CHECKING:
    from fakesidecar.core import Core

T = TypeVar("T")
R = TypeVar("R")

START_TIME = "dapr.workflow.start_time"
LONGEST_ID = 64
UNABLE = "unable to start workflow: failed to start workflow: "
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Info:
    """What is told of an instance."""

    id: str
    name: str
    created: Timestamp | None
    updated: Timestamp | None
    status: str
    properties: Mapping[str, str] = field(default_factory=dict)


def start(core: Core, id: str, name: str, data: bytes, options: Mapping[str, str]) -> Future[str]:
    """Begin an instance, under a new id when none is given; the answer is the id."""
    engine = _engine(core)
    id = id or core.around.ids.uuid()
    if len(id.encode()) > LONGEST_ID:
        raise WorkflowIdTooLong(max=LONGEST_ID)
    if not all(sign in "_-" or sign.isalnum() for sign in id):
        raise WorkflowIdInvalid(id=id)
    if not name:
        raise WorkflowNameMissing
    at = _start_time(name, options[START_TIME]) if START_TIME in options else None
    try:
        payload = StringValue(value=data.decode())
    except UnicodeDecodeError:
        cause = "failed to marshal CreateWorkflowInstanceRequest: string field contains invalid UTF-8"
        raise WorkflowStartFailed(name=name, cause=UNABLE + cause) from None

    def failed(error: ApiError) -> ApiError:
        return WorkflowStartFailed(name=name, cause=UNABLE + error.go_text)

    return _ask(lambda: engine.begin(Start(id, name, payload, at)), lambda instance: instance.id, failed)


def _start_time(name: str, text: str) -> Timestamp:
    moment = Timestamp()
    try:
        if not TIME.fullmatch(text):
            raise ValueError(text)
        moment.FromJsonString(text.replace(",", "."))
    except ValueError:
        cause = 'start times must be in RFC3339 format (e.g. "2009-11-10T23:00:00Z")'
        raise WorkflowStartFailed(name=name, cause=cause) from None
    return moment


def get(core: Core, id: str) -> Info | None:
    """What an instance is and does; None when there is none."""
    engine = _engine(core)
    _check_id(id)
    try:
        instance = engine.get(id)
    except ApiError as error:
        raise WorkflowGetFailed(id=id, cause=error.go_text) from error
    return None if instance is None else _info(instance)


def _info(instance: Instance) -> Info:
    facts = instance.facts
    begun = facts.started is not None and facts.last is not None
    return Info(
        instance.id,
        facts.name,
        facts.started.timestamp if facts.started is not None else None,
        facts.last.timestamp if facts.last is not None and begun else None,
        _status(facts.status),
        _properties(instance),
    )


def _status(status: common.OrchestrationStatus) -> str:
    if status == STALLED:
        return "UNKNOWN"
    return common.OrchestrationStatus.Name(status).removeprefix("ORCHESTRATION_STATUS_")


def _properties(instance: Instance) -> dict[str, str]:
    facts, out = instance.facts, {}
    if instance.custom_status:
        out["dapr.workflow.custom_status"] = instance.custom_status
    if facts.started is not None and facts.started.executionStarted.HasField("input"):
        out["dapr.workflow.input"] = facts.started.executionStarted.input.value
    if facts.completed is None:
        return out
    done = facts.completed.executionCompleted
    if done.HasField("result"):
        out["dapr.workflow.output"] = done.result.value
    if done.HasField("failureDetails"):
        details = done.failureDetails
        out["dapr.workflow.failure.error_type"] = details.errorType
        out["dapr.workflow.failure.error_message"] = details.errorMessage
        if details.HasField("stackTrace"):
            out["dapr.workflow.failure.stack_trace"] = details.stackTrace.value
    return out


def pause(core: Core, id: str) -> Future[None]:
    """Have an instance rest."""
    return _change(core, id, lambda engine: engine.suspend(id, None, wait=False), _failure(WorkflowPauseFailed, id))


def resume(core: Core, id: str) -> Future[None]:
    """Have an instance go on."""
    return _change(core, id, lambda engine: engine.resume(id, None, wait=False), _failure(WorkflowResumeFailed, id))


def terminate(core: Core, id: str) -> Future[None]:
    """End an instance and its children."""

    def failed(error: ApiError) -> ApiError:
        if isinstance(error, NoSuchInstance):
            return WorkflowNotFound(id=f"{id}%!(EXTRA *fmt.wrapError=failed to submit termination request:: {error})")
        return WorkflowTerminateFailed(id=id, cause=error.go_text)

    return _change(core, id, lambda engine: engine.terminate(id, None, recursive=True, wait=False), failed)


def purge(core: Core, id: str) -> Future[None]:
    """Forget an instance and its children."""

    def failed(error: ApiError) -> ApiError:
        if isinstance(error, NoSuchInstance):
            return WorkflowNotFound(id=f"{id}%!(EXTRA *fmt.wrapError=failed to purge workflow state: {error})")
        fetch = "failed to fetch workflow state: failed to load workflow metadata: "
        return WorkflowPurgeFailed(
            id=id, cause=(fetch if isinstance(error, ActorStateStoreMissing) else "") + error.go_text
        )

    return _change(core, id, lambda engine: engine.purge(id, recursive=True), failed)


def raise_event(core: Core, id: str, name: str, data: bytes | None) -> Future[None]:
    """Send an instance an event."""
    engine = _engine(core)
    _check_id(id)
    if not name:
        raise WorkflowEventNameMissing
    payload = None if data is None else StringValue(value=data.decode(errors="replace"))

    def failed(error: ApiError) -> ApiError:
        return WorkflowRaiseEventFailed(id=id, name=name, cause=error.go_text)

    return _ask(lambda: engine.raise_event(id, name, payload), lambda _: None, failed)


def _engine(core: Core) -> Engine:
    """The engine of a sidecar that has a control plane."""
    core.workflow.check_placement()
    return core.workflow


def _check_id(id: str) -> None:
    if not id:
        raise WorkflowIdMissing


def _failure(kind: type[ApiError], id: str) -> Callable[[ApiError], ApiError]:
    return lambda error: kind(id=id, cause=error.go_text)


def _change(
    core: Core, id: str, ask: Callable[[Engine], Future[T]], failed: Callable[[ApiError], ApiError]
) -> Future[None]:
    engine = _engine(core)
    _check_id(id)
    return _ask(lambda: ask(engine), lambda _: None, failed)


def _ask(ask: Callable[[], Future[T]], convert: Callable[[T], R], failed: Callable[[ApiError], ApiError]) -> Future[R]:
    """What the engine answers, later; its errors as this API has them."""

    def recover(error: Exception) -> R:
        raise failed(error) if isinstance(error, ApiError) else error

    try:
        return then(ask(), convert, recover)
    except ApiError as error:
        raise failed(error) from error
