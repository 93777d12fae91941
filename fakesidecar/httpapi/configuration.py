"""The configuration API over HTTP (dapr pkg/api/http/configuration.go)."""

from __future__ import annotations

from typing import Any

from fakesidecar import golang
from fakesidecar.app import AppRequest
from fakesidecar.components.configuration import Setting, Settings
from fakesidecar.core import Core
from fakesidecar.errors import AppChannelMissing, SubscriptionUnknown
from fakesidecar.httpapi.registry import route
from fakesidecar.httpapi.render import render_error
from fakesidecar.web import Request, Response, empty, json_response

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
        items = {key: item_of(setting) for key, setting in settings.items()}
        body = golang.marshal({"id": id, "items": items}) + b"\n"
        for key in settings:
            app.send(AppRequest("POST", golang.path_escape(f"/configuration/{store}/{key}"), body), lane=id)

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
    id = request.params["id"]
    try:
        core.configuration.unsubscribe(request.params["store"], id)
    except SubscriptionUnknown as error:
        message = f"failed to unsubscribe to configuration request {id}: {error.message}"
        return json_response({"message": message}, error.http, newline=True)
    return json_response({"ok": True}, newline=True)
