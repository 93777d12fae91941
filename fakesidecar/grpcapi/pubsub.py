"""The publish API over gRPC (dapr pkg/api/grpc/grpc.go)."""

from __future__ import annotations

from google.protobuf import empty_pb2

from dapr_client.wire import pubsub_pb2
from fakesidecar.core import Core
from fakesidecar.core.pubsub import Entry
from fakesidecar.errors import PublishFailed
from fakesidecar.grpcapi.registry import Context, serves


@serves("PublishEvent", call="pubsub.publish", component="pubsub_name", target="topic")
def publish_event(core: Core, request: pubsub_pb2.PublishEventRequest, context: Context) -> empty_pb2.Empty:
    metadata = dict(request.metadata)
    if core.pubsub.check(request.pubsub_name, request.topic, metadata):
        # A raw message has no event that could carry the trace, so its metadata does.
        parent = context.span.traceparent if context.span.valid else ""
        metadata |= {"traceid": parent, "tracestate": ""}
    core.pubsub.publish(
        request.pubsub_name,
        request.topic,
        request.data,
        content_type=request.data_content_type,
        metadata=metadata,
        span=context.span,
    )
    return empty_pb2.Empty()


@serves(
    "BulkPublishEvent", "BulkPublishEventAlpha1", call="pubsub.bulk_publish", component="pubsub_name", target="topic"
)
def bulk_publish_event(
    core: Core, request: pubsub_pb2.BulkPublishRequest, context: Context
) -> pubsub_pb2.BulkPublishResponse:
    shared = dict(request.metadata)
    # The metadata of the request is that of entries that have some of their own.
    entries = [
        Entry(entry.entry_id, entry.event, entry.content_type, {**shared, **entry.metadata} if entry.metadata else {})
        for entry in request.entries
    ]
    failures = core.pubsub.bulk_publish(request.pubsub_name, request.topic, entries, metadata=shared, span=context.span)
    for cause in failures.values():
        info = {"topic": request.topic, "error": cause}
        raise PublishFailed(pubsub=request.pubsub_name, topic=request.topic, cause=cause, info=info)
    return pubsub_pb2.BulkPublishResponse()
