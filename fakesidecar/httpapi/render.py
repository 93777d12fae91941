"""Errors as HTTP responses."""

from __future__ import annotations

from typing import Any

from fakesidecar import errors
from fakesidecar.errors import ApiError
from fakesidecar.web import Response, json_response

TYPE = "type.googleapis.com/google.rpc."


def render_error(error: ApiError) -> Response:
    """The response that an error is answered with (dapr pkg/api/http/responses.go)."""
    if error.http_body is not None:
        return Response(error.http, [*error.http_headers], error.http_body)
    body: dict[str, Any] = {"errorCode": error.code, "message": error.message}
    if error.http_details:
        body["details"] = [detail_as_json(detail) for detail in error.http_details]
    return json_response(body, error.http, headers=error.http_headers)


def detail_as_json(detail: errors.Detail) -> dict[str, Any]:
    """A detail as daprd writes it over HTTP (dapr kit errors, not protojson)."""
    match detail:
        case errors.ErrorInfo(reason, metadata):
            fields: dict[str, Any] = {
                "reason": reason,
                "domain": errors.DOMAIN,
                "metadata": metadata and dict(metadata),
            }
        case errors.ResourceInfo(type_, name, owner, description):
            fields = {"resource_type": type_, "resource_name": name, "owner": owner, "description": description}
        case errors.BadRequest(field, description):
            violation = {"description": description} | ({"field": field} if field else {})
            fields = {"field_violations": [violation]}
        case errors.Help(url, description):
            fields = {"links": [{"url": url, "description": description}]}
        case errors.AnyDetail(type_, given):
            return {"@type": TYPE + type_, **given}
    return {"@type": TYPE + type(detail).__name__, **fields}
