"""What every call passes on its way: one concern, one file.

`grpc_filters` and `http_filters` put them in daprd's order (dapr pkg/api/grpc/server.go, pkg/api/http/server.go).
Interceptors around the core itself, which see calls of either door, are added to `core.onion`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fakesidecar.interceptors.api_lists import grpc_api_lists
from fakesidecar.interceptors.cors import http_cors
from fakesidecar.interceptors.token import grpc_token, http_token
from fakesidecar.interceptors.tracing import grpc_tracing, http_tracing

if TYPE_CHECKING:
    from fakesidecar.core import Core
    from fakesidecar.grpcapi.registry import Context
    from fakesidecar.web import Filter


def grpc_filters(core: Core) -> list[Callable[[str, Context], None]]:
    """What a gRPC call passes: each may refuse it by raising."""
    configuration, token = core.settings, core.options.api_token
    filters: list[Callable[[str, Context], None]] = []
    if (lists := grpc_api_lists(configuration)) is not None:
        filters.append(lists)
    if token:
        filters.append(grpc_token(token))
    if core.tracer.enabled:
        filters.append(grpc_tracing(core.tracer))
    return filters


def http_filters(core: Core) -> list[Filter]:
    """What an HTTP request passes, outermost first."""
    options, configuration = core.options, core.settings
    filters = public_http_filters(core)
    if options.allowed_origins:
        filters.append(http_cors(options.allowed_origins))
    if options.api_token:
        filters.append(http_token(options.api_token))
    filters += core.middleware.pipeline(configuration.http_pipeline)
    return filters


def public_http_filters(core: Core) -> list[Filter]:
    """What a request on the public port passes."""
    return [http_tracing(core.tracer)] if core.tracer.enabled else []
