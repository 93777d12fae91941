"""Every error that the sidecar answers with: one class per Dapr error code, rendered by both doors.

A class says its HTTP `errorCode`, its gRPC status, its HTTP status and its message; what else belongs to the
answer (google.rpc details) follows from its family, as daprd has three (dapr pkg/messages, pkg/api/errors):

- `plain`  - code and message, no details (`messages.APIError`);
- `basic`  - over gRPC one ErrorInfo whose reason is the error code; over HTTP as plain (`apierrors.Basic`);
- `rich`   - details over both doors, an ErrorInfo with a reason of its own last (`kit/errors.Error`).

Adding an error means adding a class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from grpc import StatusCode

from fakesidecar import golang

DOMAIN = "dapr.io"
MAX_ERROR_MESSAGE = 63
"""How many characters of an HTTP body an error tells."""

GRPC_OF_HTTP = {
    400: StatusCode.INTERNAL,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.NOT_FOUND,
    408: StatusCode.CANCELLED,
    409: StatusCode.ALREADY_EXISTS,
    429: StatusCode.RESOURCE_EXHAUSTED,
    500: StatusCode.UNKNOWN,
    501: StatusCode.UNIMPLEMENTED,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.DEADLINE_EXCEEDED,
}
"""The gRPC status of an HTTP status; UNKNOWN for others (dapr pkg/messaging/v1, CodeFromHTTPStatus)."""

HTTP_OF_GRPC = {
    StatusCode.OK: 200,
    StatusCode.CANCELLED: 408,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.DEADLINE_EXCEEDED: 504,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.UNAUTHENTICATED: 401,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.ABORTED: 409,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.UNAVAILABLE: 503,
}
"""The HTTP status of a gRPC status; 500 for others (dapr pkg/messaging/v1, HTTPStatusFromCode)."""


def go_name(code: StatusCode) -> str:
    """A gRPC status as Go spells it: `NotFound`, `Canceled`."""
    if code is StatusCode.OK:
        return "OK"
    name = "".join(word.capitalize() for word in code.name.split("_"))
    return "Canceled" if name == "Cancelled" else name


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """google.rpc.ErrorInfo."""

    reason: str
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ResourceInfo:
    """google.rpc.ResourceInfo."""

    type: str
    name: str
    owner: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class BadRequest:
    """google.rpc.BadRequest with one field violation."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class Help:
    """google.rpc.Help with one link."""

    url: str
    description: str


@dataclass(frozen=True, slots=True)
class AnyDetail:
    """Any message of google.rpc, by its name and its fields."""

    type: str
    """`RetryInfo`, `QuotaFailure`, …"""
    fields: Mapping[str, Any]


Detail = ErrorInfo | ResourceInfo | BadRequest | Help | AnyDetail


class ComponentError(Exception):
    """What a component reports; the building block that asked it turns it into an `ApiError`."""

    permanent = False
    """Whether trying again is of no use."""


class NotCreated(ComponentError):
    """A component's metadata is wrong before it is even asked to start."""


class EtagMismatch(ComponentError):
    """The etag given is not the one stored."""

    permanent = True

    def __init__(self, inner: str = "") -> None:
        super().__init__("possible etag mismatch. error from state store" + (f": {inner}" if inner else ""))


class EtagInvalid(ComponentError):
    """The etag given is none that the store could have made."""

    permanent = True

    def __init__(self, inner: str = "") -> None:
        super().__init__("invalid etag value" + (f": {inner}" if inner else ""))


class DocumentError(Exception):
    """An encrypted document cannot be made, or cannot be read."""


class SegmentDamaged(DocumentError):
    """A segment of a document is not what was encrypted; those before it were."""

    def __init__(self, index: int) -> None:
        super().__init__(f"error processing segment {index}: failed to decrypt segment")


class ApiError(Exception):
    """An answer that is an error."""

    code: str = "ERROR"
    family: str = "plain"
    reason: ClassVar[str] = ""
    template: ClassVar[str] = "{message}"
    grpc: StatusCode = StatusCode.UNKNOWN
    http: int = 500
    grpc_trailers: tuple[tuple[str, str], ...] = ()
    """Trailing metadata of the answer, besides the details."""
    http_headers: tuple[tuple[str, str], ...] = ()
    http_body: bytes | None = None
    """What is answered over HTTP in place of code, message and details."""

    def __init_subclass__(
        cls,
        *,
        code: str | None = None,
        grpc: StatusCode | None = None,
        http: int | None = None,
        family: str | None = None,
        reason: str | None = None,
    ) -> None:
        if code is not None:
            cls.code = code
        if grpc is not None:
            cls.grpc = grpc
        if http is not None:
            cls.http = http
        if family is not None:
            cls.family = family
        if reason is not None:
            cls.reason = reason

    def __init__(self, *details: Detail, info: Mapping[str, str] | None = None, **values: Any) -> None:
        self.message = self.template.format(**values)
        self.info = info
        self._details = details
        super().__init__(self.message)

    @property
    def details(self) -> tuple[Detail, ...]:
        """The details of the answer over gRPC, in order."""
        if self.family == "plain":
            return ()
        return (*self._details, ErrorInfo(self.reason or self.code, self.info))

    @property
    def http_details(self) -> tuple[Detail, ...]:
        """The details of the answer over HTTP, in order."""
        return self.details if self.family == "rich" else ()

    @property
    def go_text(self) -> str:
        """What Go prints when the error is part of another one's message."""
        return f"api error: code = {go_name(self.grpc)} desc = {self.message}"


