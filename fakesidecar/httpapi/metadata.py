"""The metadata API over HTTP (dapr pkg/api/http/metadata.go)."""

from __future__ import annotations

from typing import Any

from fakesidecar.core import Core
from fakesidecar.core.metadata import AppConnection, Metadata, RegisteredSubscription
from fakesidecar.errors import BodyUnreadable
from fakesidecar.httpapi.registry import route
from fakesidecar.web import Request, Response, empty, json_response


@route("GET", "/v1.0/metadata", call="metadata.get", public=True)
def get_metadata(core: Core, request: Request) -> Response:
    return json_response(as_json(core.metadata.get()), newline=True)


@route("PUT", "/v1.0/metadata/{key}", call="metadata.set", target="key", public=True)
def set_metadata(core: Core, request: Request) -> Response:
    if request.body_error:
        raise BodyUnreadable(cause=request.body_error)
    core.metadata.set(request.params["key"], request.body.decode(errors="replace"))
    return empty()


def as_json(found: Metadata) -> dict[str, Any]:
    """The metadata as daprd's HTTP API writes it: what is empty is left out."""
    actors = found.actor_runtime
    active = [{"type": type, **_unless_empty("count", count)} for type, count in sorted(actors.active.items())]
    return {
        "id": found.id,
        "runtimeVersion": found.runtime_version,
        **_unless_empty("enabledFeatures", list(found.enabled_features)),
        **_unless_empty("actors", active),  # its old place
        **_unless_empty(
            "components",
            [
                {
                    "name": one.name,
                    "type": one.type,
                    **_unless_empty("version", one.version),
                    **_unless_empty("capabilities", list(one.capabilities)),
                }
                for one in found.components
            ],
        ),
        "extended": dict(found.extended),
        **_unless_empty("subscriptions", [_subscription(one) for one in found.subscriptions]),
        **_unless_empty("httpEndpoints", [{"name": name} for name in found.http_endpoints]),
        "appConnectionProperties": _app_connection(found.app_connection),
        "actorRuntime": {
            "runtimeStatus": actors.status,
            **_unless_empty("activeActors", active),
            "hostReady": actors.host_ready,
            **_unless_empty("placement", actors.placement),
        },
        **_unless_empty("scheduler", _unless_empty("connected_addresses", list(found.scheduler_addresses))),
        **_unless_empty("workflows", _unless_empty("connectedWorkers", found.workflow_workers)),
        **_unless_empty("resiliencies", [{"name": name} for name in found.resiliencies]),
    }


def _subscription(one: RegisteredSubscription) -> dict[str, Any]:
    return {
        "pubsubname": one.pubsub_name,
        "topic": one.topic,
        **_unless_empty("metadata", dict(one.metadata)),
        "rules": [{**_unless_empty("match", rule.match), **_unless_empty("path", rule.path)} for rule in one.rules],
        "deadLetterTopic": one.dead_letter_topic,
        "type": one.type,
    }


def _app_connection(app: AppConnection) -> dict[str, Any]:
    out: dict[str, Any] = {
        **_unless_empty("port", app.port),
        "protocol": app.protocol,
        "channelAddress": app.channel_address,
        **_unless_empty("maxConcurrency", app.max_concurrency),
    }
    if app.health is not None:
        out["health"] = {
            "healthCheckPath": app.health.path,
            "healthProbeInterval": app.health.interval,
            "healthProbeTimeout": app.health.timeout,
            "healthThreshold": app.health.threshold,
        }
    return out


def _unless_empty(name: str, value: Any) -> dict[str, Any]:
    return {name: value} if value else {}
