"""Conversations and tools: both clients against a model that answers by a script."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Optional, Union

import pytest
from google.protobuf.wrappers_pb2 import Int32Value

from dapr_client import DaprClient, DaprGrpcError
from dapr_client._schema import (
    ToolArgumentError,
    ToolExecutionError,
    ToolNotFoundError,
    bind_params_to_func,
    extract_docstring_summary,
    function_to_json_schema,
)
from dapr_client.aio import DaprClient as AsyncDaprClient
from dapr_client.conversation import (
    ConversationInput,
    ConversationInputAlpha2,
    ConversationMessage,
    ConversationMessageOfTool,
    create_assistant_message,
    create_system_message,
    create_tool_message,
    create_user_message,
)
from dapr_client.tools import (
    ConversationTools,
    ConversationToolsFunction,
    execute_registered_tool,
    execute_registered_tool_async,
    get_registered_tools,
    register_tool,
    stringify_tool_output,
    tool,
    unregister_tool,
)
from fakesidecar import Sidecar
from fakesidecar.components.conversation.scripted import Scripted


@pytest.fixture
def dapr(sidecar: Sidecar) -> Iterator[DaprClient]:
    with DaprClient() as client:
        yield client


@pytest.fixture
def llm(sidecar: Sidecar) -> Scripted:
    found = sidecar.core.conversation.model("llm")
    assert isinstance(found, Scripted)
    return found


@pytest.fixture(autouse=True)
def no_tools() -> Iterator[None]:
    yield
    for one in get_registered_tools():
        unregister_tool(one.function.name)


class Unit(enum.Enum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


def get_weather(city: str, unit: Unit = Unit.CELSIUS, days: int = 1) -> str:
    """The weather in a city.

    Args:
        city: Where it is
        unit (Unit): How it is measured, which is
            a matter of taste
        days: How many days, from today
    """
    return f"{days} sunny days in {city} ({unit.value})"


# --- conversations -------------------------------------------------------------------------------


def test_words_are_answered_with_words(dapr: DaprClient) -> None:
    inputs = [ConversationInput("mail a@b.com", role="user", scrub_pii=True), ConversationInput("10.0.0.1")]
    answer = dapr.converse_alpha1("echo", inputs, context_id="c-1", parameters={"n": 5}, temperature=0.5)
    assert (answer.context_id, answer.outputs[0].result) == ("c-1", "mail <EMAIL_ADDRESS>\n10.0.0.1")
    number = Int32Value()
    answer.outputs[0].parameters["n"].Unpack(number)
    assert number.value == 5
    with pytest.raises(ValueError, match="Unsupported parameter type"):
        dapr.converse_alpha1("echo", inputs, parameters={"n": [1]})
    with pytest.raises(DaprGrpcError, match="failed finding conversation component nobody"):
        dapr.converse_alpha1("nobody", inputs)


def test_a_model_asks_for_a_tool_and_is_given_what_it_returns(dapr: DaprClient, llm: Scripted) -> None:
    tool(get_weather)
    llm.when("sunny days", say="Take your sunglasses.")
    llm.when("weather", calls={"get_weather": {"city": "Rome", "unit": "FAHRENHEIT", "days": "3"}})
    messages = [create_system_message("be kind"), create_user_message("weather?")]
    answer = dapr.converse_alpha2("llm", [ConversationInputAlpha2(messages)], tools=get_registered_tools())
    choice = answer.outputs[0].choices[0]
    assert choice.finish_reason == "tool_calls"
    messages += answer.to_assistant_messages()
    for call in choice.message.tool_calls:
        assert call.id is not None
        assert call.function is not None
        result = execute_registered_tool(call.function.name, call.function.arguments)
        messages.append(create_tool_message(call.id, call.function.name, result))
    answer = dapr.converse_alpha2("llm", [ConversationInputAlpha2(messages)], tools=get_registered_tools())
    assert answer.outputs[0].choices[0].message.content == "Take your sunglasses."
    assert answer.outputs[0].model == "scripted"
    prompt = llm.asked[-1]
    assert [message.role for message in prompt.messages] == ["system", "user", "assistant", "tool"]
    assert prompt.messages[-1].text == "3 sunny days in Rome (f)"
    assert prompt.messages[2].calls[0].id == prompt.messages[3].tool_id == "call_1"
    assert prompt.tools[0].parameters["required"] == ["city"]


async def test_the_async_client_converses(sidecar: Sidecar, llm: Scripted) -> None:
    llm.when(say="well")
    async with AsyncDaprClient() as dapr:
        inputs = [ConversationInputAlpha2([create_assistant_message("how are you?")], scrub_pii=False)]
        answer = await dapr.converse_alpha2("llm", inputs, max_tokens=5, tool_choice="auto", context_id="c")
        assert answer.outputs[0].choices[0].message.content == "well"
        assert answer.outputs[0].usage is not None
        assert answer.outputs[0].usage.total_tokens == 4
        assert (await dapr.converse_alpha1("echo", [ConversationInput("hi")])).outputs[0].result == "hi"


def test_a_conversation_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    create_user_message("one\ntwo").trace_print()
    ConversationMessage(of_tool=ConversationMessageOfTool("1", "f")).trace_print(2)
    assert capsys.readouterr().out == (
        "\nclient[user]   --------------> LLM[assistant]:\n  content[0]: one\n              two\n"
        "\n  client[tool]   -------------> LLM[assistant]:\n    tool_id: 1\n    name: f\n"
    )


# --- tools ---------------------------------------------------------------------------------------


def test_a_function_is_described_by_its_annotations_and_its_docstring() -> None:
    assert extract_docstring_summary(get_weather) == "The weather in a city."
    assert function_to_json_schema(get_weather) == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where it is"},
            "unit": {
                "type": "string",
                "enum": ["c", "f"],
                "description": "How it is measured, which is a matter of taste",
            },
            "days": {"type": "integer", "description": "How many days, from today"},
        },
        "required": ["city"],
    }


@dataclass
class Place:
    name: str
    tags: list[str] = field(default_factory=list)


class Plain:
    def __init__(self, x: int, y: float = 0) -> None:
        self.x, self.y = x, y


SCHEMAS: list[tuple[Any, dict[str, Any]]] = [
    (Optional[int], {"type": "integer"}),  # noqa: UP045  # as others write it
    (int | None, {"type": "integer"}),
    (Union[int, str], {"anyOf": [{"type": "integer"}, {"type": "string"}]}),  # noqa: UP007
    (list[float], {"type": "array", "items": {"type": "number"}}),
    (list, {"type": "array"}),
    (dict[str, bool], {"type": "object", "additionalProperties": {"type": "boolean"}}),
    (dict, {"type": "object"}),
    (bytes, {"type": "string", "format": "byte"}),
    (Literal["a", "b"], {"enum": ["a", "b"], "type": "string"}),
    (Literal[1, "b"], {"enum": [1, "b"]}),
    (
        Plain,
        {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "number"}}, "required": ["x"]},
    ),
]


@pytest.mark.parametrize(("kind", "schema"), SCHEMAS)
def test_the_schema_of_a_type(kind: Any, schema: dict[str, Any]) -> None:
    def function(value: Any) -> None: ...

    function.__annotations__["value"] = kind
    assert function_to_json_schema(function)["properties"]["value"] == schema


@pytest.mark.parametrize(("kind", "schema"), [one for one in SCHEMAS if one[0] != int | None])
def test_the_schema_of_a_type_is_the_official_one(kind: Any, schema: dict[str, Any]) -> None:
    helpers = pytest.importorskip("dapr.clients.grpc._conversation_helpers", reason="compares with the official one")
    assert helpers._python_type_to_json_schema(kind, "value") == schema


def test_the_schema_of_an_official_function_is_the_same() -> None:
    helpers = pytest.importorskip("dapr.clients.grpc._conversation_helpers", reason="compares with the official one")

    def sphinx(a: int, b: str = "x") -> None:
        """Do something
        good.

        :param a: a number of things
        :param b: some words
            that go on
        :returns: nothing
        """

    def numpy(a: int, b: str) -> None:
        """Do it.

        Parameters
        ----------
        a : int
            A number
        b : str
            Some words

        Returns
        -------
        None
        """

    def nothing(a: int) -> None: ...

    for function in (get_weather, sphinx, numpy, nothing):
        assert function_to_json_schema(function) == helpers.function_to_json_schema(function)
        assert extract_docstring_summary(function) == helpers.extract_docstring_summary(function) or function is numpy


def test_what_a_model_sends_becomes_what_the_function_takes() -> None:
    seen: list[Any] = []

    def function(
        number: int, yes: bool, unit: Unit, place: Place, choice: Literal[1, 2], maybe: float | None = None, *more: int
    ) -> None:
        seen.extend((number, yes, unit, place, choice, maybe))

    sent = {
        "number": "5",
        "yes": "on",
        "unit": "celsius",
        "place": {"name": "Rome", "tags": ["old"]},
        "choice": "2",
        "maybe": 1,
    }
    bound = bind_params_to_func(function, sent)
    function(*bound.args, **bound.kwargs)
    assert seen == [5, True, Unit.CELSIUS, Place("Rome", ["old"]), 2, 1.0]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "Missing required parameter(s): city"),
        (None, "Missing required parameter(s): city"),
        ({"city": "Rome", "colour": "red"}, "Unexpected parameter(s): colour"),
        ({"city": None}, "Invalid value for parameter 'city': expected str, got NoneType (None)"),
        ({"city": "Rome", "days": "many"}, "Invalid value for parameter 'days': expected int, got str ('many')"),
        ({"city": "Rome", "days": 1.5}, "Invalid value for parameter 'days'"),
        ({"city": "Rome", "unit": "kelvin"}, "Cannot coerce 'kelvin' to Unit"),
        (["Rome", "c", 1, 2], "too many positional arguments"),
        (5, "params must be a mapping (kwargs), a sequence (args), or None"),
    ],
)
def test_what_a_function_does_not_take_is_refused(params: Any, message: str) -> None:
    tool(get_weather)
    with pytest.raises(ToolArgumentError) as caught:
        execute_registered_tool("get_weather", params)
    assert message in str(caught.value)


def test_tools_are_found_by_their_names() -> None:
    @tool(name="one", description="does it")
    def first() -> int:
        return 1

    @tool(namespace="things")
    def second() -> None:
        raise KeyError("lost")

    assert [one.function.name for one in get_registered_tools()] == ["one", "things.second"]
    assert get_registered_tools()[0].function.description == "does it"
    assert execute_registered_tool("one") == 1
    assert first() == 1
    with pytest.raises(ToolExecutionError, match="Tool raised: 'lost'"):
        execute_registered_tool("things.second", "{}")
    with pytest.raises(ToolNotFoundError, match="Tool 'three' is not registered"):
        execute_registered_tool("three")
    with pytest.raises(ValueError, match="Tool 'one' already registered"):
        register_tool("one", get_registered_tools()[0])
    with pytest.raises(ToolExecutionError, match="Tool backend not set"):
        ConversationTools(ConversationToolsFunction("x")).invoke()
    unregister_tool("one")
    unregister_tool("one")


async def test_tools_may_be_async() -> None:
    @tool
    async def wait(seconds: float) -> str:
        if seconds:
            await asyncio.Event().wait()
        return "done"

    @tool
    def block() -> str:
        return "blocked"

    assert await execute_registered_tool_async("wait", {"seconds": 0}) == "done"
    assert await execute_registered_tool_async("block") == "blocked"
    with pytest.raises(ToolExecutionError, match=r"Timed out after 0.01 seconds"):
        await execute_registered_tool_async("wait", {"seconds": 1}, timeout=0.01)
    with pytest.raises(ToolExecutionError, match="This tool is async"):
        execute_registered_tool("wait", {"seconds": 0})


def test_what_a_tool_returns_becomes_text() -> None:
    values = ["text", b"\x00", Unit.CELSIUS, Place("Rome"), {"é": [1, None]}, Plain(1), {1, 2}]
    helpers = pytest.importorskip("dapr.clients.grpc._conversation_helpers", reason="compares with the official one")
    assert [stringify_tool_output(value) for value in values] == [
        helpers.stringify_tool_output(value) for value in values
    ]
