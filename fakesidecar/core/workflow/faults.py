"""What goes wrong with workflows; the doors say it in their own words (durabletask-go api/errors.go)."""

from __future__ import annotations

from grpc import StatusCode

from fakesidecar import golang
from fakesidecar.errors import ApiError


class WorkflowFault(ApiError):
    """Something is wrong with an instance."""

    @property
    def go_text(self) -> str:
        return self.message


class NoSuchInstance(WorkflowFault):
    """There is no instance of that id."""

    template = "{where}no such instance exists"


class NotCompleted(WorkflowFault):
    """An instance that has not ended cannot be purged."""

    template = "{where}orchestration has not yet completed"


class InstanceStalled(WorkflowFault):
    """No worker can go on with the instance, so that nothing can be done to it."""

    template = "failed to invoke method for workflow '{id}': actor is stalled"


class NoListing(WorkflowFault):
    """Instances are listed by the store of actors."""

    template = "no state store with actor support found"


class BadToken(WorkflowFault):
    """A page was asked for with a token that is none."""

    template = 'invalid continue token: strconv.ParseUint: parsing "{token}": invalid syntax'


class PurgeByFilter(WorkflowFault):
    """Only single instances are purged (sic)."""

    template = "multi-instance purge is not unimplemented"


class IllegalId(WorkflowFault):
    """The scheduler takes no ids with these signs."""

    template = "rpc error: code = Unknown desc = job name is invalid {job}: must not contain '/', '\\', '#' or '?'"

    def __init__(self, *, app: str, id: str, random: str) -> None:
        job = f"actorreminder||default||dapr.internal.default.{app}.workflow||{id}||start-{random}"
        super().__init__(job=golang.quote(job))


class InstanceExists(WorkflowFault, grpc=StatusCode.ALREADY_EXISTS):
    """The id is in use."""

    @property
    def go_text(self) -> str:
        return f"rpc error: code = AlreadyExists desc = {self.message}"


class AlreadyActive(InstanceExists):
    """An instance of that id runs."""

    template = "an active workflow with ID '{id}' already exists"


class ChildActive(InstanceExists):
    """The instance has ended, but one of its children has not."""

    template = "cannot recreate workflow with ID '{id}': child workflow '{child}': orchestration has not yet completed"


class HistoryMissing(WorkflowFault, grpc=StatusCode.NOT_FOUND):
    """There is no history of that instance."""

    template = "workflow instance '{id}' not found"


class CannotRerun(WorkflowFault, grpc=StatusCode.INVALID_ARGUMENT):
    """The instance, or the event, is none to run again from."""


class NothingToRerun(WorkflowFault, grpc=StatusCode.NOT_FOUND):
    """There is no such instance, or no such event."""


class RerunExists(WorkflowFault, grpc=StatusCode.ALREADY_EXISTS):
    """The id for the rerun is in use."""

    template = "workflow '{id}' has already been created"


class NoWorkers(ApiError, grpc=StatusCode.UNAVAILABLE):
    """No worker can be served."""

    template = "unable to establish work item stream at this time: {cause}"


class ShuttingDown(ApiError, grpc=StatusCode.CANCELLED):
    """The sidecar stops."""

    template = "shutting down"
