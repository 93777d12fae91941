"""A client for Dapr: sync here, async in `dapr_client.aio`.

    from dapr_client import DaprClient

    with DaprClient() as client:
        client.save_state("statestore", "key", "value")

Everything that the official `dapr` package has can also be imported from the same place below this one:
`from dapr.clients.exceptions import DaprGrpcError` becomes `from dapr_client.clients.exceptions import DaprGrpcError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dapr_client import _compat, _version
from dapr_client._lazy import lazy_names

if TYPE_CHECKING:
    from dapr_client._checks import MetadataDict as MetadataDict
    from dapr_client._checks import MetadataTuple as MetadataTuple
    from dapr_client._response import DaprResponse as DaprResponse
    from dapr_client._sync.client import DaprClient as DaprClient
    from dapr_client.bindings import BindingRequest as BindingRequest
    from dapr_client.bindings import BindingResponse as BindingResponse
    from dapr_client.configuration import ConfigurationItem as ConfigurationItem
    from dapr_client.configuration import ConfigurationResponse as ConfigurationResponse
    from dapr_client.configuration import ConfigurationSubscription as ConfigurationSubscription
    from dapr_client.crypto import DecryptOptions as DecryptOptions
    from dapr_client.crypto import EncryptOptions as EncryptOptions
    from dapr_client.errors import DaprError as DaprError
    from dapr_client.errors import DaprGrpcError as DaprGrpcError
    from dapr_client.errors import DaprHttpError as DaprHttpError
    from dapr_client.errors import DaprInternalError as DaprInternalError
    from dapr_client.errors import DaprUnreachableError as DaprUnreachableError
    from dapr_client.errors import StatusDetails as StatusDetails
    from dapr_client.invocation import InvokeMethodRequest as InvokeMethodRequest
    from dapr_client.invocation import InvokeMethodResponse as InvokeMethodResponse
    from dapr_client.jobs import ConstantFailurePolicy as ConstantFailurePolicy
    from dapr_client.jobs import DropFailurePolicy as DropFailurePolicy
    from dapr_client.jobs import FailurePolicy as FailurePolicy
    from dapr_client.jobs import Job as Job
    from dapr_client.lock import TryLockResponse as TryLockResponse
    from dapr_client.lock import UnlockResponse as UnlockResponse
    from dapr_client.lock import UnlockResponseStatus as UnlockResponseStatus
    from dapr_client.metadata import GetMetadataResponse as GetMetadataResponse
    from dapr_client.metadata import MetadataMCPServer as MetadataMCPServer
    from dapr_client.metadata import RegisteredComponents as RegisteredComponents
    from dapr_client.pubsub import BulkPublishEntry as BulkPublishEntry
    from dapr_client.pubsub import BulkPublishResponse as BulkPublishResponse
    from dapr_client.pubsub import BulkPublishResponseFailedEntry as BulkPublishResponseFailedEntry
    from dapr_client.pubsub import StreamCancelledError as StreamCancelledError
    from dapr_client.pubsub import StreamInactiveError as StreamInactiveError
    from dapr_client.pubsub import StreamReconnectError as StreamReconnectError
    from dapr_client.pubsub import SubscriptionMessage as SubscriptionMessage
    from dapr_client.pubsub import TopicEventResponse as TopicEventResponse
    from dapr_client.pubsub import TopicEventResponseStatus as TopicEventResponseStatus
    from dapr_client.retry import RetryPolicy as RetryPolicy
    from dapr_client.secrets import GetBulkSecretResponse as GetBulkSecretResponse
    from dapr_client.secrets import GetSecretResponse as GetSecretResponse
    from dapr_client.state import BulkStateItem as BulkStateItem
    from dapr_client.state import BulkStatesResponse as BulkStatesResponse
    from dapr_client.state import Concurrency as Concurrency
    from dapr_client.state import Consistency as Consistency
    from dapr_client.state import QueryResponse as QueryResponse
    from dapr_client.state import QueryResponseItem as QueryResponseItem
    from dapr_client.state import StateItem as StateItem
    from dapr_client.state import StateOptions as StateOptions
    from dapr_client.state import StateResponse as StateResponse
    from dapr_client.state import TransactionalStateOperation as TransactionalStateOperation
    from dapr_client.state import TransactionOperationType as TransactionOperationType

__version__ = _version.VERSION

HOMES = {
    "_checks": (
        "MetadataDict",
        "MetadataTuple",
    ),
    "_response": ("DaprResponse",),
    "_sync.client": ("DaprClient",),
    "bindings": (
        "BindingRequest",
        "BindingResponse",
    ),
    "configuration": (
        "ConfigurationItem",
        "ConfigurationResponse",
        "ConfigurationSubscription",
    ),
    "crypto": (
        "DecryptOptions",
        "EncryptOptions",
    ),
    "errors": (
        "DaprError",
        "DaprGrpcError",
        "DaprHttpError",
        "DaprInternalError",
        "DaprUnreachableError",
        "StatusDetails",
    ),
    "invocation": (
        "InvokeMethodRequest",
        "InvokeMethodResponse",
    ),
    "jobs": (
        "ConstantFailurePolicy",
        "DropFailurePolicy",
        "FailurePolicy",
        "Job",
    ),
    "lock": (
        "TryLockResponse",
        "UnlockResponse",
        "UnlockResponseStatus",
    ),
    "metadata": (
        "GetMetadataResponse",
        "MetadataMCPServer",
        "RegisteredComponents",
    ),
    "pubsub": (
        "BulkPublishEntry",
        "BulkPublishResponse",
        "BulkPublishResponseFailedEntry",
        "StreamCancelledError",
        "StreamInactiveError",
        "StreamReconnectError",
        "SubscriptionMessage",
        "TopicEventResponse",
        "TopicEventResponseStatus",
    ),
    "retry": ("RetryPolicy",),
    "secrets": (
        "GetBulkSecretResponse",
        "GetSecretResponse",
    ),
    "state": (
        "BulkStateItem",
        "BulkStatesResponse",
        "Concurrency",
        "Consistency",
        "QueryResponse",
        "QueryResponseItem",
        "StateItem",
        "StateOptions",
        "StateResponse",
        "TransactionOperationType",
        "TransactionalStateOperation",
    ),
}
"""Where each public name lives. It is imported when it is asked for: the wire package, which the sidecar needs too, can
be imported without the client."""

__all__, __getattr__, __dir__ = lazy_names(globals(), HOMES)


_compat.install()
