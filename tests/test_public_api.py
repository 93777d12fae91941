"""What is public is listed here: a name that comes or goes is a change that users notice."""

from __future__ import annotations

from importlib import import_module

import pytest

PUBLIC = {
    "dapr_client": """
        BindingRequest BindingResponse BulkPublishEntry BulkPublishResponse BulkPublishResponseFailedEntry
        BulkStateItem BulkStatesResponse Concurrency ConfigurationItem ConfigurationResponse
        ConfigurationSubscription Consistency ConstantFailurePolicy DaprClient DaprError DaprGrpcError DaprHttpError
        DaprInternalError DaprResponse DaprUnreachableError DecryptOptions DropFailurePolicy EncryptOptions
        FailurePolicy GetBulkSecretResponse
        GetMetadataResponse GetSecretResponse InvokeMethodRequest InvokeMethodResponse Job MetadataDict
        MetadataMCPServer MetadataTuple QueryResponse QueryResponseItem RegisteredComponents RetryPolicy StateItem
        StateOptions StateResponse StatusDetails StreamCancelledError StreamInactiveError
        StreamReconnectError SubscriptionMessage TopicEventResponse TopicEventResponseStatus
        TransactionOperationType TransactionalStateOperation TryLockResponse UnlockResponse UnlockResponseStatus
    """,
    "dapr_client.aio": """
        DaprClient DaprHealth
    """,
    "dapr_client.actor": """
        Actor ActorGrpcHost ActorId ActorInterface ActorMethodNotFoundError ActorNotFoundError
        ActorPayloadDecodeError ActorProxy ActorProxyFactory ActorReentrancyConfig ActorReminderFailurePolicy
        ActorRuntime ActorRuntimeConfig ActorRuntimeContext ActorTypeConfig ActorTypeNotFoundError Actors
        DaprActorClientBase DaprActorGrpcClient DaprActorHttpClient Remindable actormethod create_mock_actor
    """,
    "dapr_client.actor.sync": """
        ActorProxy ActorProxyFactory DaprActorClientBase DaprActorHttpClient
    """,
    "dapr_client.workflow": """
        ActivityResult ChildWorkflowResult DaprMCPClient DaprWorkflowClient DaprWorkflowContext FailureDetails
        GetWorkflowResponse LoggerOptions MCPToolDef NonDeterminismError NonRetryableError PropagatedHistory
        PropagationNotFoundError PropagationScope Replayer RetryPolicy StartWorkflowResponse Task TaskFailedError UNSET
        WorkflowActivityContext WorkflowFailedError WorkflowHistory WorkflowHistoryEvent WorkflowHistoryEventType
        WorkflowInstanceIdPage WorkflowResult WorkflowRuntime WorkflowRuntimeStatus WorkflowState WorkflowStatus
        alternate_name when_all when_any
    """,
    "dapr_client.workflow.aio": """
        DaprMCPClient DaprWorkflowClient MCPToolDef
    """,
    "fakesidecar": """
        AppHealth Clock Component Ids Neighbours Options RandomIds SeededIds Sidecar SystemClock VirtualClock
    """,
    "dapr_testing": """
        AsyncDaprTestCase Component DaprSidecar DaprTestCase Daprd DaprdError Event FaultNotNeeded FaultPlan
        HangsForever OnlyTheFakeHasIt Received Reply StandIn UnexpectedCall VirtualClock WorkflowFailed
        WorkflowNotFinished WorkflowRun fault_plan sidecar when
    """,
    "dapr_testing.checkers": """
        History Violation at_least_once exactly_once linearizable mutual_exclusion no_lost_ack
    """,
    "dapr_testing.stateful": """
        DaprMachine KeyedModel
    """,
}


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_is_what_is_listed(name: str) -> None:
    module = import_module(name)
    assert sorted(module.__all__) == PUBLIC[name].split()


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_is_there_and_says_what_it_is(name: str) -> None:
    module = import_module(name)
    for public in module.__all__:
        value = getattr(module, public)
        if isinstance(value, type) or callable(value):
            assert value.__doc__, f"{name}.{public} has no docstring"
