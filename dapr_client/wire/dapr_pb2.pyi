from google.protobuf import empty_pb2 as _empty_pb2
from dapr_client.wire import common_pb2 as _common_pb2
from dapr_client.wire import actors_pb2 as _actors_pb2
from dapr_client.wire import pubsub_pb2 as _pubsub_pb2
from dapr_client.wire import invoke_pb2 as _invoke_pb2
from dapr_client.wire import state_pb2 as _state_pb2
from dapr_client.wire import binding_pb2 as _binding_pb2
from dapr_client.wire import secret_pb2 as _secret_pb2
from dapr_client.wire import metadata_pb2 as _metadata_pb2
from dapr_client.wire import configuration_pb2 as _configuration_pb2
from dapr_client.wire import lock_pb2 as _lock_pb2
from dapr_client.wire import crypto_pb2 as _crypto_pb2
from dapr_client.wire import workflow_pb2 as _workflow_pb2
from dapr_client.wire import jobs_pb2 as _jobs_pb2
from dapr_client.wire import ai_pb2 as _ai_pb2
from dapr_client.wire import search_pb2 as _search_pb2
from dapr_client.wire import vector_pb2 as _vector_pb2
from dapr_client.wire import binarystore_pb2 as _binarystore_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ShutdownRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
