"""The configuration API over HTTP (dapr pkg/api/http/configuration.go)."""

from __future__ import annotations

from typing import Any

from fakesidecar import golang
from fakesidecar.app import AppRequest
from fakesidecar.components.configuration import Setting, Settings
from fakesidecar.core import Core
from fakesidecar.errors import AppChannelMissing
from fakesidecar.httpapi.registry import Request, Response, empty, json_response, route
from fakesidecar.httpapi.render import render_error

STABLE, ALPHA = "/v1.0/configuration/{store}", "/v1.0-alpha1/configuration/{store}"


def item_of(setting: Setting) -> dict[str, Any]:
    fields = {"value": setting.value, "version": setting.version}
    return {name: text for name, text in fields.items() if text}


@route("GET", STABLE, ALPHA, call="configuration.get", component="store")
def get_configuration(core: Core, request: Request) -> Response:
    settings = core.configuration.get(request.params["store"], request.query_values("key"))
    if not settings:
        return empty()
    return json_response({key: item_of(setting) for key, setting in settings.items()}, newline=True)


@route("GET", f"{STABLE}/subscribe", f"{ALPHA}/subscribe", call="configuration.subscribe", component="store")
def subscribe_configuration(core: Core, request: Request) -> Response:
    store = request.params["store"]
    core.configuration.store(store)
    if core.app is None:
        answer = render_error(AppChannelMissing())
        answer.body += b"\n"
        return answer
    app = core.app

    def post(id: str, settings: Settings) -> None:
        for key, setting in settings.items():
            body = golang.marshal({"id": id, "items": {key: item_of(setting)}}) + b"\n"
            app.send(AppRequest("POST", f"/configuration/{store}/{key}", body))

    id = core.configuration.subscribe(store, request.query_values("key"), tell=post)
    return json_response({"id": id}, newline=True)


@route(
    "GET",
    f"{STABLE}/{{id}}/unsubscribe",
    f"{ALPHA}/{{id}}/unsubscribe",
    call="configuration.unsubscribe",
    component="store",
    target="id",
)
def unsubscribe_configuration(core: Core, request: Request) -> Response:
    core.configuration.store(request.params["store"])
    id = request.params["id"]
    if core.configuration.unsubscribe(id):
        return json_response({"ok": True}, newline=True)
    message = f"failed to unsubscribe to configuration request {id}: subscription with id {id} does not exist"
    return json_response({"message": message}, 500, newline=True)
