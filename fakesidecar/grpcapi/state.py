"""The state API over gRPC (dapr pkg/api/grpc/grpc.go)."""

from __future__ import annotations

from google.protobuf import empty_pb2

from dapr_client.wire import common_pb2, state_pb2
from fakesidecar import golang
from fakesidecar.components.state import BulkItem, Delete, Json, Operation, Upsert
from fakesidecar.core import Core
from fakesidecar.errors import PlainError, StateKeyEmpty, StateOperationNotSupported
from fakesidecar.grpcapi.registry import Context, serves

CONCURRENCY = {0: "", 1: "first-write", 2: "last-write"}
CONSISTENCY = {0: "", 1: "eventual", 2: "strong"}


@serves("GetState", call="state.get", component="store_name", target="key")
def get_state(core: Core, request: state_pb2.GetStateRequest, context: Context) -> state_pb2.GetStateResponse:
    item = core.state.get(
        request.store_name,
        request.key,
        metadata=request.metadata,
        consistency=CONSISTENCY.get(request.consistency, ""),
    )
    if item is None:
        return state_pb2.GetStateResponse()
    return state_pb2.GetStateResponse(data=item.data, etag=item.etag, metadata=item.metadata)


@serves("GetBulkState", call="state.bulk_get", component="store_name", targets="keys")
def get_bulk_state(
    core: Core, request: state_pb2.GetBulkStateRequest, context: Context
) -> state_pb2.GetBulkStateResponse:
    items = core.state.bulk_get(request.store_name, request.keys, metadata=request.metadata)
    return state_pb2.GetBulkStateResponse(items=[_bulk_item(item) for item in items])


def _bulk_item(item: BulkItem) -> state_pb2.BulkStateItem:
    return state_pb2.BulkStateItem(
        key=item.key, data=item.data or b"", etag=item.etag or "", metadata=item.metadata, error=item.error
    )


@serves("SaveState", call="state.save", component="store_name", targets="states.key")
def save_state(core: Core, request: state_pb2.SaveStateRequest, context: Context) -> empty_pb2.Empty:
    core.state.store(request.store_name)
    if request.states:
        core.state.save(request.store_name, [_upsert(core, request.store_name, state) for state in request.states])
    return empty_pb2.Empty()


def _upsert(core: Core, store: str, state: common_pb2.StateItem) -> Upsert:
    if not state.key:
        raise StateKeyEmpty
    core.state.check_key(store, state.key)
    value: bytes | Json = state.value
    if state.metadata.get("contentType") == "application/json" and not core.state.encrypts(store):
        try:
            value = Json(golang.unmarshal(state.value))
        except golang.GoError as error:
            raise PlainError(message=str(error)) from error
    return Upsert(state.key, value, _etag(state), state.metadata, *_options(state.options))


def _etag(state: common_pb2.StateItem | state_pb2.DeleteStateRequest) -> str | None:
    return state.etag.value if state.HasField("etag") else None


def _options(options: common_pb2.StateOptions) -> tuple[str, str]:
    return CONCURRENCY.get(options.concurrency, ""), CONSISTENCY.get(options.consistency, "")


def _delete(state: common_pb2.StateItem | state_pb2.DeleteStateRequest) -> Delete:
    return Delete(state.key, _etag(state), state.metadata, *_options(state.options))


@serves("DeleteState", call="state.delete", component="store_name", target="key")
def delete_state(core: Core, request: state_pb2.DeleteStateRequest, context: Context) -> empty_pb2.Empty:
    core.state.delete(request.store_name, _delete(request))
    return empty_pb2.Empty()


@serves("DeleteBulkState", call="state.bulk_delete", component="store_name", targets="states.key")
def delete_bulk_state(core: Core, request: state_pb2.DeleteBulkStateRequest, context: Context) -> empty_pb2.Empty:
    core.state.bulk_delete(request.store_name, [_delete(state) for state in request.states])
    return empty_pb2.Empty()


@serves("ExecuteStateTransaction", call="state.transact", component="storeName", targets="operations.request.key")
def execute_state_transaction(
    core: Core, request: state_pb2.ExecuteStateTransactionRequest, context: Context
) -> empty_pb2.Empty:
    core.state.check_transactional(request.storeName)
    operations = [_operation(core, request.storeName, operation) for operation in request.operations]
    core.state.transact(request.storeName, operations, metadata=request.metadata, span=context.span)
    return empty_pb2.Empty()


def _operation(core: Core, store: str, operation: state_pb2.TransactionalStateOperation) -> Operation:
    state = operation.request
    core.state.check_key(store, state.key)
    match operation.operationType:
        case "upsert":
            return Upsert(state.key, state.value, _etag(state), state.metadata, *_options(state.options))
        case "delete":
            return _delete(state)
        case unknown:
            raise StateOperationNotSupported(operation=unknown)


@serves("QueryStateAlpha1", call="state.query", component="store_name")
def query_state(core: Core, request: state_pb2.QueryStateRequest, context: Context) -> state_pb2.QueryStateResponse:
    found = core.state.query(request.store_name, request.query.encode(), metadata=request.metadata)
    return state_pb2.QueryStateResponse(
        results=[
            state_pb2.QueryStateItem(key=item.key, data=item.data or b"", etag=item.etag or "", error=item.error)
            for item in found.items
        ],
        token=found.token,
        metadata=found.metadata,
    )
