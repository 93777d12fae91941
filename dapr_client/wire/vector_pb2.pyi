from google.protobuf import struct_pb2 as _struct_pb2
from google.rpc import status_pb2 as _status_pb2
from dapr_client.wire import search_pb2 as _search_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DistanceMetric(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISTANCE_METRIC_UNSPECIFIED: _ClassVar[DistanceMetric]
    DISTANCE_METRIC_COSINE: _ClassVar[DistanceMetric]
    DISTANCE_METRIC_DOT_PRODUCT: _ClassVar[DistanceMetric]
    DISTANCE_METRIC_EUCLIDEAN: _ClassVar[DistanceMetric]
DISTANCE_METRIC_UNSPECIFIED: DistanceMetric
DISTANCE_METRIC_COSINE: DistanceMetric
DISTANCE_METRIC_DOT_PRODUCT: DistanceMetric
DISTANCE_METRIC_EUCLIDEAN: DistanceMetric

class CreateCollectionRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "collection", "metadata", "dimensions", "metric")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    collection: str
    metadata: _containers.ScalarMap[str, str]
    dimensions: int
    metric: DistanceMetric
    def __init__(self, store_name: _Optional[str] = ..., collection: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., dimensions: _Optional[int] = ..., metric: _Optional[_Union[DistanceMetric, str]] = ...) -> None: ...

class GetCollectionRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "collection", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    collection: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, store_name: _Optional[str] = ..., collection: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class GetCollectionResponseAlpha1(_message.Message):
    __slots__ = ("collection", "record_count", "properties", "dimensions", "metric")
    class PropertiesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    RECORD_COUNT_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    collection: str
    record_count: int
    properties: _containers.ScalarMap[str, str]
    dimensions: int
    metric: DistanceMetric
    def __init__(self, collection: _Optional[str] = ..., record_count: _Optional[int] = ..., properties: _Optional[_Mapping[str, str]] = ..., dimensions: _Optional[int] = ..., metric: _Optional[_Union[DistanceMetric, str]] = ...) -> None: ...

class ListCollectionsRequestAlpha1(_message.Message):
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

class ListCollectionsResponseAlpha1(_message.Message):
    __slots__ = ("collections",)
    COLLECTIONS_FIELD_NUMBER: _ClassVar[int]
    collections: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, collections: _Optional[_Iterable[str]] = ...) -> None: ...

class DeleteCollectionRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "collection", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    collection: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, store_name: _Optional[str] = ..., collection: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class VectorRecord(_message.Message):
    __slots__ = ("id", "values", "payload", "metadata")
    ID_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    id: str
    values: _containers.RepeatedScalarFieldContainer[float]
    payload: bytes
    metadata: _struct_pb2.Struct
    def __init__(self, id: _Optional[str] = ..., values: _Optional[_Iterable[float]] = ..., payload: _Optional[bytes] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping[str, object]]] = ...) -> None: ...

class VectorMatch(_message.Message):
    __slots__ = ("record", "score")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    record: VectorRecord
    score: float
    def __init__(self, record: _Optional[_Union[VectorRecord, _Mapping[str, object]]] = ..., score: _Optional[float] = ...) -> None: ...

class UpsertVectorsRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "collection", "records", "metadata", "options")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    collection: str
    records: _containers.RepeatedCompositeFieldContainer[VectorRecord]
    metadata: _containers.ScalarMap[str, str]
    options: _search_pb2.IndexingOptionsAlpha1
    def __init__(self, store_name: _Optional[str] = ..., collection: _Optional[str] = ..., records: _Optional[_Iterable[_Union[VectorRecord, _Mapping[str, object]]]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., options: _Optional[_Union[_search_pb2.IndexingOptionsAlpha1, _Mapping[str, object]]] = ...) -> None: ...

class UpsertVectorsResponseAlpha1(_message.Message):
    __slots__ = ("failed_items", "ack")
    FAILED_ITEMS_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    failed_items: _containers.RepeatedCompositeFieldContainer[_search_pb2.FailedItem]
    ack: _search_pb2.IndexAck
    def __init__(self, failed_items: _Optional[_Iterable[_Union[_search_pb2.FailedItem, _Mapping[str, object]]]] = ..., ack: _Optional[_Union[_search_pb2.IndexAck, str]] = ...) -> None: ...

class DeleteVectorsRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "collection", "ids", "metadata", "options")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    collection: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    metadata: _containers.ScalarMap[str, str]
    options: _search_pb2.IndexingOptionsAlpha1
    def __init__(self, store_name: _Optional[str] = ..., collection: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., options: _Optional[_Union[_search_pb2.IndexingOptionsAlpha1, _Mapping[str, object]]] = ...) -> None: ...

