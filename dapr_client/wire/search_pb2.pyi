import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SortOrder(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SORT_ORDER_UNSPECIFIED: _ClassVar[SortOrder]
    SORT_ORDER_ASC: _ClassVar[SortOrder]
    SORT_ORDER_DESC: _ClassVar[SortOrder]

class IndexAck(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INDEX_ACK_UNSPECIFIED: _ClassVar[IndexAck]
    INDEX_ACK_QUEUED: _ClassVar[IndexAck]
    INDEX_ACK_COMPLETED: _ClassVar[IndexAck]

class IndexingMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INDEXING_MODE_UNSPECIFIED: _ClassVar[IndexingMode]
    INDEXING_MODE_WAIT_FOR_COMPLETION: _ClassVar[IndexingMode]
    INDEXING_MODE_RETURN_ON_ACCEPTANCE: _ClassVar[IndexingMode]

class IndexingWaitTimeoutAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INDEXING_WAIT_TIMEOUT_ACTION_UNSPECIFIED: _ClassVar[IndexingWaitTimeoutAction]
    INDEXING_WAIT_TIMEOUT_ACTION_CONTINUE_ASYNC: _ClassVar[IndexingWaitTimeoutAction]
    INDEXING_WAIT_TIMEOUT_ACTION_FAIL_REQUEST: _ClassVar[IndexingWaitTimeoutAction]

class TotalHitsRelation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TOTAL_HITS_RELATION_UNSPECIFIED: _ClassVar[TotalHitsRelation]
    TOTAL_HITS_RELATION_EXACT: _ClassVar[TotalHitsRelation]
    TOTAL_HITS_RELATION_LOWER_BOUND: _ClassVar[TotalHitsRelation]
    TOTAL_HITS_RELATION_ESTIMATE: _ClassVar[TotalHitsRelation]
SORT_ORDER_UNSPECIFIED: SortOrder
SORT_ORDER_ASC: SortOrder
SORT_ORDER_DESC: SortOrder
INDEX_ACK_UNSPECIFIED: IndexAck
INDEX_ACK_QUEUED: IndexAck
INDEX_ACK_COMPLETED: IndexAck
INDEXING_MODE_UNSPECIFIED: IndexingMode
INDEXING_MODE_WAIT_FOR_COMPLETION: IndexingMode
INDEXING_MODE_RETURN_ON_ACCEPTANCE: IndexingMode
INDEXING_WAIT_TIMEOUT_ACTION_UNSPECIFIED: IndexingWaitTimeoutAction
INDEXING_WAIT_TIMEOUT_ACTION_CONTINUE_ASYNC: IndexingWaitTimeoutAction
INDEXING_WAIT_TIMEOUT_ACTION_FAIL_REQUEST: IndexingWaitTimeoutAction
TOTAL_HITS_RELATION_UNSPECIFIED: TotalHitsRelation
TOTAL_HITS_RELATION_EXACT: TotalHitsRelation
TOTAL_HITS_RELATION_LOWER_BOUND: TotalHitsRelation
TOTAL_HITS_RELATION_ESTIMATE: TotalHitsRelation

class SearchDocument(_message.Message):
    __slots__ = ("id", "content", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    id: str
    content: bytes
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, id: _Optional[str] = ..., content: _Optional[bytes] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class SearchHit(_message.Message):
    __slots__ = ("document", "score", "highlights")
    class HighlightsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    HIGHLIGHTS_FIELD_NUMBER: _ClassVar[int]
    document: SearchDocument
    score: float
    highlights: _containers.ScalarMap[str, str]
    def __init__(self, document: _Optional[_Union[SearchDocument, _Mapping[str, object]]] = ..., score: _Optional[float] = ..., highlights: _Optional[_Mapping[str, str]] = ...) -> None: ...

class SortClause(_message.Message):
    __slots__ = ("field", "order")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    field: str
    order: SortOrder
    def __init__(self, field: _Optional[str] = ..., order: _Optional[_Union[SortOrder, str]] = ...) -> None: ...

class IndexingOptionsAlpha1(_message.Message):
    __slots__ = ("mode", "wait_timeout", "on_wait_timeout")
    MODE_FIELD_NUMBER: _ClassVar[int]
    WAIT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    ON_WAIT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    mode: IndexingMode
    wait_timeout: _duration_pb2.Duration
    on_wait_timeout: IndexingWaitTimeoutAction
    def __init__(self, mode: _Optional[_Union[IndexingMode, str]] = ..., wait_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping[str, object]]] = ..., on_wait_timeout: _Optional[_Union[IndexingWaitTimeoutAction, str]] = ...) -> None: ...

class FailedItem(_message.Message):
    __slots__ = ("id", "error")
    ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: str
    error: _status_pb2.Status
    def __init__(self, id: _Optional[str] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping[str, object]]] = ...) -> None: ...

class CreateIndexRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "index", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    index: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, store_name: _Optional[str] = ..., index: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class GetIndexRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "index", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    index: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, store_name: _Optional[str] = ..., index: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class GetIndexResponseAlpha1(_message.Message):
    __slots__ = ("index", "document_count", "properties")
    class PropertiesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    INDEX_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    index: str
    document_count: int
    properties: _containers.ScalarMap[str, str]
    def __init__(self, index: _Optional[str] = ..., document_count: _Optional[int] = ..., properties: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ListIndexesRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, store_name: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ListIndexesResponseAlpha1(_message.Message):
    __slots__ = ("indexes",)
    INDEXES_FIELD_NUMBER: _ClassVar[int]
    indexes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, indexes: _Optional[_Iterable[str]] = ...) -> None: ...

class DeleteIndexRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "index", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    index: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, store_name: _Optional[str] = ..., index: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class IndexDocumentsRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "index", "documents", "metadata", "options")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    index: str
    documents: _containers.RepeatedCompositeFieldContainer[SearchDocument]
    metadata: _containers.ScalarMap[str, str]
    options: IndexingOptionsAlpha1
    def __init__(self, store_name: _Optional[str] = ..., index: _Optional[str] = ..., documents: _Optional[_Iterable[_Union[SearchDocument, _Mapping[str, object]]]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., options: _Optional[_Union[IndexingOptionsAlpha1, _Mapping[str, object]]] = ...) -> None: ...

class IndexDocumentsResponseAlpha1(_message.Message):
    __slots__ = ("failed_items", "ack")
    FAILED_ITEMS_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    failed_items: _containers.RepeatedCompositeFieldContainer[FailedItem]
    ack: IndexAck
    def __init__(self, failed_items: _Optional[_Iterable[_Union[FailedItem, _Mapping[str, object]]]] = ..., ack: _Optional[_Union[IndexAck, str]] = ...) -> None: ...

class GetDocumentsRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "index", "ids", "include_content", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_CONTENT_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    index: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    include_content: bool
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, store_name: _Optional[str] = ..., index: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ..., include_content: bool = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class GetDocumentsResponseAlpha1(_message.Message):
    __slots__ = ("documents",)
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    documents: _containers.RepeatedCompositeFieldContainer[SearchDocument]
    def __init__(self, documents: _Optional[_Iterable[_Union[SearchDocument, _Mapping[str, object]]]] = ...) -> None: ...

class DeleteDocumentsRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "index", "ids", "metadata", "options")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    index: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    metadata: _containers.ScalarMap[str, str]
    options: IndexingOptionsAlpha1
    def __init__(self, store_name: _Optional[str] = ..., index: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., options: _Optional[_Union[IndexingOptionsAlpha1, _Mapping[str, object]]] = ...) -> None: ...

class DeleteDocumentsResponseAlpha1(_message.Message):
    __slots__ = ("ack",)
    ACK_FIELD_NUMBER: _ClassVar[int]
    ack: IndexAck
    def __init__(self, ack: _Optional[_Union[IndexAck, str]] = ...) -> None: ...

class SearchQuery(_message.Message):
    __slots__ = ("text", "native", "filter", "top_k", "continuation_token", "return_fields", "include_content", "search_fields", "sort", "highlight_fields")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    NATIVE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    CONTINUATION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    RETURN_FIELDS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_CONTENT_FIELD_NUMBER: _ClassVar[int]
    SEARCH_FIELDS_FIELD_NUMBER: _ClassVar[int]
    SORT_FIELD_NUMBER: _ClassVar[int]
    HIGHLIGHT_FIELDS_FIELD_NUMBER: _ClassVar[int]
    text: str
    native: _struct_pb2.Struct
    filter: _struct_pb2.Struct
    top_k: int
    continuation_token: str
    return_fields: _containers.RepeatedScalarFieldContainer[str]
    include_content: bool
    search_fields: _containers.RepeatedScalarFieldContainer[str]
    sort: _containers.RepeatedCompositeFieldContainer[SortClause]
    highlight_fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, text: _Optional[str] = ..., native: _Optional[_Union[_struct_pb2.Struct, _Mapping[str, object]]] = ..., filter: _Optional[_Union[_struct_pb2.Struct, _Mapping[str, object]]] = ..., top_k: _Optional[int] = ..., continuation_token: _Optional[str] = ..., return_fields: _Optional[_Iterable[str]] = ..., include_content: bool = ..., search_fields: _Optional[_Iterable[str]] = ..., sort: _Optional[_Iterable[_Union[SortClause, _Mapping[str, object]]]] = ..., highlight_fields: _Optional[_Iterable[str]] = ...) -> None: ...

class SearchRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "index", "query", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    index: str
    query: SearchQuery
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, store_name: _Optional[str] = ..., index: _Optional[str] = ..., query: _Optional[_Union[SearchQuery, _Mapping[str, object]]] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class SearchResponseAlpha1(_message.Message):
    __slots__ = ("hits", "total_hits", "continuation_token", "total_hits_relation")
    HITS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_HITS_FIELD_NUMBER: _ClassVar[int]
    CONTINUATION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_HITS_RELATION_FIELD_NUMBER: _ClassVar[int]
    hits: _containers.RepeatedCompositeFieldContainer[SearchHit]
    total_hits: int
    continuation_token: str
    total_hits_relation: TotalHitsRelation
    def __init__(self, hits: _Optional[_Iterable[_Union[SearchHit, _Mapping[str, object]]]] = ..., total_hits: _Optional[int] = ..., continuation_token: _Optional[str] = ..., total_hits_relation: _Optional[_Union[TotalHitsRelation, str]] = ...) -> None: ...
