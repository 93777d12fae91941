from dapr_client.wire import common_pb2 as _common_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SetBinaryFileRequestAlpha1(_message.Message):
    __slots__ = ("initial_request", "payload")
    INITIAL_REQUEST_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    initial_request: SetBinaryFileRequestInitialAlpha1
    payload: _common_pb2.StreamPayload
    def __init__(self, initial_request: _Optional[_Union[SetBinaryFileRequestInitialAlpha1, _Mapping[str, object]]] = ..., payload: _Optional[_Union[_common_pb2.StreamPayload, _Mapping[str, object]]] = ...) -> None: ...

class SetBinaryFileRequestInitialAlpha1(_message.Message):
    __slots__ = ("component_name", "file_name", "overwrite")
    COMPONENT_NAME_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    OVERWRITE_FIELD_NUMBER: _ClassVar[int]
    component_name: str
    file_name: str
    overwrite: bool
    def __init__(self, component_name: _Optional[str] = ..., file_name: _Optional[str] = ..., overwrite: bool = ...) -> None: ...

class SetBinaryFileResponseAlpha1(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetBinaryFileRequestAlpha1(_message.Message):
    __slots__ = ("component_name", "file_name")
    COMPONENT_NAME_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    component_name: str
    file_name: str
    def __init__(self, component_name: _Optional[str] = ..., file_name: _Optional[str] = ...) -> None: ...

class GetBinaryFileResponseAlpha1(_message.Message):
    __slots__ = ("payload",)
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    payload: _common_pb2.StreamPayload
    def __init__(self, payload: _Optional[_Union[_common_pb2.StreamPayload, _Mapping[str, object]]] = ...) -> None: ...

class DeleteBinaryFileRequestAlpha1(_message.Message):
    __slots__ = ("component_name", "file_name")
    COMPONENT_NAME_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    component_name: str
    file_name: str
    def __init__(self, component_name: _Optional[str] = ..., file_name: _Optional[str] = ...) -> None: ...

class DeleteBinaryFileResponseAlpha1(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