class DeleteVectorsResponseAlpha1(_message.Message):
    __slots__ = ("ack",)
    ACK_FIELD_NUMBER: _ClassVar[int]
    ack: _search_pb2.IndexAck
    def __init__(self, ack: _Optional[_Union[_search_pb2.IndexAck, str]] = ...) -> None: ...

class GetVectorsRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "collection", "ids", "include_values", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_VALUES_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    collection: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    include_values: bool
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, store_name: _Optional[str] = ..., collection: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ..., include_values: bool = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class GetVectorsResponseAlpha1(_message.Message):
    __slots__ = ("records",)
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[VectorRecord]
    def __init__(self, records: _Optional[_Iterable[_Union[VectorRecord, _Mapping[str, object]]]] = ...) -> None: ...

class VectorQuery(_message.Message):
    __slots__ = ("vector", "by_id", "top_k", "filter", "include_values", "include_payload", "metric", "score_threshold")
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    BY_ID_FIELD_NUMBER: _ClassVar[int]
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_VALUES_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    SCORE_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    vector: VectorRecord
    by_id: str
    top_k: int
    filter: _struct_pb2.Struct
    include_values: bool
    include_payload: bool
    metric: DistanceMetric
    score_threshold: float
    def __init__(self, vector: _Optional[_Union[VectorRecord, _Mapping[str, object]]] = ..., by_id: _Optional[str] = ..., top_k: _Optional[int] = ..., filter: _Optional[_Union[_struct_pb2.Struct, _Mapping[str, object]]] = ..., include_values: bool = ..., include_payload: bool = ..., metric: _Optional[_Union[DistanceMetric, str]] = ..., score_threshold: _Optional[float] = ...) -> None: ...

class QueryVectorsRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "collection", "query", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    collection: str
    query: VectorQuery
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, store_name: _Optional[str] = ..., collection: _Optional[str] = ..., query: _Optional[_Union[VectorQuery, _Mapping[str, object]]] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class QueryVectorsResponseAlpha1(_message.Message):
    __slots__ = ("matches", "metric")
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    matches: _containers.RepeatedCompositeFieldContainer[VectorMatch]
    metric: DistanceMetric
    def __init__(self, matches: _Optional[_Iterable[_Union[VectorMatch, _Mapping[str, object]]]] = ..., metric: _Optional[_Union[DistanceMetric, str]] = ...) -> None: ...

class BatchQueryVectorsRequestAlpha1(_message.Message):
    __slots__ = ("store_name", "collection", "queries", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STORE_NAME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    store_name: str
    collection: str
    queries: _containers.RepeatedCompositeFieldContainer[VectorQuery]
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, store_name: _Optional[str] = ..., collection: _Optional[str] = ..., queries: _Optional[_Iterable[_Union[VectorQuery, _Mapping[str, object]]]] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class BatchQueryResultAlpha1(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: QueryVectorsResponseAlpha1
    error: _status_pb2.Status
    def __init__(self, response: _Optional[_Union[QueryVectorsResponseAlpha1, _Mapping[str, object]]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping[str, object]]] = ...) -> None: ...

class BatchQueryVectorsResponseAlpha1(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[BatchQueryResultAlpha1]
    def __init__(self, results: _Optional[_Iterable[_Union[BatchQueryResultAlpha1, _Mapping[str, object]]]] = ...) -> None: ...
