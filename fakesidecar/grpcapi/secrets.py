"""The secrets API over gRPC (dapr pkg/api/universal/secrets.go)."""

from __future__ import annotations

from dapr_client.wire import secret_pb2
from fakesidecar.core import Core
from fakesidecar.grpcapi.registry import Context, serves


@serves("GetSecret", call="secrets.get", component="store_name", target="key")
def get_secret(core: Core, request: secret_pb2.GetSecretRequest, context: Context) -> secret_pb2.GetSecretResponse:
    secret = core.secrets.get(request.store_name, request.key, metadata=request.metadata)
    return secret_pb2.GetSecretResponse(data=secret or {})


@serves("GetBulkSecret", call="secrets.bulk_get", component="store_name")
def get_bulk_secret(
    core: Core, request: secret_pb2.GetBulkSecretRequest, context: Context
) -> secret_pb2.GetBulkSecretResponse:
    found = core.secrets.bulk_get(request.store_name, metadata=request.metadata)
    return secret_pb2.GetBulkSecretResponse(
        data={name: secret_pb2.SecretResponse(secrets=secret) for name, secret in found.items()}
    )
