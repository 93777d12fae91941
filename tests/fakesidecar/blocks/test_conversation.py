"""Conversation: what a model is given, what it may answer, and a model that answers by a script."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from fakesidecar.clock import VirtualClock
from fakesidecar.components.conversation.scripted import Scripted
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.resources.errors import StartupError
from fakesidecar.sidecar import Sidecar

from .doors import SECONDS, Refused, grpc_call, http_ok

SCRIPT = """[{"when": "(?i)weather", "calls": [{"name": "get_weather", "arguments": {"place": "Rome"}}]},
             {"when": "fail", "error": "out of tokens", "times": 1}, {"say": "I see.", "after": "0s"}]"""


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def sidecar(clock: VirtualClock) -> Iterator[Sidecar]:
    components = [
        Component("echo", "conversation.echo"),
        Component("llm", "conversation.scripted", metadata={"script": SCRIPT, "model": "parrot-1"}),
        Component("cached", "conversation.scripted", metadata={"responseCacheTTL": "10m"}),
    ]
    with Sidecar(Options(), components=components, clock=clock) as running:
        yield running


def model(sidecar: Sidecar, name: str = "llm") -> Scripted:
    found = sidecar.core.conversation.model(name)
    assert isinstance(found, Scripted)
    return found


def ask(sidecar: Sidecar, text: str, name: str = "llm", **more: Any) -> dict[str, Any]:
    inputs = [{"messages": [{"of_user": {"content": [{"text": text}]}}]}]
    output = grpc_call(sidecar, "ConverseAlpha2", name=name, inputs=inputs, **more).outputs[0]
    return MessageToDict(output, preserving_proto_field_name=True)


def say(sidecar: Sidecar, text: str, name: str = "llm") -> Any:
    return ask(sidecar, text, name)["choices"][0]["message"]["content"]


def test_a_declared_script_answers_with_its_first_line_that_fits(sidecar: Sidecar) -> None:
    assert ask(sidecar, "How is the Weather?") == {
        "choices": [
            {
                "finish_reason": "tool_calls",
                "message": {
                    "tool_calls": [
                        {"id": "call_1", "function": {"name": "get_weather", "arguments": '{"place": "Rome"}'}}
                    ]
                },
            }
        ],
        "model": "parrot-1",
        "usage": {"prompt_tokens": "4", "total_tokens": "4"},
    }
    with pytest.raises(Refused, match="failed conversing with component llm: out of tokens"):
        ask(sidecar, "fail")
    assert say(sidecar, "fail") == "I see."


def test_what_a_test_adds_comes_first_and_is_forgotten_with_it(sidecar: Sidecar) -> None:
    llm = model(sidecar)
    llm.when("weather", say="sunny", times=1).when("weather", say="rain", times=1)
    llm.when(lambda prompt: prompt.temperature > 1, say="wild")
    assert [say(sidecar, "weather"), say(sidecar, "weather")] == ["sunny", "rain"]
    assert ask(sidecar, "hi", temperature=2)["choices"][0]["message"]["content"] == "wild"
    assert [prompt.text for prompt in llm.asked] == ["weather", "weather", "hi"]
    sidecar.reset()
    assert llm.asked == []
    assert ask(sidecar, "weather")["choices"][0]["message"]["tool_calls"][0]["id"] == "call_1"


def test_a_prompt_has_all_that_was_asked(sidecar: Sidecar) -> None:
    http_ok(
        sidecar,
        "POST",
        "/v1.0-alpha2/conversation/llm/converse",
        {
            "inputs": [
                {
                    "messages": [
                        {"ofSystem": {"content": [{"text": "be kind"}]}},
                        {"ofAssistant": {"toolCalls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}},
                        {"ofTool": {"toolId": "1", "name": "f", "content": [{"text": "a@b.com"}]}},
                    ],
                    "scrubPii": True,
                }
            ],
            "tools": [{"function": {"name": "f", "parameters": {"properties": {"a": {"type": "string"}}}}}],
            "toolChoice": "f",
            "temperature": 0.5,
            "maxTokens": 7,
            "metadata": {"k": "v"},
        },
    )
    (prompt,) = model(sidecar).asked
    assert [(message.role, message.text) for message in prompt.messages] == [
        ("system", "be kind"),
        ("assistant", ""),
        ("tool", "<EMAIL_ADDRESS>"),
    ]
    assert prompt.messages[1].calls[0].name == prompt.tools[0].name == prompt.tool_choice == "f"
    assert prompt.tools[0].parameters == {"properties": {"a": {"type": "string"}}}
    assert (prompt.temperature, prompt.max_tokens, prompt.metadata) == (0.5, 7, {"k": "v"})


def test_a_model_thinks_as_long_as_the_clock_says(sidecar: Sidecar, clock: VirtualClock) -> None:
    llm = model(sidecar).when(say="at last", after=60)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(say, sidecar, "well?")
        llm.wait_until_asked()
        clock.advance(59)
        assert not answer.done()
        clock.advance(1)
        assert answer.result(SECONDS) == "at last"


def test_a_model_that_is_reset_thinks_no_longer(sidecar: Sidecar) -> None:
    llm = model(sidecar).when(say="never", after=60)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(say, sidecar, "well?")
        llm.wait_until_asked()
        sidecar.reset()
        with pytest.raises(Refused, match="the model thinks no longer"):
            answer.result(SECONDS)


def test_what_was_answered_is_kept_for_a_while(sidecar: Sidecar, clock: VirtualClock) -> None:
    cached = model(sidecar, "cached").when(say="one", times=1).when(say="two")
    assert [say(sidecar, "hi", "cached") for _ in range(2)] == ["one", "one"]
    assert say(sidecar, "ho", "cached") == "two"
    assert len(cached.asked) == 2
    clock.advance(600)
    assert say(sidecar, "hi", "cached") == "two"


def test_without_a_line_that_fits_the_model_says_so(sidecar: Sidecar) -> None:
    with pytest.raises(Refused, match='nothing in the script of cached fits "hi"') as caught:
        say(sidecar, "hi", "cached")
    assert caught.value.code == "INTERNAL"


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"script": "nonsense"}, "script: Expecting value"),
        ({"script": '[{"whenn": "x"}]'}, "script: unknown property 'whenn'"),
        ({"script": '[{"when": "("}]'}, "script: missing ), unterminated subpattern"),
        ({"script": '[{"after": "soon"}]'}, 'time: invalid duration "soon"'),
        ({"script": "5"}, "script: "),
        ({"responseCacheTTL": "long"}, 'time: invalid duration "long"'),
    ],
)
def test_a_script_that_is_none_keeps_the_sidecar_from_starting(metadata: dict[str, str], message: str) -> None:
    with pytest.raises(StartupError) as caught:
        Sidecar(components=[Component("llm", "conversation.scripted", metadata=metadata)])
    assert message in str(caught.value)
