# Generated from dapr_client/_async/secrets.py by tools/async_to_sync.py. Do not edit.

"""Secret stores: one secret, or all."""

from __future__ import annotations

from collections.abc import Mapping

from dapr_client._sync.block import Block
from dapr_client._checks import NO_METADATA, MetadataTuple, warn_of_metadata
from dapr_client.secrets import GetBulkSecretResponse, GetSecretResponse
from dapr_client.wire import secret_pb2


class SecretMethods(Block):
    """What a client can do with secret stores."""

    def get_secret(
        self,
        store_name: str,
        key: str,
        secret_metadata: Mapping[str, str] | None = NO_METADATA,
        metadata: MetadataTuple | None = None,
        *,
        timeout: float | None = None,
    ) -> GetSecretResponse:
        """Read a secret."""
        warn_of_metadata(metadata)
        request = secret_pb2.GetSecretRequest(store_name=store_name, key=key, metadata=secret_metadata or None)
        answer, headers = self._transport.unary(
            "GetSecret", request, secret_pb2.GetSecretResponse, metadata, timeout
        )
        return GetSecretResponse(answer.data, headers)

    def get_bulk_secret(
        self,
        store_name: str,
        secret_metadata: Mapping[str, str] | None = NO_METADATA,
        metadata: MetadataTuple | None = None,
        *,
        timeout: float | None = None,
    ) -> GetBulkSecretResponse:
        """Read all secrets of a store that the application may see."""
        warn_of_metadata(metadata)
        request = secret_pb2.GetBulkSecretRequest(store_name=store_name, metadata=secret_metadata or None)
        answer, headers = self._transport.unary(
            "GetBulkSecret", request, secret_pb2.GetBulkSecretResponse, metadata, timeout
        )
        return GetBulkSecretResponse({name: found.secrets for name, found in answer.data.items()}, headers)
