"""The state API over HTTP (dapr pkg/api/http/http.go)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fakesidecar import golang
from fakesidecar.components.state import BulkItem, Delete, Json, Operation, Upsert
from fakesidecar.core import Core
from fakesidecar.errors import (
    IllegalKey,
    MalformedBody,
    MalformedRequest,
    StateOperationNotSupported,
    StateStoreNotConfigured,
    StateStoreNotFound,
)
from fakesidecar.httpapi.bodies import TEXTS, decode
from fakesidecar.httpapi.registry import route
from fakesidecar.web import Request, Response, empty, json_response


class IllegalKeyOverHttp(IllegalKey):
    """Over HTTP the error is wrapped once more."""

    template = "api error: code = InvalidArgument desc = input key/keyPrefix '{key}' can't contain '||'"


@contextmanager
def http_errors(core: Core, *, field: str | None = None) -> Iterator[None]:
    """Errors as this door tells them: the app id in the details, illegal keys wrapped."""
    try:
        yield
    except (StateStoreNotFound, StateStoreNotConfigured) as error:
        error.info = {"appID": core.app_id}
        raise
    except IllegalKey as error:
        raise IllegalKeyOverHttp(key=error.key, store=error.store, field=field) from error


@route("GET", "/v1.0/state/{store}/{key}", call="state.get", component="store", target="key")
def get_state(core: Core, request: Request) -> Response:
    store, key = request.params["store"], request.params["key"]
    with http_errors(core):
        item = core.state.get(store, key, metadata=request.metadata, consistency=request.query_value("consistency"))
    if item is None:
        return empty()
    headers = [("content-type", "application/json")]
    if item.etag is not None:
        headers.append(("etag", item.etag))
    headers += [(f"metadata.{name}", value) for name, value in item.metadata.items()]
    return Response(200, headers, item.data)


@route("DELETE", "/v1.0/state/{store}/{key}", call="state.delete", component="store", target="key")
def delete_state(core: Core, request: Request) -> Response:
    delete = Delete(
        request.params["key"],
        request.header("if-match"),
        request.metadata,
        request.query_value("concurrency"),
        request.query_value("consistency"),
    )
    with http_errors(core):
        core.state.delete(request.params["store"], delete)
    return empty()


OPTIONS = golang.Struct(
    "state.SetStateOption", (golang.Field("concurrency", golang.TEXT), golang.Field("consistency", golang.TEXT))
)
SET_REQUEST = golang.Struct(
    "state.SetRequest",
    (
        golang.Field("key", golang.TEXT),
        golang.Field("value", golang.ANY),
        golang.Field("etag", golang.Optional(golang.TEXT)),
        golang.Field("metadata", TEXTS),
        golang.Field("options", OPTIONS),
    ),
)
BULK_GET = golang.Struct(
    "http.BulkGetRequest",
    (
        golang.Field("metadata", TEXTS),
        golang.Field("keys", golang.ListOf(golang.TEXT)),
        golang.Field("parallelism", golang.INT),
    ),
)
OPERATION = golang.Struct(
    "http.stateTransactionRequestBodyOperation",
    (golang.Field("operation", golang.TEXT), golang.Field("request", golang.ANY)),
)
TRANSACTION = golang.Struct(
    "http.stateTransactionRequestBody",
    (golang.Field("operations", golang.ListOf(OPERATION)), golang.Field("metadata", TEXTS)),
)
OPERATION_FIELDS = {"Key": str, "Value": object, "ETag": str, "Metadata": dict, "Options": object}


@route("POST PUT", "/v1.0/state/{store}", call="state.save", component="store", targets="body.key")
def save_state(core: Core, request: Request) -> Response:
    store = request.params["store"]
    with http_errors(core):
        core.state.store(store)
        try:
            items = decode(request, golang.ListOf(SET_REQUEST)) or []
        except MalformedBody as error:
            raise MalformedRequest(message=str(error.__cause__ or request.body_error)) from error
        query = request.metadata
        requests = [_upsert(core, store, item, query) for item in items]
        if requests:
            core.state.save(store, requests)
    return empty()


def _upsert(core: Core, store: str, item: Mapping[str, Any], query: Mapping[str, str]) -> Upsert:
    if not item["key"]:
        raise MalformedRequest(message='"key" is a required field')
    core.state.check_key(store, item["key"])
    options = item["options"] or {}
    return Upsert(
        item["key"],
        Json(item["value"]),
        item["etag"],
        {**(item["metadata"] or {}), **query},
        options.get("concurrency", ""),
        options.get("consistency", ""),
    )


@route("POST PUT", "/v1.0/state/{store}/bulk", call="state.bulk_get", component="store", targets="body.keys")
def get_bulk_state(core: Core, request: Request) -> Response:
    store = request.params["store"]
    with http_errors(core):
        core.state.store(store)
        asked = decode(request, BULK_GET)
        metadata = {**(asked["metadata"] or {}), **request.metadata}
        items = core.state.bulk_get(store, asked["keys"] or [], metadata=metadata)
    return raw_json_response([_bulk_item(item) for item in items])


def _bulk_item(item: BulkItem) -> dict[str, Any]:
    out: dict[str, Any] = {"key": item.key}
    if item.data:
        out["data"] = item.data
    if item.etag is not None:
        out["etag"] = item.etag
    if item.metadata:
        out["metadata"] = dict(item.metadata)
    if item.error:
        out["error"] = item.error
    return out


def raw_json_response(items: list[dict[str, Any]]) -> Response:
    """A JSON list of objects whose `data` is JSON already; 200 with no body when one of them is not.

    Go's Encoder writes nothing when a RawMessage in it does not parse (dapr pkg/api/http/http.go, onBulkGetState).
    """
    try:
        value = [{**item, **({"data": golang.RawJson(item["data"])} if "data" in item else {})} for item in items]
        return json_response(value, newline=True)
    except golang.GoError:
        return Response(200, [("content-type", "application/json")], traced=False)


@route(
    "POST PUT",
    "/v1.0/state/{store}/transaction",
    call="state.transact",
    component="store",
    targets="body.operations.request.key",
)
def execute_state_transaction(core: Core, request: Request) -> Response:
    store = request.params["store"]
    # The field of the violation is lost on the way (dapr pkg/api/http/http.go, onPostStateTransaction).
    with http_errors(core, field=""):
        core.state.check_transactional(store)
        body = decode(request, TRANSACTION)
        query = request.metadata
        operations = [_operation(core, store, operation, query) for operation in body["operations"] or []]
        metadata = {**(body["metadata"] or {}), **query}
        core.state.transact(store, operations, metadata=metadata, span=request.span)
    return empty()


def _operation(core: Core, store: str, operation: Mapping[str, Any], query: Mapping[str, str]) -> Operation:
    kind = operation["operation"]
    if kind not in ("upsert", "delete"):
        raise StateOperationNotSupported(operation=kind)
    try:
        fields = golang.map_structure(operation["request"] or {}, OPERATION_FIELDS)
        options = golang.map_structure(fields.get("Options") or {}, {"Concurrency": str, "Consistency": str})
    except golang.GoError as error:
        raise MalformedBody(cause=error) from error
    key = fields.get("Key", "")
    core.state.check_key(store, key)
    etag, metadata = fields.get("ETag"), {**fields.get("Metadata", {}), **query}
    modes = options.get("Concurrency", ""), options.get("Consistency", "")
    if kind == "upsert":
        return Upsert(key, Json(fields.get("Value")), etag, metadata, *modes)
    return Delete(key, etag, metadata, *modes)


@route("POST PUT", "/v1.0-alpha1/state/{store}/query", call="state.query", component="store")
def query_state(core: Core, request: Request) -> Response:
    with http_errors(core):
        found = core.state.query(request.params["store"], request.body, metadata=request.metadata)
    if not found.items:
        return empty()
    body: dict[str, Any] = {"results": [_bulk_item(item) for item in found.items]}
    for item in body["results"]:
        item["data"] = golang.RawJson(item.get("data", b"null"))
    if found.token:
        body["token"] = found.token
    if found.metadata:
        body["metadata"] = dict(found.metadata)
    return json_response(body, newline=True)
