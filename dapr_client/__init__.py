"""A client for Dapr: sync here, async in `dapr_client.aio`.

    from dapr_client import DaprClient

    with DaprClient() as client:
        client.save_state("statestore", "key", "value")

Everything that the official `dapr` package has can also be imported from the same place below this one:
`from dapr.clients.exceptions import DaprGrpcError` becomes `from dapr_client.clients.exceptions import DaprGrpcError`.
"""

from __future__ import annotations

from dapr_client import _compat, _version
from dapr_client._checks import MetadataDict, MetadataTuple
from dapr_client._response import DaprResponse
from dapr_client._sync.client import DaprClient
from dapr_client.configuration import ConfigurationItem, ConfigurationResponse, ConfigurationSubscription
from dapr_client.errors import (
    DaprError,
    DaprGrpcError,
    DaprHttpError,
    DaprInternalError,
    DaprUnreachableError,
    StatusDetails,
)
from dapr_client.lock import TryLockResponse, UnlockResponse, UnlockResponseStatus
from dapr_client.metadata import GetMetadataResponse, MetadataMCPServer, RegisteredComponents
from dapr_client.retry import RetryPolicy
from dapr_client.secrets import GetBulkSecretResponse, GetSecretResponse
from dapr_client.state import (
    BulkStateItem,
    BulkStatesResponse,
    Concurrency,
    Consistency,
    QueryResponse,
    QueryResponseItem,
    StateItem,
    StateOptions,
    StateResponse,
    TransactionalStateOperation,
    TransactionOperationType,
)

__version__ = _version.VERSION

_compat.install()

__all__ = [
    "BulkStateItem",
    "BulkStatesResponse",
    "Concurrency",
    "ConfigurationItem",
    "ConfigurationResponse",
    "ConfigurationSubscription",
    "Consistency",
    "DaprClient",
    "DaprError",
    "DaprGrpcError",
    "DaprHttpError",
    "DaprInternalError",
    "DaprResponse",
    "DaprUnreachableError",
    "GetBulkSecretResponse",
    "GetMetadataResponse",
    "GetSecretResponse",
    "MetadataDict",
    "MetadataMCPServer",
    "MetadataTuple",
    "QueryResponse",
    "QueryResponseItem",
    "RegisteredComponents",
    "RetryPolicy",
    "StateItem",
    "StateOptions",
    "StateResponse",
    "StatusDetails",
    "TransactionOperationType",
    "TransactionalStateOperation",
    "TryLockResponse",
    "UnlockResponse",
    "UnlockResponseStatus",
    "__version__",
]
