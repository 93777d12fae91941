import datetime

from dapr_client.wire import orchestration_pb2 as _orchestration_pb2
from dapr_client.wire import history_events_pb2 as _history_events_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import wrappers_pb2 as _wrappers_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RuntimeStateStalled(_message.Message):
    __slots__ = ("reason", "description")
    REASON_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    reason: _orchestration_pb2.StalledReason
    description: str
    def __init__(self, reason: _Optional[_Union[_orchestration_pb2.StalledReason, str]] = ..., description: _Optional[str] = ...) -> None: ...

class WorkflowRuntimeState(_message.Message):
    __slots__ = ("instanceId", "newEvents", "oldEvents", "pendingTasks", "pendingTimers", "pendingMessages", "startEvent", "completedEvent", "createdTime", "lastUpdatedTime", "completedTime", "continuedAsNew", "isSuspended", "customStatus", "stalled")
    INSTANCEID_FIELD_NUMBER: _ClassVar[int]
    NEWEVENTS_FIELD_NUMBER: _ClassVar[int]
    OLDEVENTS_FIELD_NUMBER: _ClassVar[int]
    PENDINGTASKS_FIELD_NUMBER: _ClassVar[int]
    PENDINGTIMERS_FIELD_NUMBER: _ClassVar[int]
    PENDINGMESSAGES_FIELD_NUMBER: _ClassVar[int]
    STARTEVENT_FIELD_NUMBER: _ClassVar[int]
    COMPLETEDEVENT_FIELD_NUMBER: _ClassVar[int]
    CREATEDTIME_FIELD_NUMBER: _ClassVar[int]
    LASTUPDATEDTIME_FIELD_NUMBER: _ClassVar[int]
    COMPLETEDTIME_FIELD_NUMBER: _ClassVar[int]
    CONTINUEDASNEW_FIELD_NUMBER: _ClassVar[int]
    ISSUSPENDED_FIELD_NUMBER: _ClassVar[int]
    CUSTOMSTATUS_FIELD_NUMBER: _ClassVar[int]
    STALLED_FIELD_NUMBER: _ClassVar[int]
    instanceId: str
    newEvents: _containers.RepeatedCompositeFieldContainer[_history_events_pb2.HistoryEvent]
    oldEvents: _containers.RepeatedCompositeFieldContainer[_history_events_pb2.HistoryEvent]
    pendingTasks: _containers.RepeatedCompositeFieldContainer[_history_events_pb2.HistoryEvent]
    pendingTimers: _containers.RepeatedCompositeFieldContainer[_history_events_pb2.HistoryEvent]
    pendingMessages: _containers.RepeatedCompositeFieldContainer[WorkflowRuntimeStateMessage]
    startEvent: _history_events_pb2.ExecutionStartedEvent
    completedEvent: _history_events_pb2.ExecutionCompletedEvent
    createdTime: _timestamp_pb2.Timestamp
    lastUpdatedTime: _timestamp_pb2.Timestamp
    completedTime: _timestamp_pb2.Timestamp
    continuedAsNew: bool
    isSuspended: bool
    customStatus: _wrappers_pb2.StringValue
    stalled: RuntimeStateStalled
    def __init__(self, instanceId: _Optional[str] = ..., newEvents: _Optional[_Iterable[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]]] = ..., oldEvents: _Optional[_Iterable[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]]] = ..., pendingTasks: _Optional[_Iterable[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]]] = ..., pendingTimers: _Optional[_Iterable[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]]] = ..., pendingMessages: _Optional[_Iterable[_Union[WorkflowRuntimeStateMessage, _Mapping[str, object]]]] = ..., startEvent: _Optional[_Union[_history_events_pb2.ExecutionStartedEvent, _Mapping[str, object]]] = ..., completedEvent: _Optional[_Union[_history_events_pb2.ExecutionCompletedEvent, _Mapping[str, object]]] = ..., createdTime: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping[str, object]]] = ..., lastUpdatedTime: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping[str, object]]] = ..., completedTime: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping[str, object]]] = ..., continuedAsNew: bool = ..., isSuspended: bool = ..., customStatus: _Optional[_Union[_wrappers_pb2.StringValue, _Mapping[str, object]]] = ..., stalled: _Optional[_Union[RuntimeStateStalled, _Mapping[str, object]]] = ...) -> None: ...

class WorkflowRuntimeStateMessage(_message.Message):
    __slots__ = ("historyEvent", "targetInstanceId", "propagatedHistory")
    HISTORYEVENT_FIELD_NUMBER: _ClassVar[int]
    TARGETINSTANCEID_FIELD_NUMBER: _ClassVar[int]
    PROPAGATEDHISTORY_FIELD_NUMBER: _ClassVar[int]
    historyEvent: _history_events_pb2.HistoryEvent
    targetInstanceId: str
    propagatedHistory: _history_events_pb2.PropagatedHistory
    def __init__(self, historyEvent: _Optional[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]] = ..., targetInstanceId: _Optional[str] = ..., propagatedHistory: _Optional[_Union[_history_events_pb2.PropagatedHistory, _Mapping[str, object]]] = ...) -> None: ...