# --- what is no error of Dapr's own -------------------------------------------------------------------------


class PlainError(ApiError):
    """An error that daprd passes on as it comes: gRPC UNKNOWN, HTTP 500 `ERROR`."""

    template = "{message}"


class PassedOn(ApiError):
    """A gRPC status of somebody else, passed on as it came."""

    def __init__(self, code: StatusCode, message: str, serialized: bytes = b"") -> None:
        super().__init__(message=message)
        self.grpc = code
        self.serialized = serialized
        """The google.rpc.Status that came along, if any."""


class MalformedRequest(ApiError, code="ERR_MALFORMED_REQUEST", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    """The request cannot be read."""


class MalformedBody(MalformedRequest):
    """The body of an HTTP request cannot be read."""

    template = "failed deserializing HTTP body: {cause}"


class BodyUnreadable(ApiError, code="ERR_BODY_READ", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    """The body of an HTTP request did not arrive whole."""

    template = "failed to read request body: {cause}"


class InvalidBaggage(ApiError, grpc=StatusCode.INVALID_ARGUMENT, http=400):
    """A `baggage` header that is none."""

    template = "invalid baggage header: {cause}"


# --- what happens to the wire -----------------------------------------------------------------------------------


class WireFault(ApiError):
    """No answer at all: doors with a wire let it happen to theirs; the status is what a client makes of it."""


class ConnectionLost(WireFault, grpc=StatusCode.UNAVAILABLE):
    """The connection broke before the answer was sent; in the words of a gRPC client whose daprd was killed."""

    template = "Stream removed (Socket closed)"


class NoAnswer(WireFault, grpc=StatusCode.DEADLINE_EXCEEDED):
    """The connection stays, and nothing comes."""

    template = "Deadline Exceeded"


class DeadlinePassed(ApiError, grpc=StatusCode.DEADLINE_EXCEEDED, http=504):
    """It took longer than the caller waits, on the sidecar's clock."""

    template = "Deadline Exceeded"


# --- who may call what ----------------------------------------------------------------------------------------


class HttpStatusError(ApiError, family="rich"):
    """An answer in HTTP's terms, as gRPC status (dapr pkg/messages, ErrorFromHTTPResponseCode)."""

    def __init__(self, why: str) -> None:
        super().__init__(info={"http.code": str(self.http), "http.error_message": why[:MAX_ERROR_MESSAGE]})


class Unauthorized(HttpStatusError, grpc=StatusCode.UNAUTHENTICATED, http=401, reason="Unauthorized"):
    """The API token is missing, or is another one."""

    template = "Unauthorized"


class ApiNotAllowed(HttpStatusError, grpc=StatusCode.UNIMPLEMENTED, http=501, reason="Not Implemented"):
    """The Configuration's `spec.api` keeps the API from everybody."""

    template = "Not Implemented"


# --- health ---------------------------------------------------------------------------------------------------


class NotReady(ApiError, code="ERR_HEALTH_NOT_READY", http=500):
    """Something that the sidecar waits for is not there yet."""

    template = "dapr is not ready: [{targets}]"


class OutboundNotReady(ApiError, code="ERR_OUTBOUND_HEALTH_NOT_READY", http=500):
    """The sidecar cannot be called yet."""

    template = "dapr outbound is not ready"


class AppIdDoesNotMatch(ApiError, code="ERR_HEALTH_APPID_NOT_MATCH", http=500):
    """The health of another app was asked for."""

    template = "dapr app-id does not match"


# --- invocation -------------------------------------------------------------------------------------------------


class NoTargetApp(ApiError, code="ERR_DIRECT_INVOKE", grpc=StatusCode.INTERNAL, http=404):
    """A path that is no API's, and no app named to hand it to."""

    template = "failed getting app id either from the URL path or the header dapr-app-id"


class RpcStatus(ComponentError):
    """A gRPC status on its way through the sidecars, as Go prints it."""

    def __init__(self, code: StatusCode, message: str) -> None:
        super().__init__(f"rpc error: code = {go_name(code)} desc = {message}")
        self.code = code
        self.message = message


class InvokeFailed(ApiError, code="ERR_DIRECT_INVOKE", grpc=StatusCode.INTERNAL, http=500):
    """The app was not found, or not reached, or its sidecar refuses the call."""

    template = "failed to invoke, id: {id}, err: {cause}"

    def __init__(self, id: str, cause: Exception) -> None:
        super().__init__(id=id, cause=cause)
        if isinstance(cause, RpcStatus) and cause.code is StatusCode.PERMISSION_DENIED:
            self.http = 403


class MessageTooLarge(ApiError, grpc=StatusCode.RESOURCE_EXHAUSTED):
    """A request is larger than `--max-body-size`."""

    template = "grpc: received message larger than max ({size} vs. {limit})"


class StreamNotRetried(ApiError, grpc=StatusCode.FAILED_PRECONDITION):
    """A call whose policy has retries sent a second message: nobody keeps them all for another attempt."""

    template = "cannot use resiliency policies with retries on streaming RPCs"


class AppAnsweredWith(ApiError, family="rich"):
    """An HTTP status of an app that is no success, as gRPC status (dapr pkg/messages, ErrorFromHTTPResponseCode)."""

    def __init__(self, status: int, body: bytes) -> None:
        text = golang.status_text(status)
        super().__init__(message=text)
        self.http = status
        self.grpc = GRPC_OF_HTTP.get(status, StatusCode.UNKNOWN)
        said = body[:MAX_ERROR_MESSAGE].decode(errors="replace")
        self._info = ErrorInfo(text, {"http.code": str(status), "http.error_message": said})

    @property
    def details(self) -> tuple[Detail, ...]:
        return (self._info,)


# --- state ------------------------------------------------------------------------------------------------------


class StateStoreNotConfigured(
    ApiError,
    code="ERR_STATE_STORE_NOT_CONFIGURED",
    grpc=StatusCode.FAILED_PRECONDITION,
    http=500,
    family="rich",
    reason="DAPR_STATE_NOT_CONFIGURED",
):
    """No state store is loaded at all."""

    template = "state store {store} is not configured"


class StateStoreNotFound(
    ApiError,
    code="ERR_STATE_STORE_NOT_FOUND",
    grpc=StatusCode.INVALID_ARGUMENT,
    http=400,
    family="rich",
    reason="DAPR_STATE_NOT_FOUND",
):
    """No state store of that name is loaded."""

    template = "state store {store} is not found"


class IllegalKey(
    ApiError,
    code="ERR_MALFORMED_REQUEST",
    grpc=StatusCode.INVALID_ARGUMENT,
    http=400,
    family="rich",
    reason="DAPR_STATE_ILLEGAL_KEY",
):
    """A key contains `||`, which separates the prefix from the key."""

    template = "input key/keyPrefix '{key}' can't contain '||'"

    def __init__(self, *, key: str, store: str, field: str | None = None) -> None:
        self.key, self.store = key, store
        violation = BadRequest(key if field is None else field, self.template.format(key=key))
        super().__init__(violation, ResourceInfo("state", store), key=key)


class TransactionsNotSupported(
    ApiError,
    code="ERR_STATE_STORE_NOT_SUPPORTED",
    grpc=StatusCode.UNIMPLEMENTED,
    http=500,
    family="rich",
    reason="DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED",
):
    """The store has no transactions."""

    template = "state store {store} doesn't support transactions"

    def __init__(self, *, store: str) -> None:
        link = Help(
            "https://docs.dapr.io/reference/components-reference/supported-state-stores/",
            "Check the list of state stores and the features they support",
        )
        super().__init__(link, ResourceInfo("state", store), store=store)


class QueryNotSupported(
    ApiError,
    code="ERR_STATE_STORE_NOT_SUPPORTED",
    grpc=StatusCode.INTERNAL,
    http=500,
    family="rich",
    reason="DAPR_STATE_QUERYING_NOT_SUPPORTED",
):
    """The store cannot be queried."""

    template = "state store does not support querying"

    def __init__(self, *, store: str) -> None:
        super().__init__(ResourceInfo("state", store))


class QueryFailed(
    ApiError,
    code="ERR_STATE_QUERY",
    grpc=StatusCode.INTERNAL,
    http=500,
    family="rich",
    reason="DAPR_STATE_QUERY_FAILED",
):
    """The store did not take the query."""

    template = "state store {store} query failed: {cause}"

    def __init__(self, *, store: str, cause: object) -> None:
        super().__init__(ResourceInfo("state", store), store=store, cause=cause)


class StateGetFailed(ApiError, code="ERR_STATE_GET", grpc=StatusCode.INTERNAL, http=500, family="basic"):
    """The store could not read."""

    template = "fail to get {key} from state store {store}: {cause}"


class StateBulkGetFailed(ApiError, code="ERR_STATE_BULK_GET", grpc=StatusCode.UNKNOWN, http=500):
    """The store could not read many keys."""


class StateKeyEmpty(ApiError, code="ERR_STATE_SAVE", grpc=StatusCode.INVALID_ARGUMENT, http=400, family="basic"):
    """A state is to be saved under no key."""

    template = "state key cannot be empty"


class EtagSensitive(ApiError, grpc=StatusCode.INTERNAL, http=500, family="basic"):
    """A write that failed, with another status when it was for its etag."""

    def __init__(self, *, cause: ComponentError, **values: Any) -> None:
        super().__init__(cause=cause, **values)
        if isinstance(cause, EtagMismatch):
            self.grpc, self.http = StatusCode.ABORTED, 409
        elif isinstance(cause, EtagInvalid):
            self.grpc, self.http = StatusCode.INVALID_ARGUMENT, 400


class StateSaveFailed(EtagSensitive, code="ERR_STATE_SAVE"):
    """The store did not save."""

    template = "failed saving state in state store {store}: {cause}"


class StateDeleteFailed(EtagSensitive, code="ERR_STATE_DELETE"):
    """The store did not delete."""

    template = "failed deleting state with key {key}: {cause}"


class StateBulkDeleteFailed(EtagSensitive, code="ERR_STATE_BULK_DELETE"):
    """The store did not delete many keys."""

    template = "failed deleting state in state store {store}: {cause}"


class StateOperationNotSupported(
    ApiError, code="ERR_NOT_SUPPORTED_STATE_OPERATION", grpc=StatusCode.UNIMPLEMENTED, http=400, family="basic"
):
    """A transaction contains something that is neither an upsert nor a delete."""

    template = "operation type {operation} not supported"


class TransactionFailed(ApiError, code="ERR_STATE_TRANSACTION", grpc=StatusCode.INTERNAL, http=500, family="basic"):
    """The store refused a transaction, for whatever reason, etags included."""

    template = "error while executing state transaction: {cause}"


# --- secrets ----------------------------------------------------------------------------------------------------


class SecretStoresNotConfigured(
    ApiError, code="ERR_SECRET_STORES_NOT_CONFIGURED", grpc=StatusCode.FAILED_PRECONDITION, http=500
):
    """No secret store is loaded at all."""

    template = "secret store is not configured"


class SecretStoreNotFound(ApiError, code="ERR_SECRET_STORE_NOT_FOUND", grpc=StatusCode.INVALID_ARGUMENT, http=401):
    """No secret store of that name is loaded."""

    template = "failed finding secret store with key {store}"


class SecretAccessDenied(ApiError, code="ERR_PERMISSION_DENIED", grpc=StatusCode.PERMISSION_DENIED, http=403):
    """A scope of the Configuration keeps the secret from this app."""

    template = "access denied by policy to get {key} from {store}"


class SecretGetFailed(ApiError, code="ERR_SECRET_GET", grpc=StatusCode.INTERNAL, http=500):
    """The store has no such secret, or failed."""

    template = "failed getting secret with key {key} from secret store {store}: {cause}"


class SecretBulkGetFailed(ApiError, code="ERR_SECRET_GET", grpc=StatusCode.INTERNAL, http=500):
    """The store could not list its secrets."""

    template = "failed getting secrets from secret store {store}: {cause}"


# --- configuration ----------------------------------------------------------------------------------------------


class ConfigurationStoresNotConfigured(
    ApiError,
    code="ERR_CONFIGURATION_STORE_NOT_CONFIGURED",
    grpc=StatusCode.FAILED_PRECONDITION,
    http=500,
    family="basic",
):
    """No configuration store is loaded at all."""

    template = "configuration stores not configured"


class ConfigurationStoreNotFound(
    ApiError,
    code="ERR_CONFIGURATION_STORE_NOT_FOUND",
    grpc=StatusCode.INVALID_ARGUMENT,
    http=400,
    family="basic",
):
    """No configuration store of that name is loaded."""

    template = "configuration store {store} not found"


class ConfigurationGetFailed(
    ApiError, code="ERR_CONFIGURATION_GET", grpc=StatusCode.INTERNAL, http=500, family="basic"
):
    """The store could not read."""

    template = "failed to get {keys} from Configuration store {store}: {cause}"


class ConfigurationSubscribeFailed(
    ApiError, code="ERR_CONFIGURATION_SUBSCRIBE", grpc=StatusCode.INVALID_ARGUMENT, http=500, family="basic"
):
    """The store took no subscription."""

    template = "failed to subscribe {keys} from Configuration store {store}: {cause}"


class SubscriptionUnknown(PlainError):
    """The store has no subscription of that id."""

    template = "subscription with id {id} does not exist"


class AppChannelMissing(ApiError, code="ERR_APP_CHANNEL_NIL", http=500):
    """There is no app to tell of configuration updates."""

    template = "app channel is not initialized. cannot subscribe to configuration updates"


# --- pub/sub ------------------------------------------------------------------------------------------------------


class PubSubNotFound(
    ApiError,
    code="ERR_PUBSUB_NOT_FOUND",
    grpc=StatusCode.INVALID_ARGUMENT,
    http=404,
    family="rich",
    reason="DAPR_PUBSUB_NOT_FOUND",
):
    """No pub/sub component of that name is loaded."""

    template = "pubsub {pubsub} is not found"


class PubSubError(ApiError, grpc=StatusCode.INVALID_ARGUMENT, http=400, family="rich"):
    """What is wrong with a message on its way to a topic."""

    def __init__(self, *, pubsub: str = "", info: Mapping[str, str] | None = None, **values: Any) -> None:
        super().__init__(info=info, pubsub=pubsub, **values)
        self._details = (ResourceInfo("pubsub", pubsub, description=self.message),)


class PubSubNameEmpty(PubSubError, code="ERR_PUBSUB_EMPTY", http=404, reason="DAPR_PUBSUB_NAME_EMPTY"):
    """No pub/sub component is named."""

    template = "pubsub name is empty"


class TopicEmpty(PubSubError, code="ERR_TOPIC_NAME_EMPTY", http=404, reason="DAPR_PUBSUB_TOPIC_NAME_EMPTY"):
    """No topic is named."""

    template = "topic is empty in pubsub {pubsub}"


class RawPayloadInvalid(PubSubError, code="ERR_PUBSUB_REQUEST_METADATA", reason="DAPR_PUBSUB_METADATA_DESERIALIZATION"):
    """`rawPayload` is neither true nor false."""

    template = "failed deserializing metadata. Error: rawPayload value must be a valid boolean: actual is '{value}'"


class CloudEventInvalid(
    PubSubError, code="ERR_PUBSUB_CLOUD_EVENTS_SER", http=500, reason="DAPR_PUBSUB_CLOUD_EVENT_CREATION"
):
    """What is said to be a cloud event is none."""

    template = "cannot create cloudevent"


class EventUnmarshalable(PubSubError, code="ERR_PUBSUB_EVENTS_SER", reason="DAPR_PUBSUB_MARSHAL_ENVELOPE"):
    """An event in bulk that is not what its content type says."""

    template = "error when marshalling cloud event envelope for topic {topic} pubsub {pubsub}: {cause}"


class EntryIdInvalid(PubSubError, code="ERR_PUBSUB_EVENTS_SER", reason="DAPR_PUBSUB_MARSHAL_EVENTS"):
    """An event in bulk without an id of its own."""

    template = "error marshaling events to bytes for topic {topic} pubsub {pubsub}. error: {cause}"


class EntriesUnreadable(PubSubError, code="ERR_PUBSUB_EVENTS_SER", reason="DAPR_PUBSUB_UNMARSHAL_EVENTS"):
    """A request in bulk that is no list of events."""

    template = "error when unmarshaling the request for topic {topic} pubsub {pubsub}: {cause}"


class PublishFailed(
    PubSubError,
    code="ERR_PUBSUB_PUBLISH_MESSAGE",
    grpc=StatusCode.INTERNAL,
    http=500,
    reason="DAPR_PUBSUB_PUBLISH_MESSAGE",
):
    """The broker did not take a message."""

    template = "error when publishing to topic {topic} in pubsub {pubsub}: {cause}"


class TopicForbidden(
    PubSubError,
    code="ERR_PUBSUB_FORBIDDEN",
    grpc=StatusCode.PERMISSION_DENIED,
    http=403,
    reason="DAPR_PUBSUB_FORBIDDEN",
):
    """The component's scopes keep the topic from this application."""

    template = "topic {topic} is not allowed for app id {app_id}"


class SubscriptionForbidden(PlainError):
    """The component's scopes keep the application from subscribing to the topic."""

    template = (
        "failed to create subscription for {pubsub}: "
        "subscription to topic '{topic}' on pubsub '{pubsub}' is not allowed"
    )


class OutboxFailed(
    ApiError,
    code="ERR_PUBLISH_OUTBOX",
    grpc=StatusCode.INTERNAL,
    http=500,
    family="rich",
    reason="DAPR_PUBSUB_OUTBOX",
):
    """What is to be told of a transaction could not be published, so the transaction was not carried out."""

    template = "error while publishing outbox message: {cause}"


# --- actors -------------------------------------------------------------------------------------------------------


class ActorsNotPlaced(ApiError, code="ERR_ACTOR_NO_PLACEMENT", grpc=StatusCode.UNAVAILABLE, http=400):
    """The sidecar was told of no placement service."""

    template = "placement service is not configured"


class ActorStateStoreMissing(ApiError, code="ERR_ACTOR_RUNTIME_NOT_FOUND", grpc=StatusCode.INTERNAL, http=500):
    """No state store is marked as the one for actors."""

    template = (
        "the state store is not configured to use the actor runtime. Have you set the - name: actorStateStore "
        'value: "true" in your state store component file?'
    )


class ActorRuntimeClosed(ApiError, code="ERR_ACTOR_RUNTIME_CLOSED", grpc=StatusCode.UNAVAILABLE, http=503):
    """The sidecar is ending."""

    template = "actor runtime is closed"


class ActorTypeReserved(ApiError, code="ERR_ACTOR_TYPE_RESERVED", grpc=StatusCode.PERMISSION_DENIED, http=403):
    """A type that belongs to the workflow engine."""

    template = "actor type {type} is reserved for the Dapr workflow runtime; direct actor API access is not permitted"


class ActorInvokeFailed(ApiError, code="ERR_ACTOR_INVOKE_METHOD", grpc=StatusCode.INTERNAL, http=500):
    """The actor's host did not do what it was asked."""

    template = "error invoke actor method: {cause}"
    remote = False
    """Whether the host is another sidecar's."""


class ActorNotHosted(ApiError, code="ERR_ACTOR_INVOKE_METHOD", grpc=StatusCode.FAILED_PRECONDITION, http=500):
    """Nobody hosts the actor."""

    template = (
        "failed to lookup actor: api error: code = FailedPrecondition desc = did not find address for actor '{actor}'"
    )


class ActorInstanceMissing(ApiError, code="ERR_ACTOR_INSTANCE_MISSING", grpc=StatusCode.INTERNAL, http=400):
    """State is to be written of an actor that is not active here."""

    template = "actor instance is missing"


class ActorStackDepth(ApiError, code="ERR_ACTOR_STACK_DEPTH", grpc=StatusCode.RESOURCE_EXHAUSTED, http=500):
    """Calls of one reentrancy id nest too deep."""

    template = "maximum stack depth exceeded"


class ActorStateGetFailed(ApiError, code="ERR_ACTOR_STATE_GET", grpc=StatusCode.INTERNAL, http=500):
    """The store could not read an actor's state."""

    template = "error getting actor state: {cause}"


class ActorTransactionFailed(ApiError, code="ERR_ACTOR_STATE_TRANSACTION_SAVE", grpc=StatusCode.INTERNAL, http=500):
    """The store did not save an actor's state."""

    template = "error saving actor transaction state: {cause}"


class ReminderNotHosted(ApiError, code="ERR_ACTOR_REMINDER_NON_HOSTED", grpc=StatusCode.PERMISSION_DENIED, http=403):
    """A reminder of an actor type that this sidecar's application does not host."""

    template = "operations on actor reminders are only possible on hosted actor types"


class ReminderCreateFailed(ApiError, code="ERR_ACTOR_REMINDER_CREATE", grpc=StatusCode.INTERNAL, http=500):
    """A reminder that cannot be kept."""

    template = "error creating actor reminder: {cause}"


class ReminderGetFailed(ApiError, code="ERR_ACTOR_REMINDER_GET", grpc=StatusCode.INTERNAL, http=500):
    """A reminder that nobody can have."""

    template = "error getting actor reminder: {cause}"


class ReminderDeleteFailed(ApiError, code="ERR_ACTOR_REMINDER_DELETE", grpc=StatusCode.INTERNAL, http=500):
    """A reminder that nobody can have is to be deleted."""

    template = "error deleting actor reminder: {cause}"


class ReminderNotFound(ApiError, code="ERR_ACTOR_REMINDER_NOT_FOUND", grpc=StatusCode.NOT_FOUND, http=404):
    """The actor has no such reminder."""

    template = "actor reminder not found: {name}"


class ReminderExists(ApiError, code="ERR_ACTOR_REMINDER_ALREADY_EXISTS", grpc=StatusCode.ALREADY_EXISTS, http=409):
    """The actor has such a reminder already, and it is not to be overwritten."""

    template = "actor reminder already exists: {name}"


class TimerCreateFailed(ApiError, code="ERR_ACTOR_TIMER_CREATE", grpc=StatusCode.INTERNAL, http=500):
    """A timer that cannot be kept."""

    template = "error creating actor timer: {cause}"


class ActorBadRequest(ApiError, code="ERR_BAD_REQUEST", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    """A name that is none."""

    template = "invalid request: {cause}"


class ActorBadName(ApiError, grpc=StatusCode.INVALID_ARGUMENT, http=400):
    """A name that is none, in a call over gRPC."""

    template = "{cause}"


class ActorHostOverGrpcOnly(ApiError, grpc=StatusCode.FAILED_PRECONDITION):
    """Actors are to be hosted over a stream, beside an application that speaks HTTP."""

    template = "actor callback streaming requires a gRPC app channel"


class ActorHostUnknown(ApiError, grpc=StatusCode.INVALID_ARGUMENT):
    """A host did not introduce itself."""

    template = "first message must be SubscribeActorEventsRequestInitialAlpha1"


# --- bindings -----------------------------------------------------------------------------------------------------


class InvokeBindingFailed(
    ApiError, code="ERR_INVOKE_OUTPUT_BINDING", grpc=StatusCode.INTERNAL, http=500, family="basic"
):
    """A binding was not there, or did not do what it was asked to."""

    template = "error invoking output binding {name}: {cause}"

    def __init__(self, *, name: str, cause: object, metadata: Mapping[str, str]) -> None:
        self.metadata = metadata
        """What the system behind the binding said of itself."""
        super().__init__(name=name, cause=cause)


# --- lock ---------------------------------------------------------------------------------------------------------


class LockStoreNotConfigured(
    ApiError, code="ERR_LOCK_STORE_NOT_CONFIGURED", grpc=StatusCode.FAILED_PRECONDITION, http=500
):
    """No lock store is loaded at all."""

    template = "lock store is not configured"


class LockStoreNotFound(ApiError, code="ERR_LOCK_STORE_NOT_FOUND", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    """No lock store of that name is loaded."""

    template = "lock store {store} not found"


class ExpiryNotPositive(MalformedRequest):
    """A lease that would end before it begins."""

    template = "ExpiryInSeconds is not positive in lock store {store}"


class ResourceIdEmpty(MalformedRequest):
    """A lock on nothing."""

    template = "ResourceId is empty in lock store {store}"


class LockOwnerEmpty(MalformedRequest):
    """A lock for nobody."""

    template = "LockOwner is empty in lock store {store}"


class TryLockFailed(ApiError, code="ERR_TRY_LOCK", grpc=StatusCode.INTERNAL, http=500):
    """The store could not lock."""

    template = "failed to try acquiring lock: {cause}"


class UnlockFailed(ApiError, code="ERR_UNLOCK", grpc=StatusCode.INTERNAL, http=500):
    """The store could not unlock."""

    template = "failed to release lock: {cause}"


# --- jobs ---------------------------------------------------------------------------------------------------------


class JobError(ApiError, grpc=StatusCode.INTERNAL, http=500, family="rich"):
    """Something is wrong with a job; the code is the reason, and the ErrorInfo all there is of details."""


class JobEmpty(JobError, code="DAPR_SCHEDULER_EMPTY", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    """No job was given."""

    template = "Job is empty"


class JobNameEmpty(JobError, code="DAPR_SCHEDULER_JOB_NAME_EMPTY", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    """A job without a name."""

    template = "Name is empty"


class JobNameTwice(JobError, code="DAPR_SCHEDULER_JOB_NAME", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    """A job's name is in the path and in the body."""

    template = "Set the job name in the url only"


class JobWithoutSchedule(JobError, code="DAPR_SCHEDULER_SCHEDULE_EMPTY", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    """A job with neither a schedule nor a time when it is due."""

    template = "Schedule is empty"


class JobScheduleFailed(JobError, code="DAPR_SCHEDULER_SCHEDULE_JOB"):
    """The scheduler did not take a job."""

    template = "failed to schedule job due to: {cause}"


class JobExists(JobScheduleFailed, grpc=StatusCode.ALREADY_EXISTS, http=409):
    """There is a job of that name, and it is not to be overwritten."""

    template = "failed to schedule job due to: rpc error: code = AlreadyExists desc = job already exists: '{key}'"


class JobGetFailed(JobError, code="DAPR_SCHEDULER_GET_JOB"):
    """The scheduler did not give a job."""

    template = "failed to get job due to: {cause}"


class JobMissing(JobGetFailed):
    """There is no job of that name, or no longer."""

    template = "failed to get job due to: rpc error: code = NotFound desc = job not found: {name}"


class JobListFailed(JobError, code="DAPR_SCHEDULER_LIST_JOBS"):
    """The scheduler did not list its jobs."""

    template = "failed to list jobs due to: {cause}"


class JobDeleteFailed(JobError, code="DAPR_SCHEDULER_DELETE_JOB"):
    """The scheduler did not delete a job."""

    template = "failed to delete job due to: {cause}"


class NoJson(ApiError, code="ERR_INTERNAL", http=500):
    """What is to be answered has no JSON form."""

    template = "failed to encode response as JSON: {cause}"


# --- conversation -------------------------------------------------------------------------------------------------


class ConversationModelNotFound(
    ApiError, code="ERR_CONVERSATION_NOT_FOUND", grpc=StatusCode.INVALID_ARGUMENT, http=400
):
    """No model of that name is loaded."""

    template = "failed finding conversation component {name}"


class ConversationInputsMissing(
    ApiError, code="ERR_CONVERSATION_MISSING_INPUTS", grpc=StatusCode.INVALID_ARGUMENT, http=400
):
    """Nothing was said."""

    template = "failed conversing with component {name}: missing inputs in request"


class ConversationInvalid(ApiError, code="ERR_CONVERSATION_INVALID_PARMS", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    """A message is none (the text is Go's, for a format that lacks its verb)."""

    template = "failed conversing with component {name}: invalid params%!(EXTRA *errors.errorString={cause})"


class ConversationToolChoiceInvalid(ConversationInvalid):
    """The tool that is to be called is none of those that there are."""

    template = "failed conversing with component {name}: invalid params%!(EXTRA string={cause})"


class ConversationFailed(ApiError, code="ERR_CONVERSATION_INVOKE", grpc=StatusCode.INTERNAL, http=500):
    """The model did not answer."""

    template = "failed conversing with component {name}: {cause}"


# --- crypto -------------------------------------------------------------------------------------------------------


class CryptoProvidersNotConfigured(
    ApiError, code="ERR_CRYPTO_PROVIDERS_NOT_CONFIGURED", grpc=StatusCode.INTERNAL, http=500
):
    """No crypto provider is loaded at all."""

    template = "crypto providers not configured"


class CryptoProviderNotFound(
    ApiError, code="ERR_CRYPTO_PROVIDER_NOT_FOUND", grpc=StatusCode.INVALID_ARGUMENT, http=400
):
    """No crypto provider of that name is loaded."""

    template = "crypto provider {provider} not found"


class InvalidRequest(ApiError, code="ERR_BAD_REQUEST", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    """Something that must be said is not."""

    template = "invalid request: {cause}"


class CryptoFailed(ApiError, code="ERR_CRYPTO", grpc=StatusCode.INTERNAL, http=500):
    """Something could not be encrypted, decrypted, wrapped, unwrapped, signed or verified."""

    template = "failed to perform operation: {cause}"


class CryptoKeyFailed(ApiError, code="ERR_CRYPTO_KEY", grpc=StatusCode.INTERNAL, http=500):
    """A key was asked for, and there is none of that name, or none that can be given away."""

    template = "failed to retrieve key {key}: {cause}"


class SubtleCryptoNotBuilt(ApiError, code="ERR_API_UNIMPLEMENTED", grpc=StatusCode.UNIMPLEMENTED, http=501):
    """The subtle crypto API is not part of official builds of daprd."""

    template = "this API is currently not implemented"


# --- workflows -----------------------------------------------------------------------------------------------------


class WorkflowIdMissing(ApiError, code="ERR_INSTANCE_ID_PROVIDED_MISSING", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    template = "no instance ID was provided"


class WorkflowIdTooLong(ApiError, code="ERR_INSTANCE_ID_TOO_LONG", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    template = "workflow instance ID exceeds the max length of {max} characters"


class WorkflowIdInvalid(ApiError, code="ERR_INSTANCE_ID_INVALID", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    template = "workflow instance ID '{id}' is invalid: only alphanumeric and underscore characters are allowed"


class WorkflowNameMissing(ApiError, code="ERR_WORKFLOW_NAME_MISSING", grpc=StatusCode.INVALID_ARGUMENT, http=400):
    template = "workflow name is not configured"


class WorkflowEventNameMissing(
    ApiError, code="ERR_WORKFLOW_EVENT_NAME_MISSING", grpc=StatusCode.INVALID_ARGUMENT, http=400
):
    template = "missing workflow event name"


class WorkflowNotFound(ApiError, code="ERR_INSTANCE_ID_NOT_FOUND", grpc=StatusCode.NOT_FOUND, http=404):
    template = "unable to find workflow with the provided instance ID: {id}"


class WorkflowStartFailed(ApiError, code="ERR_START_WORKFLOW", grpc=StatusCode.INTERNAL):
    template = "error starting workflow '{name}': {cause}"


class WorkflowGetFailed(ApiError, code="ERR_GET_WORKFLOW", grpc=StatusCode.INTERNAL):
    template = (
        "error while getting workflow info on instance '{id}': failed to get workflow metadata for '{id}': "
        "failed to fetch workflow metadata: failed to load workflow metadata: {cause}"
    )


class WorkflowTerminateFailed(ApiError, code="ERR_TERMINATE_WORKFLOW", grpc=StatusCode.INTERNAL):
    template = (
        "error terminating workflow '{id}': failed to terminate workflow {id}: "
        "failed to submit termination request:: {cause}"
    )


class WorkflowRaiseEventFailed(ApiError, code="ERR_RAISE_EVENT_WORKFLOW", grpc=StatusCode.INTERNAL):
    template = (
        "error raising event on workflow '{id}': failed to raise event {name} on workflow {id}: "
        "failed to raise event: {cause}"
    )


class WorkflowPauseFailed(ApiError, code="ERR_PAUSE_WORKFLOW", grpc=StatusCode.INTERNAL):
    template = "error pausing workflow {id}: failed to pause workflow {id}: failed to suspend workflow: {cause}"


class WorkflowResumeFailed(ApiError, code="ERR_RESUME_WORKFLOW", grpc=StatusCode.INTERNAL):
    template = "error resuming workflow {id}: failed to resume workflow {id}: failed to resume workflow: {cause}"


class WorkflowPurgeFailed(ApiError, code="ERR_PURGE_WORKFLOW", grpc=StatusCode.INTERNAL):
    template = "error purging workflow {id}: failed to Purge workflow {id}: failed to purge workflow state: {cause}"
