"""State stores: read, write, delete, query, transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from warnings import warn

from google.protobuf.empty_pb2 import Empty

from dapr_client._async.block import Block
from dapr_client._checks import NO_METADATA, MetadataTuple, checked_value, warn_of_metadata
from dapr_client._response import DaprResponse
from dapr_client.state import (
    QUERY_IS_ALPHA,
    BulkStateItem,
    BulkStatesResponse,
    Consistency,
    QueryResponse,
    QueryResponseItem,
    StateItem,
    StateOptions,
    StateResponse,
    TransactionalStateOperation,
    consistency_name,
    deletion,
    item,
    items,
    named_store,
    steps,
)
from dapr_client.wire import common_pb2, state_pb2


class StateMethods(Block):
    """What a client can do with state stores."""

    async def get_state(
        self,
        store_name: str,
        key: str,
        state_metadata: Mapping[str, str] | None = NO_METADATA,
        metadata: MetadataTuple | None = None,
        *,
        consistency: Consistency | None = None,
        timeout: float | None = None,
    ) -> StateResponse:
        """Read a value: empty data and an empty etag if there is none."""
        named_store(store_name)
        warn_of_metadata(metadata)
        request = state_pb2.GetStateRequest(
            store_name=store_name,
            key=key,
            consistency=consistency_name(consistency) if consistency else None,
            metadata=state_metadata or None,
        )
        answer, headers = await self._transport.unary(
            "GetState", request, state_pb2.GetStateResponse, metadata, timeout
        )
        return StateResponse(answer.data, answer.etag, headers, answer.metadata)

    async def get_bulk_state(
        self,
        store_name: str,
        keys: Sequence[str],
        parallelism: int = 1,
        states_metadata: Mapping[str, str] | None = NO_METADATA,
        metadata: MetadataTuple | None = None,
        *,
        timeout: float | None = None,
    ) -> BulkStatesResponse:
        """Read many values, `parallelism` of them at a time."""
        named_store(store_name)
        warn_of_metadata(metadata)
        request = state_pb2.GetBulkStateRequest(
            store_name=store_name, keys=keys, parallelism=parallelism, metadata=states_metadata or None
        )
        answer, headers = await self._transport.unary(
            "GetBulkState", request, state_pb2.GetBulkStateResponse, metadata, timeout
        )
        found = (BulkStateItem(one.key, one.data, one.etag, one.error, dict(one.metadata)) for one in answer.items)
        return BulkStatesResponse(found, headers)

    async def query_state(
        self,
        store_name: str,
        query: str,
        states_metadata: Mapping[str, str] | None = NO_METADATA,
        *,
        timeout: float | None = None,
    ) -> QueryResponse:
        """Find values by what is in them. `query` is Dapr's JSON: filter, sort, page."""
        warn(QUERY_IS_ALPHA, UserWarning, stacklevel=2)
        named_store(store_name)
        request = state_pb2.QueryStateRequest(store_name=store_name, query=query, metadata=states_metadata or None)
        answer, headers = await self._transport.unary(
            "QueryStateAlpha1", request, state_pb2.QueryStateResponse, None, timeout
        )
        found = (QueryResponseItem(one.key, one.data, one.etag, one.error) for one in answer.results)
        return QueryResponse(found, answer.token, answer.metadata, headers)

    async def save_state(
        self,
        store_name: str,
        key: str,
        value: bytes | str,
        etag: str | None = None,
        options: StateOptions | None = None,
        state_metadata: Mapping[str, str] | None = NO_METADATA,
        metadata: MetadataTuple | None = None,
        *,
        timeout: float | None = None,
    ) -> DaprResponse:
        """Store a value. With an etag, only if the stored one still has it."""
        warn_of_metadata(metadata)
        data = checked_value(value)
        named_store(store_name)
        state = item(key, data, etag, options, state_metadata)
        request = state_pb2.SaveStateRequest(store_name=store_name, states=(state,))
        _, headers = await self._transport.unary("SaveState", request, Empty, metadata, timeout)
        return DaprResponse(headers)

    async def save_bulk_state(
        self,
        store_name: str,
        states: Sequence[StateItem],
        metadata: MetadataTuple | None = None,
        *,
        timeout: float | None = None,
    ) -> DaprResponse:
        """Store many values, each with its own etag, options and metadata."""
        named_store(store_name)
        if not states:
            raise ValueError("States to be saved cannot be empty")
        warn_of_metadata(metadata)
        request = state_pb2.SaveStateRequest(store_name=store_name, states=items(states))
        _, headers = await self._transport.unary("SaveState", request, Empty, metadata, timeout)
        return DaprResponse(headers)

    async def execute_state_transaction(
        self,
        store_name: str,
        operations: Sequence[TransactionalStateOperation],
        transactional_metadata: Mapping[str, str] | None = NO_METADATA,
        metadata: MetadataTuple | None = None,
        *,
        timeout: float | None = None,
    ) -> DaprResponse:
        """Store and delete many values: all of it happens, or nothing."""
        named_store(store_name)
        warn_of_metadata(metadata)
        request = state_pb2.ExecuteStateTransactionRequest(
            storeName=store_name, operations=steps(operations), metadata=transactional_metadata or None
        )
        _, headers = await self._transport.unary("ExecuteStateTransaction", request, Empty, metadata, timeout)
        return DaprResponse(headers)

    async def delete_state(
        self,
        store_name: str,
        key: str,
        etag: str | None = None,
        options: StateOptions | None = None,
        state_metadata: Mapping[str, str] | None = NO_METADATA,
        metadata: MetadataTuple | None = None,
        *,
        timeout: float | None = None,
    ) -> DaprResponse:
        """Delete a value, if there is one. With an etag, only if the stored one still has it."""
        warn_of_metadata(metadata)
        named_store(store_name)
        request = state_pb2.DeleteStateRequest(
            store_name=store_name,
            key=key,
            etag=common_pb2.Etag(value=etag) if etag is not None else None,
            options=options.get_proto() if options else None,
            metadata=state_metadata or None,
        )
        _, headers = await self._transport.unary("DeleteState", request, Empty, metadata, timeout)
        return DaprResponse(headers)

    async def delete_bulk_state(
        self,
        store_name: str,
        states: Sequence[str | StateItem],
        metadata: MetadataTuple | None = None,
        *,
        timeout: float | None = None,
    ) -> DaprResponse:
        """Delete many values: keys, or items with their etags and options (their values do not matter)."""
        named_store(store_name)
        if not states:
            raise ValueError("States to be deleted cannot be empty")
        warn_of_metadata(metadata)
        request = state_pb2.DeleteBulkStateRequest(store_name=store_name, states=[deletion(state) for state in states])
        _, headers = await self._transport.unary("DeleteBulkState", request, Empty, metadata, timeout)
        return DaprResponse(headers)
