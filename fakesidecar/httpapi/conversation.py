"""The conversation API over HTTP (dapr pkg/api/http/conversation.go)."""

from __future__ import annotations

from google.protobuf.message import Message

from dapr_client.wire import ai_pb2
from fakesidecar import golang
from fakesidecar.core import Core
from fakesidecar.grpcapi.conversation import answer_alpha1, answer_alpha2
from fakesidecar.httpapi.bodies import read_message
from fakesidecar.httpapi.registry import route
from fakesidecar.web import Request, Response


@route("POST", "/v1.0-alpha1/conversation/{name}/converse", call="conversation.converse", component="name")
def converse_alpha1(core: Core, request: Request) -> Response:
    asked = read_message(request, ai_pb2.ConversationRequest)
    asked.name = request.params["name"]
    return as_response(answer_alpha1(core, asked))


@route("POST", "/v1.0-alpha2/conversation/{name}/converse", call="conversation.converse", component="name")
def converse_alpha2(core: Core, request: Request) -> Response:
    asked = read_message(request, ai_pb2.ConversationRequestAlpha2)
    asked.name = request.params["name"]
    return as_response(answer_alpha2(core, asked))


def as_response(message: Message) -> Response:
    """A message as the body of an answer."""
    return Response(200, [("content-type", "application/json")], golang.format_protojson(message))
