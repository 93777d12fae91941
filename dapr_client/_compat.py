"""The import paths of the official package, below our own name.

`from dapr.clients.grpc._state import StateOptions` works as `from dapr_client.clients.grpc._state import StateOptions`.
There are no files of those names: the table says which module has which names, a finder makes the modules when they
are imported, and a name is fetched when it is asked for.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

ROOT = "dapr_client"

ERRORS = (
    "DaprGrpcError",
    "DaprHttpError",
    "DaprInternalError",
    "ERROR_CODE_DOES_NOT_EXIST",
    "ERROR_CODE_UNKNOWN",
    "StatusDetails",
)
STATE_RESPONSES = ("BulkStateItem", "BulkStatesResponse", "QueryResponse", "QueryResponseItem", "StateResponse")
STATE_ARGUMENTS = ("Concurrency", "Consistency", "StateItem", "StateOptions")
TRANSACTIONS = ("TransactionOperationType", "TransactionalStateOperation")
METADATA = ("GetMetadataResponse", "MetadataMCPServer", "RegisteredComponents")
LOCKS = ("TryLockResponse", "UnlockResponse", "UnlockResponseStatus")
CONFIGURATION = ("ConfigurationItem", "ConfigurationResponse")
PUBLISHED = ("BulkPublishResponse", "BulkPublishResponseFailedEntry")
STREAM_ERRORS = ("StreamCancelledError", "StreamInactiveError", "StreamReconnectError")
RECONNECTS = ("MAX_RECONNECT_ATTEMPTS", "RECONNECT_BACKOFF_INITIAL_SECONDS", "RECONNECT_BACKOFF_MAX_SECONDS")
SECRETS = ("GetBulkSecretResponse", "GetSecretResponse")
CRYPTO_RESPONSES = ("CryptoResponse", "DecryptResponse", "EncryptResponse")
WORKFLOWS = (
    "ActivityResult",
    "ChildWorkflowResult",
    "DaprMCPClient",
    "DaprWorkflowClient",
    "DaprWorkflowContext",
    "FailureDetails",
    "MCPToolDef",
    "PropagatedHistory",
    "PropagationNotFoundError",
    "PropagationScope",
    "RetryPolicy",
    "TaskFailedError",
    "UNSET",
    "WorkflowActivityContext",
    "WorkflowHistoryEvent",
    "WorkflowHistoryEventType",
    "WorkflowInstanceIdPage",
    "WorkflowResult",
    "WorkflowRuntime",
    "WorkflowState",
    "WorkflowStatus",
    "alternate_name",
    "when_all",
    "when_any",
)
PROPAGATION = (
    "ActivityResult",
    "ChildWorkflowResult",
    "PropagatedHistory",
    "PropagationNotFoundError",
    "PropagationScope",
    "WorkflowResult",
)
WORKFLOW_MANAGEMENT = ("UNSET", "WorkflowHistoryEvent", "WorkflowHistoryEventType", "WorkflowInstanceIdPage")
WORKFLOW_STATUS = ("WorkflowRuntimeStatus", "runtime_status as getWorkflowRuntimeStatus")
CHECKS = ("MetadataDict", "MetadataTuple", "to_bytes", "to_str", "tuple_to_dict")

JOBS = (
    "ConstantFailurePolicy",
    "DropFailurePolicy",
    "FailurePolicy",
    "Job",
)
CONVERSATION = (
    "ConversationInput",
    "ConversationInputAlpha2",
    "ConversationMessage",
    "ConversationMessageContent",
    "ConversationMessageOfAssistant",
    "ConversationMessageOfDeveloper",
    "ConversationMessageOfSystem",
    "ConversationMessageOfTool",
    "ConversationMessageOfUser",
    "ConversationResponseAlpha1",
    "ConversationResponseAlpha2",
    "ConversationResultAlpha1",
    "ConversationResultAlpha2",
    "ConversationResultAlpha2Choices",
    "ConversationResultAlpha2CompletionUsage",
    "ConversationResultAlpha2CompletionUsageCompletionTokensDetails",
    "ConversationResultAlpha2CompletionUsagePromptTokensDetails",
    "ConversationResultAlpha2Message",
    "ConversationToolCalls",
    "ConversationToolCallsOfFunction",
    "create_assistant_message",
    "create_system_message",
    "create_tool_message",
    "create_user_message",
)
TOOLS = (
    "ConversationTools",
    "ConversationToolsFunction",
    "FunctionBackend",
    "ToolBackend",
    "execute_registered_tool",
    "execute_registered_tool_async",
    "get_registered_tools",
    "register_tool",
    "tool",
    "unregister_tool",
)
TOOL_HELPERS = (
    "ToolArgumentError",
    "ToolError",
    "ToolExecutionError",
    "ToolNotFoundError",
    "bind_params_to_func",
    "extract_docstring_summary",
    "function_to_json_schema",
)
ACTOR_CLIENTS = ("DaprActorClientBase", "DaprActorHttpClient")
ACTOR_CONFIGURATION = ("ActorReentrancyConfig", "ActorRuntimeConfig", "ActorTypeConfig")
ACTOR_ERRORS = (
    "ActorMethodNotFoundError",
    "ActorNotFoundError",
    "ActorPayloadDecodeError",
    "ActorTypeNotFoundError",
)
DURATIONS = ("from_duration as convert_from_dapr_duration", "to_duration as convert_to_dapr_duration")

Names = Mapping[str, Sequence[str]]

TABLE: Mapping[str, Names] = {
    "clients": {
        "_sync.client": ("DaprClient", "DaprClient as DaprGrpcClient"),
        "_async.actors": ACTOR_CLIENTS,
        "errors": ("DaprInternalError", "ERROR_CODE_UNKNOWN"),
        "invocation": ("InvokeMethodResponse",),
        "jobs": JOBS,
        "pubsub": ("BulkPublishEntry",),
        "retry": ("RetryPolicy",),
        "settings": ("settings",),
        "_checks": ("MetadataTuple",),
    },
    "clients.exceptions": {"errors": ERRORS},
    "clients.retry": {"retry": ("RetryPolicy",)},
    "clients.health": {"_sync.health": ("DaprHealth",)},
    "clients.base": {
        "_async.actors": ("DaprActorClientBase",),
        "actor._context": ("REENTRANCY_HEADER as DAPR_REENTRANCY_ID_HEADER",),
    },
    "clients.http": {},
    "clients.http.dapr_actor_http_client": {"_async.actors": ("DaprActorHttpClient",)},
    "clients.grpc": {},
    "clients.grpc.dapr_actor_grpc_client": {"actor._grpc": ("DaprActorGrpcClient",)},
    "clients.grpc.client": {
        "_sync.client": ("DaprClient as DaprGrpcClient",),
        "errors": ("DaprGrpcError", "DaprInternalError"),
        "_checks": ("MetadataTuple",),
    },
    "clients.grpc._response": {
        "_response": ("DaprResponse",),
        "state": STATE_RESPONSES,
        "secrets": SECRETS,
        "configuration": CONFIGURATION,
        "lock": LOCKS,
        "metadata": METADATA,
        "_sync.crypto": CRYPTO_RESPONSES,
        "invocation": ("InvokeMethodResponse",),
        "bindings": ("BindingResponse",),
        "pubsub": (*PUBLISHED, "TopicEventResponse", "TopicEventResponseStatus"),
        "_checks": CHECKS,
    },
    "clients.grpc._crypto": {"crypto": ("DecryptOptions", "EncryptOptions")},
    "clients.grpc._request": {
        "state": TRANSACTIONS,
        "invocation": ("InvokeMethodRequest",),
        "bindings": ("BindingRequest",),
        "pubsub": ("BulkPublishEntry",),
    },
    "clients.grpc._state": {"state": STATE_ARGUMENTS},
    "clients.grpc._jobs": {"jobs": JOBS},
    "clients.grpc.conversation": {"conversation": CONVERSATION, "tools": TOOLS},
    "clients.grpc._conversation_helpers": {"_schema": TOOL_HELPERS, "tools": ("stringify_tool_output",)},
    "clients.grpc._helpers": {
        "_checks": (*CHECKS, "not_blank as validateNotBlankString", "not_none as validateNotNone"),
        "workflow._management": WORKFLOW_STATUS,
    },
    "clients.grpc.subscription": {
        "_sync.subscription": ("Subscription",),
        "pubsub": (*STREAM_ERRORS, *RECONNECTS, "SubscriptionMessage"),
    },
    "clients.grpc.interceptors": {"interceptors": ("DaprClientInterceptor", "DaprClientTimeoutInterceptor")},
    "aio.clients": {
        "_async.client": ("DaprClient", "DaprClient as DaprGrpcClientAsync"),
        "_async.actors": ACTOR_CLIENTS,
        "errors": ("DaprInternalError", "ERROR_CODE_UNKNOWN"),
        "settings": ("settings",),
    },
    "aio.clients.health": {"_async.health": ("DaprHealth",)},
    "aio.clients.grpc": {},
    "aio.clients.grpc.client": {
        "_async.client": ("DaprClient as DaprGrpcClientAsync",),
        "errors": ("DaprGrpcError", "DaprInternalError"),
    },
    "aio.clients.grpc._response": {"_response": ("DaprResponse",), "_async.crypto": CRYPTO_RESPONSES},
    "aio.clients.grpc.subscription": {
        "_async.subscription": ("Subscription",),
        "pubsub": (*STREAM_ERRORS, *RECONNECTS, "SubscriptionMessage"),
    },
    "common": {},
    "common.pubsub": {},
    "common.pubsub.subscription": {"pubsub": (*STREAM_ERRORS, "SubscriptionMessage")},
    "aio.clients.grpc.interceptors": {
        "interceptors": ("DaprClientInterceptorAsync", "DaprClientTimeoutInterceptorAsync"),
    },
    "conf": {"settings": ("Settings", "settings")},
    "conf.helpers": {"endpoint": ("GrpcEndpoint", "URIParseConfig")},
    "conf.global_settings": {"settings": ("DEFAULTS[]",)},
    "ext": {},
    "ext.grpc": {
        "app": ("App", "Rule"),
        "bindings": ("BindingRequest",),
        "invocation": ("InvokeMethodRequest", "InvokeMethodResponse"),
        "jobs": ("JobEvent",),
        "pubsub": ("SubscriptionMessage", "TopicEventResponse"),
    },
    "ext.fastapi": {"app.fastapi": ("DaprActor", "DaprApp")},
    "ext.flask": {"app.flask": ("DaprActor", "DaprApp")},
    "actor.actor_interface": {"actor._interface": ("ActorInterface", "actormethod")},
    "actor.client": {},
    "actor.client.proxy": {"_async.actors": ("ActorFactoryBase", "ActorProxy", "ActorProxyFactory", "CallableProxy")},
    "actor.error": {"actor._interface": ACTOR_ERRORS},
    "actor.id": {"actor._interface": ("ActorId",)},
    "actor.runtime": {},
    "actor.runtime._call_type": {"actor._actor": ("ActorCallType",)},
    "actor.runtime._reminder_data": {"actor._reminders": ("ActorReminderData",)},
    "actor.runtime._state_provider": {"actor._state": ("StateProvider",)},
    "actor.runtime._timer_data": {"actor._reminders": ("ActorTimerData",)},
    "actor.runtime._method_context": {"actor._actor": ("ActorMethodContext",)},
    "actor.runtime._type_information": {"actor._actor": ("ActorTypeInformation",)},
    "actor.runtime.actor": {"actor._actor": ("Actor",)},
    "actor.runtime.config": {"actor._config": ACTOR_CONFIGURATION},
    "actor.runtime.context": {"actor._actor": ("ActorRuntimeContext",)},
    "actor.runtime.failure_policy": {"actor._reminders": ("ActorReminderFailurePolicy",)},
    "actor.runtime.grpc_host": {"actor._grpc": ("ActorGrpcHost",)},
    "actor.runtime.manager": {"actor._runtime": ("ActorManager",)},
    "actor.runtime.mock_actor": {"actor._mock": ("MockActor", "create_mock_actor")},
    "actor.runtime.mock_state_manager": {"actor._mock": ("MockStateManager",)},
    "actor.runtime.reentrancy_context": {"actor._context": ("reentrancy_ctx",)},
    "actor.runtime.remindable": {"actor._reminders": ("Remindable",)},
    "actor.runtime.runtime": {"actor._runtime": ("ActorRuntime",)},
    "actor.runtime.state_change": {"actor._state": ("ActorStateChange", "StateChangeKind")},
    "actor.runtime.state_manager": {"actor._state": ("ActorStateManager",)},
    "serializers": {"_serializers": ("DefaultJSONSerializer", "Serializer")},
    "serializers.base": {"_serializers": ("Serializer",)},
    "serializers.json": {"_serializers": ("DefaultJSONSerializer",)},
    "serializers.util": {"_serializers": DURATIONS},
    "ext.workflow": {"workflow": WORKFLOWS},
    "ext.workflow.aio": {"workflow.aio": ("DaprMCPClient", "DaprWorkflowClient", "MCPToolDef")},
    "ext.workflow.aio.dapr_workflow_client": {"workflow.aio": ("DaprWorkflowClient",)},
    "ext.workflow.aio.mcp": {"workflow.aio": ("DaprMCPClient",), "workflow._mcp": ("MCP_WORKFLOW_PREFIX",)},
    "ext.workflow.logger": {"workflow": ("LoggerOptions",)},
    "ext.workflow.logger.options": {"workflow": ("LoggerOptions",)},
    "ext.workflow.mcp": {
        "workflow": ("DaprMCPClient", "MCPToolDef"),
        "workflow._mcp": ("MCP_WORKFLOW_PREFIX",),
    },
    "ext.workflow.mcp_schema": {"workflow._mcp_schema": ("TYPE_MAPPING", "create_pydantic_model_from_schema")},
    "ext.workflow.propagation": {"workflow": PROPAGATION},
    "ext.workflow.retry_policy": {"workflow": ("RetryPolicy",)},
    "ext.workflow.workflow_activity_context": {"workflow": ("WorkflowActivityContext",)},
    "ext.workflow.workflow_context": {"workflow": ("DaprWorkflowContext as WorkflowContext",)},
    "ext.workflow.dapr_workflow_context": {"workflow": ("DaprWorkflowContext", "when_all", "when_any")},
    "ext.workflow.dapr_workflow_client": {"workflow": ("DaprWorkflowClient",)},
    "ext.workflow.workflow_management": {"workflow": WORKFLOW_MANAGEMENT},
    "ext.workflow.workflow_runtime": {"workflow": ("WorkflowRuntime", "alternate_name")},
    "ext.workflow.workflow_state": {"workflow": ("WorkflowState", "WorkflowStatus")},
}
"""Official module: our module: what it has of it (`ours as theirs`; `TABLE[]` for every item of a mapping)."""


class OfficialModule(ModuleType):
    """A module of the official package, made of names that live elsewhere."""

    def __init__(self, name: str, names: Names) -> None:
        super().__init__(name, f"The names of {name.replace(ROOT, 'dapr', 1)}; see dapr_client/_compat.py.")
        self._below = name.removeprefix(f"{ROOT}.")
        self._places = _places(names)
        self.__all__ = sorted(self._places)

    def __getattr__(self, name: str) -> Any:
        if f"{self._below}.{name}" in TABLE:
            return importlib.import_module(f"{self.__name__}.{name}")
        if name.startswith("__") or name not in self._places:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        module, ours, item = self._places[name]
        found = getattr(importlib.import_module(f"{ROOT}.{module}"), ours)
        value = found[item] if item else found
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._places})


def _places(names: Names) -> dict[str, tuple[str, str, str]]:
    """Where each name is: module, name in it, and item of that if it is a mapping."""
    places: dict[str, tuple[str, str, str]] = {}
    for module, wanted in names.items():
        for name in wanted:
            if name.endswith("[]"):
                table = name.removesuffix("[]")
                items = getattr(importlib.import_module(f"{ROOT}.{module}"), table)
                places |= {item: (module, table, item) for item in items}
                continue
            ours, _, theirs = name.partition(" as ")
            places[theirs or ours] = (module, ours, "")
    return places


class _Finder:
    """Makes the modules of the table. (No class of importlib.abc: importing that takes longer than all of this.)"""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root, _, below = fullname.partition(".")
        if root != ROOT or below not in TABLE:
            return None
        # Every one is a package, so that others can be below it.
        return ModuleSpec(fullname, self, origin=__file__, is_package=True)  # type: ignore[arg-type]  # a Loader in all but name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return OfficialModule(spec.name, TABLE[spec.name.removeprefix(f"{ROOT}.")])

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


def install() -> None:
    """Make the modules importable. Doing it again changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
