"""The API token (`DAPR_API_TOKEN`): who does not know it is refused (dapr pkg/api/http, pkg/api/grpc, auth)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING

from fakesidecar.errors import Unauthorized
from fakesidecar.web import Answer, Filter, Request, go_error

if TYPE_CHECKING:
    from fakesidecar.grpcapi.registry import Context

HEADER = "dapr-api-token"


def grpc_token(token: str) -> Callable[[str, Context], None]:
    """Let calls with the token pass; the token itself goes no further."""

    def check(path: str, context: Context) -> None:
        given = context.first(HEADER)
        if given is None:
            raise Unauthorized("missing api token in request metadata")
        if not same(given, token):
            raise Unauthorized("authentication error: api token mismatch")
        context.metadata = tuple(pair for pair in context.metadata if pair[0] != HEADER)

    return check


def http_token(token: str) -> Filter:
    """Let requests with the token pass, and those for the sidecar's health; the token itself goes no further."""

    def check(request: Request, proceed: Callable[[Request], Answer]) -> Answer:
        if request.route is not None and request.route.always_allowed:
            return proceed(request)
        if not same(request.header(HEADER) or "", token):
            return go_error(401, "invalid api token")
        request.headers = [pair for pair in request.headers if pair[0].lower() != HEADER]
        return proceed(request)

    return check


def same(given: str, token: str) -> bool:
    """Whether two tokens are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode(errors="surrogateescape"), token.encode(errors="surrogateescape"))
