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

class AddEventRequest(_message.Message):
    __slots__ = ("instance", "event")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    instance: _orchestration_pb2.WorkflowInstance
    event: _history_events_pb2.HistoryEvent
    def __init__(self, instance: _Optional[_Union[_orchestration_pb2.WorkflowInstance, _Mapping[str, object]]] = ..., event: _Optional[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]] = ...) -> None: ...

class AddEventResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CompleteActivityWorkItemRequest(_message.Message):
    __slots__ = ("completionToken", "responseEvent")
    COMPLETIONTOKEN_FIELD_NUMBER: _ClassVar[int]
    RESPONSEEVENT_FIELD_NUMBER: _ClassVar[int]
    completionToken: str
    responseEvent: _history_events_pb2.HistoryEvent
    def __init__(self, completionToken: _Optional[str] = ..., responseEvent: _Optional[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]] = ...) -> None: ...

class CompleteActivityWorkItemResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CompleteWorkflowWorkItemRequest(_message.Message):
    __slots__ = ("completionToken", "instance", "runtimeStatus", "customStatus", "newHistory", "newTasks", "newTimers", "newMessages", "numEventsProcessed")
    COMPLETIONTOKEN_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    RUNTIMESTATUS_FIELD_NUMBER: _ClassVar[int]
    CUSTOMSTATUS_FIELD_NUMBER: _ClassVar[int]
    NEWHISTORY_FIELD_NUMBER: _ClassVar[int]
    NEWTASKS_FIELD_NUMBER: _ClassVar[int]
    NEWTIMERS_FIELD_NUMBER: _ClassVar[int]
    NEWMESSAGES_FIELD_NUMBER: _ClassVar[int]
    NUMEVENTSPROCESSED_FIELD_NUMBER: _ClassVar[int]
    completionToken: str
    instance: _orchestration_pb2.WorkflowInstance
    runtimeStatus: _orchestration_pb2.OrchestrationStatus
    customStatus: _wrappers_pb2.StringValue
    newHistory: _containers.RepeatedCompositeFieldContainer[_history_events_pb2.HistoryEvent]
    newTasks: _containers.RepeatedCompositeFieldContainer[_history_events_pb2.HistoryEvent]
    newTimers: _containers.RepeatedCompositeFieldContainer[_history_events_pb2.HistoryEvent]
    newMessages: _containers.RepeatedCompositeFieldContainer[WorkflowMessage]
    numEventsProcessed: _wrappers_pb2.Int32Value
    def __init__(self, completionToken: _Optional[str] = ..., instance: _Optional[_Union[_orchestration_pb2.WorkflowInstance, _Mapping[str, object]]] = ..., runtimeStatus: _Optional[_Union[_orchestration_pb2.OrchestrationStatus, str]] = ..., customStatus: _Optional[_Union[_wrappers_pb2.StringValue, _Mapping[str, object]]] = ..., newHistory: _Optional[_Iterable[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]]] = ..., newTasks: _Optional[_Iterable[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]]] = ..., newTimers: _Optional[_Iterable[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]]] = ..., newMessages: _Optional[_Iterable[_Union[WorkflowMessage, _Mapping[str, object]]]] = ..., numEventsProcessed: _Optional[_Union[_wrappers_pb2.Int32Value, _Mapping[str, object]]] = ...) -> None: ...

class CompleteWorkflowWorkItemResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WorkflowMessage(_message.Message):
    __slots__ = ("instance", "event")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    instance: _orchestration_pb2.WorkflowInstance
    event: _history_events_pb2.HistoryEvent
    def __init__(self, instance: _Optional[_Union[_orchestration_pb2.WorkflowInstance, _Mapping[str, object]]] = ..., event: _Optional[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]] = ...) -> None: ...

class BackendWorkflowState(_message.Message):
    __slots__ = ("inbox", "history", "customStatus", "generation")
    INBOX_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    CUSTOMSTATUS_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    inbox: _containers.RepeatedCompositeFieldContainer[_history_events_pb2.HistoryEvent]
    history: _containers.RepeatedCompositeFieldContainer[_history_events_pb2.HistoryEvent]
    customStatus: _wrappers_pb2.StringValue
    generation: int
    def __init__(self, inbox: _Optional[_Iterable[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]]] = ..., history: _Optional[_Iterable[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]]] = ..., customStatus: _Optional[_Union[_wrappers_pb2.StringValue, _Mapping[str, object]]] = ..., generation: _Optional[int] = ...) -> None: ...

class ActivityInvocation(_message.Message):
    __slots__ = ("historyEvent", "propagatedHistory")
    HISTORYEVENT_FIELD_NUMBER: _ClassVar[int]
    PROPAGATEDHISTORY_FIELD_NUMBER: _ClassVar[int]
    historyEvent: _history_events_pb2.HistoryEvent
    propagatedHistory: _history_events_pb2.PropagatedHistory
    def __init__(self, historyEvent: _Optional[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]] = ..., propagatedHistory: _Optional[_Union[_history_events_pb2.PropagatedHistory, _Mapping[str, object]]] = ...) -> None: ...

class CreateWorkflowInstanceRequest(_message.Message):
    __slots__ = ("startEvent", "propagatedHistory", "enforceUniqueInstanceId")
    STARTEVENT_FIELD_NUMBER: _ClassVar[int]
    PROPAGATEDHISTORY_FIELD_NUMBER: _ClassVar[int]
    ENFORCEUNIQUEINSTANCEID_FIELD_NUMBER: _ClassVar[int]
    startEvent: _history_events_pb2.HistoryEvent
    propagatedHistory: _history_events_pb2.PropagatedHistory
    enforceUniqueInstanceId: bool
    def __init__(self, startEvent: _Optional[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]] = ..., propagatedHistory: _Optional[_Union[_history_events_pb2.PropagatedHistory, _Mapping[str, object]]] = ..., enforceUniqueInstanceId: bool = ...) -> None: ...

