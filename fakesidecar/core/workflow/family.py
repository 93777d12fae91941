"""Parents and children among the instances of an app: who is whose, and who is still at work."""

from __future__ import annotations

from collections.abc import Mapping

from dapr_client.wire import history_events_pb2 as pb
from dapr_client.wire import orchestration_pb2 as common
from dapr_client.wire import orchestrator_service_pb2 as service
from fakesidecar.core.workflow.faults import NotCompleted
from fakesidecar.core.workflow.history import Event
from fakesidecar.core.workflow.instance import Instance

Instances = Mapping[str, Instance]


def active_child(instance: Instance, instances: Instances) -> str | None:
    """The first child that has not ended, or has one that has not."""
    for id in instance.facts.children:
        child = instances.get(id)
        if child is not None and (child.active or active_child(child, instances) is not None):
            return id
    return None


def purgeable(id: str, instances: Instances, recursive: bool, force: bool) -> list[str]:
    """The instance of that id, and its children, children first; raises when one of them has not ended."""
    instance = instances.get(id)
    if instance is None:
        return []
    if instance.active and not force:
        raise NotCompleted(where="")
    found: list[str] = []
    if recursive:
        for child in instance.facts.children:
            try:
                found += [one for one in purgeable(child, instances, recursive, force) if one not in found]
            except NotCompleted as error:
                raise NotCompleted(where="failed to purge child workflow: ") from error
    return [*found, id]


def is_asked_for(child: Instance, event: Event) -> bool:
    """Whether a child is what its parent asks for: one that has ended is if the same round asks again.

    One that an earlier round of the parent began, under the same number, is what the present round asks for as long as
    it runs, whatever it was told; its result is the present round's (dapr pkg/actors/targets/workflow).
    """
    if child.start is None or not event.executionStarted.HasField("parentInstance"):
        return False
    before, parent = child.start.executionStarted.parentInstance, event.executionStarted.parentInstance
    if _caller(before) != _caller(parent):
        return False
    return child.active or before.workflowInstance == parent.workflowInstance


def _caller(parent: common.ParentInstanceInfo) -> tuple[str, int]:
    """Who called a child, and by which action; not in which round."""
    return parent.workflowInstance.instanceId, parent.taskScheduledId


def as_activity(started: pb.ExecutionStartedEvent) -> service.ActivityRequest:
    """The call of a child as if it were one of an activity."""
    parent = started.parentInstance
    return service.ActivityRequest(
        name=started.name,
        input=started.input if started.HasField("input") else None,
        workflowInstance=parent.workflowInstance,
        taskId=parent.taskScheduledId,
        taskExecutionId=started.workflowInstance.instanceId,
    )
