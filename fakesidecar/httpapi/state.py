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
from fakesidecar.httpapi.registry import Request, Response, empty, json_response, route


class IllegalKeyOverHttp(IllegalKey):
    """Over HTTP the error is wrapped once more."""

    template = "api error: code = InvalidArgument desc = input key/keyPrefix '{key}' can't contain '||'"


@contextmanager
def http_errors(core: Core, *, key: str | None = None) -> Iterator[None]:
    """Errors as this door tells them: the app id in the details, illegal keys wrapped."""
    try:
        yield
    except (StateStoreNotFound, StateStoreNotConfigured) as error:
        error.info = {"appID": core.app_id}
        raise
    except IllegalKey as error:
        raise IllegalKeyOverHttp(key=error.key if key is None else key, store=error.store) from error


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
