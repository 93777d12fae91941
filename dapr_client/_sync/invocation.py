# Generated from dapr_client/_async/invocation.py by tools/async_to_sync.py. Do not edit.

"""Service invocation: call a method of another application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote
from warnings import warn

from google.protobuf.message import Message

from dapr_client._sync.block import Block
from dapr_client._checks import MetadataTuple, to_str
from dapr_client._transport import TOKEN_KEY
from dapr_client._transport.http_sync import Http
from dapr_client._version import USER_AGENT
from dapr_client.errors import DaprHttpError, DaprInternalError
from dapr_client.invocation import InvokeMethodResponse, Query, body_of, packed, query_of
from dapr_client.settings import settings
from dapr_client.wire import common_pb2, invoke_pb2

GRPC_IS_DEPRECATED = "invoke_method with protocol gRPC is deprecated. Use gRPC proxying instead."


class InvocationMethods(Block):
    """What a client can do with other applications."""

    _http: Http
    _http_timeout: float
    _api_url: str
    _token: str | None
    _headers_callback: Callable[[], Mapping[str, str]] | None

    def invoke_method(
        self,
        app_id: str,
        method_name: str,
        data: bytes | str | Message = "",
        content_type: str | None = None,
        metadata: MetadataTuple | None = None,
        http_verb: str | None = None,
        http_querystring: Query | None = None,
        timeout: float | None = None,
    ) -> InvokeMethodResponse:
        """Call a method of an application, over HTTP unless DAPR_API_METHOD_INVOCATION_PROTOCOL says gRPC.

        Over HTTP the verb is GET unless `http_verb` says otherwise, `metadata` are headers, and an answer of 400 and
        above is a DaprHttpError. Over gRPC errors are DaprGrpcError. `timeout` is in seconds, for each try; without it
        DAPR_HTTP_TIMEOUT_SECONDS applies over HTTP, DAPR_API_TIMEOUT_SECONDS over gRPC.
        """
        protocol = settings.DAPR_API_METHOD_INVOCATION_PROTOCOL
        if protocol.upper() == "GRPC":
            warn(GRPC_IS_DEPRECATED, DeprecationWarning, stacklevel=2)
            return self._invoke_grpc(
                app_id, method_name, data, content_type, metadata, http_verb, http_querystring, timeout
            )
        if protocol.upper() != "HTTP":
            raise DaprInternalError(f"Unknown value for DAPR_API_METHOD_INVOCATION_PROTOCOL: {protocol}")
        body, default_type = body_of(data)
        headers = {"Content-Type": content_type or default_type}
        headers |= {name: to_str(value) for name, value in metadata or ()}
        if self._token:
            headers[TOKEN_KEY] = self._token
        if self._headers_callback is not None:
            headers |= self._headers_callback()
        headers["User-Agent"] = USER_AGENT
        query = query_of(http_querystring)
        url = f"{self._api_url}/invoke/{quote(app_id, safe=IN_SEGMENT)}/method/{quote(method_name, safe=IN_PATH)}"
        self._transport.ready()
        reply = self._http.request(
            (http_verb or "GET").upper(),
            f"{url}{'&' if '?' in method_name else '?'}{query}" if query else url,
            headers=headers,
            body=body,
            timeout=self._http_timeout if timeout is None else timeout,
        )
        if reply.status >= 400:
            raise DaprHttpError(None, reply.body, reply.status, reply.reason)
        return InvokeMethodResponse(reply.body, reply.header("content-type"), tuple(reply.headers), reply.status)

    def _invoke_grpc(
        self,
        app_id: str,
        method_name: str,
        data: bytes | str | Message,
        content_type: str | None,
        metadata: MetadataTuple | None,
        http_verb: str | None,
        http_querystring: Query | None,
        timeout: float | None,
    ) -> InvokeMethodResponse:
        message = common_pb2.InvokeRequest(
            method=method_name, data=packed(data), content_type=content_type or body_of(data)[1]
        )
        if http_verb:
            extension = common_pb2.HTTPExtension(verb=http_verb.upper(), querystring=query_of(http_querystring))
            message.http_extension.CopyFrom(extension)
        request = invoke_pb2.InvokeServiceRequest(id=app_id, message=message)
        answer, headers = self._transport.unary(
            "InvokeService", request, common_pb2.InvokeResponse, metadata, timeout
        )
        return InvokeMethodResponse(answer.data, answer.content_type, headers)


IN_SEGMENT = "!$&'()*+,;=:@-._~"
IN_PATH = IN_SEGMENT + "/?%"
"""What stays as it is in the name of a method: it may be a path that is escaped already, and bring a query."""