class WorkflowMetadata(_message.Message):
    __slots__ = ("instanceId", "name", "runtimeStatus", "createdAt", "lastUpdatedAt", "input", "output", "customStatus", "failureDetails", "completedAt", "parentInstanceId", "version", "parentAppId", "startedAt")
    INSTANCEID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RUNTIMESTATUS_FIELD_NUMBER: _ClassVar[int]
    CREATEDAT_FIELD_NUMBER: _ClassVar[int]
    LASTUPDATEDAT_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    CUSTOMSTATUS_FIELD_NUMBER: _ClassVar[int]
    FAILUREDETAILS_FIELD_NUMBER: _ClassVar[int]
    COMPLETEDAT_FIELD_NUMBER: _ClassVar[int]
    PARENTINSTANCEID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PARENTAPPID_FIELD_NUMBER: _ClassVar[int]
    STARTEDAT_FIELD_NUMBER: _ClassVar[int]
    instanceId: str
    name: str
    runtimeStatus: _orchestration_pb2.OrchestrationStatus
    createdAt: _timestamp_pb2.Timestamp
    lastUpdatedAt: _timestamp_pb2.Timestamp
    input: _wrappers_pb2.StringValue
    output: _wrappers_pb2.StringValue
    customStatus: _wrappers_pb2.StringValue
    failureDetails: _orchestration_pb2.TaskFailureDetails
    completedAt: _timestamp_pb2.Timestamp
    parentInstanceId: str
    version: _wrappers_pb2.StringValue
    parentAppId: _wrappers_pb2.StringValue
    startedAt: _timestamp_pb2.Timestamp
    def __init__(self, instanceId: _Optional[str] = ..., name: _Optional[str] = ..., runtimeStatus: _Optional[_Union[_orchestration_pb2.OrchestrationStatus, str]] = ..., createdAt: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping[str, object]]] = ..., lastUpdatedAt: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping[str, object]]] = ..., input: _Optional[_Union[_wrappers_pb2.StringValue, _Mapping[str, object]]] = ..., output: _Optional[_Union[_wrappers_pb2.StringValue, _Mapping[str, object]]] = ..., customStatus: _Optional[_Union[_wrappers_pb2.StringValue, _Mapping[str, object]]] = ..., failureDetails: _Optional[_Union[_orchestration_pb2.TaskFailureDetails, _Mapping[str, object]]] = ..., completedAt: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping[str, object]]] = ..., parentInstanceId: _Optional[str] = ..., version: _Optional[_Union[_wrappers_pb2.StringValue, _Mapping[str, object]]] = ..., parentAppId: _Optional[_Union[_wrappers_pb2.StringValue, _Mapping[str, object]]] = ..., startedAt: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping[str, object]]] = ...) -> None: ...

class BackendWorkflowStateMetadata(_message.Message):
    __slots__ = ("inboxLength", "historyLength", "generation", "signatureLength", "signingCertificateLength", "externalSigningCertificateLength")
    INBOXLENGTH_FIELD_NUMBER: _ClassVar[int]
    HISTORYLENGTH_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SIGNATURELENGTH_FIELD_NUMBER: _ClassVar[int]
    SIGNINGCERTIFICATELENGTH_FIELD_NUMBER: _ClassVar[int]
    EXTERNALSIGNINGCERTIFICATELENGTH_FIELD_NUMBER: _ClassVar[int]
    inboxLength: int
    historyLength: int
    generation: int
    signatureLength: int
    signingCertificateLength: int
    externalSigningCertificateLength: int
    def __init__(self, inboxLength: _Optional[int] = ..., historyLength: _Optional[int] = ..., generation: _Optional[int] = ..., signatureLength: _Optional[int] = ..., signingCertificateLength: _Optional[int] = ..., externalSigningCertificateLength: _Optional[int] = ...) -> None: ...

class SigningCertificate(_message.Message):
    __slots__ = ("certificate",)
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    certificate: bytes
    def __init__(self, certificate: _Optional[bytes] = ...) -> None: ...

class HistorySignature(_message.Message):
    __slots__ = ("startEventIndex", "eventCount", "previousSignatureDigest", "eventsDigest", "certificateIndex", "signature")
    STARTEVENTINDEX_FIELD_NUMBER: _ClassVar[int]
    EVENTCOUNT_FIELD_NUMBER: _ClassVar[int]
    PREVIOUSSIGNATUREDIGEST_FIELD_NUMBER: _ClassVar[int]
    EVENTSDIGEST_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATEINDEX_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    startEventIndex: int
    eventCount: int
    previousSignatureDigest: bytes
    eventsDigest: bytes
    certificateIndex: int
    signature: bytes
    def __init__(self, startEventIndex: _Optional[int] = ..., eventCount: _Optional[int] = ..., previousSignatureDigest: _Optional[bytes] = ..., eventsDigest: _Optional[bytes] = ..., certificateIndex: _Optional[int] = ..., signature: _Optional[bytes] = ...) -> None: ...

class DurableTimer(_message.Message):
    __slots__ = ("timerEvent", "generation")
    TIMEREVENT_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    timerEvent: _history_events_pb2.HistoryEvent
    generation: int
    def __init__(self, timerEvent: _Optional[_Union[_history_events_pb2.HistoryEvent, _Mapping[str, object]]] = ..., generation: _Optional[int] = ...) -> None: ...
