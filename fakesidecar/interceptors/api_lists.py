"""Which APIs a Configuration allows or denies (`spec.api`; dapr pkg/config/configuration.go, APIAccessRules).

Over HTTP what is closed is not there at all; over gRPC it answers that it is not implemented.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from dapr_client import wire
from fakesidecar.errors import ApiNotAllowed

if TYPE_CHECKING:
    from fakesidecar.grpcapi.registry import Context
    from fakesidecar.resources.configuration import ApiRule, Configuration
    from fakesidecar.web import Route

RUNTIME = "/dapr.proto.runtime."
"""Lists say nothing of other services: TaskHubSidecarService and whatever is proxied."""

_ACTORS = """
    RegisterActorTimer UnregisterActorTimer RegisterActorReminder UnregisterActorReminder GetActorReminder
    ListActorReminders UnregisterActorRemindersByType GetActorState ExecuteActorStateTransaction InvokeActor
"""
_CONFIGURATION = "GetConfiguration SubscribeConfiguration UnsubscribeConfiguration"
_CRYPTO = "GetKey Encrypt Decrypt WrapKey UnwrapKey Sign Verify"
_JOBS = "ScheduleJob GetJob DeleteJob DeleteJobsByPrefix ListJobs"
_WORKFLOWS = "StartWorkflow GetWorkflow PurgeWorkflow TerminateWorkflow PauseWorkflow ResumeWorkflow RaiseEventWorkflow"


def _each(names: str, *, prefix: str = "", suffix: str = "") -> frozenset[str]:
    return frozenset(f"/{wire.DAPR}/{prefix}{name}{suffix}" for name in names.split())


GROUPS = {
    "invoke/v1": _each("InvokeService"),
    "state/v1": _each("GetState GetBulkState SaveState DeleteState DeleteBulkState ExecuteStateTransaction"),
    "state/v1alpha1": _each("QueryState", suffix="Alpha1"),
    "publish/v1": _each("PublishEvent BulkPublishEvent"),
    "publish/v1alpha1": _each("BulkPublishEvent", suffix="Alpha1"),
    "subscribe/v1alpha1": _each("SubscribeTopicEvents", suffix="Alpha1"),
    "bindings/v1": _each("InvokeBinding"),
    "secrets/v1": _each("GetSecret GetBulkSecret"),
    "actors/v1": _each(_ACTORS),
    "actors/v1alpha1": _each("SubscribeActorEvents", suffix="Alpha1"),
    "metadata/v1": _each("GetMetadata SetMetadata"),
    "configuration/v1": _each(_CONFIGURATION),
    "configuration/v1alpha1": _each(_CONFIGURATION, suffix="Alpha1"),
    "lock/v1alpha1": _each("TryLock", suffix="Alpha1"),
    "unlock/v1alpha1": _each("Unlock", suffix="Alpha1"),
    "crypto/v1alpha1": _each("Encrypt Decrypt", suffix="Alpha1"),
    "subtlecrypto/v1alpha1": _each(_CRYPTO, prefix="Subtle", suffix="Alpha1"),
    "workflows/v1alpha1": _each(_WORKFLOWS, suffix="Alpha1"),
    "workflows/v1beta1": _each(_WORKFLOWS, suffix="Beta1"),
    "jobs/v1": _each(_JOBS),
    "jobs/v1alpha1": _each(_JOBS, suffix="Alpha1"),
    "conversation/v1alpha1": _each("Converse", suffix="Alpha1"),
    "conversation/v1alpha2": _each("Converse", suffix="Alpha2"),
    "shutdown/v1": _each("Shutdown"),
}
"""The RPCs of every group, as rules name it: name and version (dapr pkg/api/grpc/endpoints.go)."""


def grpc_api_lists(configuration: Configuration) -> Callable[[str, Context], None] | None:
    """Refuse what the lists close; None when they close nothing."""
    allowed = _paths(configuration.api_allowed)
    denied = _paths(configuration.api_denied)
    if not allowed and not denied:
        return None

    def check(path: str, context: Context) -> None:
        if path.startswith(RUNTIME) and (path in denied or (allowed and path not in allowed)):
            raise ApiNotAllowed("requested endpoint is not available")

    return check


def _paths(rules: Iterable[ApiRule]) -> frozenset[str]:
    return frozenset[str]().union(*(GROUPS.get(key, ()) for key in _keys(rules, "grpc")))


def _keys(rules: Iterable[ApiRule], protocol: str) -> frozenset[str]:
    return frozenset(f"{rule.name}/{rule.version}" for rule in rules if rule.protocol.lower() == protocol)


def http_api_lists(configuration: Configuration) -> Callable[[Route], bool]:
    """Tells whether a route is there."""
    allowed = _http_keys(configuration.api_allowed)
    denied = _http_keys(configuration.api_denied)

    def is_there(route: Route) -> bool:
        version, group = route.pattern[:2]
        if route.always_allowed or not version.startswith("v1."):  # the sidecar's own controls are no API of Dapr's
            return True
        key = f"{group}/{http_version(version)}"
        return key not in denied and (not allowed or key in allowed)

    return is_there


def invoke_is_there(configuration: Configuration) -> bool:
    """Whether what is no route may be handed to an app."""
    allowed, denied = _http_keys(configuration.api_allowed), _http_keys(configuration.api_denied)
    return "invoke/v1" not in denied and (not allowed or "invoke/v1" in allowed)


def _http_keys(rules: Iterable[ApiRule]) -> frozenset[str]:
    keys = (key.split("/", 1) for key in _keys(rules, "http"))
    return frozenset(f"{name}/{http_version(version)}" for name, version in keys)


def http_version(version: str) -> str:
    """`v1.0` and `v1` are one, and so are `v1.0-alpha1` and `v1alpha1`."""
    return "v1" + version.removeprefix("v1.0").removeprefix("-") if version.startswith("v1.0") else version
