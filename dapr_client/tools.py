"""Tools for conversations: functions that a model may ask to be called.

    @tool
    def get_weather(city: str) -> str:
        '''The weather in a city.'''

    answer = client.converse_alpha2("llm", inputs, tools=get_registered_tools())
    for call in answer.outputs[0].choices[0].message.tool_calls:
        execute_registered_tool(call.function.name, call.function.arguments)

What a model sends is checked against the annotations of the function, and made of their types.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, TypeVar, overload

from dapr_client._schema import (
    Params,
    Schema,
    ToolArgumentError,
    ToolError,
    ToolExecutionError,
    ToolNotFoundError,
    bind_params_to_func,
    extract_docstring_summary,
    function_to_json_schema,
)

F = TypeVar("F", bound=Callable[..., Any])

MARK = "__dapr_conversation_tool__"
"""Where a function keeps the tool that was made of it."""

__all__ = [
    "ConversationTools",
    "ConversationToolsFunction",
    "FunctionBackend",
    "ToolArgumentError",
    "ToolBackend",
    "ToolError",
    "ToolExecutionError",
    "ToolNotFoundError",
    "execute_registered_tool",
    "execute_registered_tool_async",
    "get_registered_tools",
    "register_tool",
    "stringify_tool_output",
    "tool",
    "unregister_tool",
]


@dataclass
class ConversationToolsFunction:
    """What a model is told of a function."""

    name: str
    description: str | None = None
    parameters: Schema | None = None

    def schema_as_dict(self) -> Schema:
        """What it takes."""
        return self.parameters or {}

    @classmethod
    def from_function(cls, func: Callable[..., Any], register: bool = True) -> ConversationToolsFunction:
        """Describe a function by its name, its docstring and its annotations."""
        described = cls(func.__name__, extract_docstring_summary(func), function_to_json_schema(func))
        if register:
            register_tool(described.name, ConversationTools(described, FunctionBackend(func)))
        return described


class ToolBackend(Protocol):
    """What carries out the calls of a tool."""

    def invoke(self, spec: ConversationToolsFunction, params: Params) -> Any:
        """Carry out a call."""

    async def ainvoke(self, spec: ConversationToolsFunction, params: Params, *, timeout: float | None = None) -> Any:
        """Carry out a call, for asyncio."""


@dataclass
class FunctionBackend:
    """Calls a function of this process."""

    func: Callable[..., Any] = field(repr=False)

    def invoke(self, spec: ConversationToolsFunction, params: Params) -> Any:
        """Call the function."""
        bound = bind_params_to_func(self.func, params)
        if inspect.iscoroutinefunction(self.func):
            raise ToolExecutionError("This tool is async; use 'await tool.ainvoke(...)'.")
        try:
            return self.func(*bound.args, **bound.kwargs)
        except Exception as error:
            raise ToolExecutionError(f"Tool raised: {error}") from error

    async def ainvoke(self, spec: ConversationToolsFunction, params: Params, *, timeout: float | None = None) -> Any:
        """Call the function: await it, or let a thread do it."""
        bound = bind_params_to_func(self.func, params)
        try:
            if inspect.iscoroutinefunction(self.func):
                work = self.func(*bound.args, **bound.kwargs)
            else:
                work = asyncio.to_thread(self.func, *bound.args, **bound.kwargs)
            return await asyncio.wait_for(work, timeout)
        except TimeoutError as error:
            raise ToolExecutionError(f"Timed out after {timeout} seconds") from error
        except Exception as error:
            raise ToolExecutionError(f"Tool raised: {error}") from error


@dataclass
class ConversationTools:
    """A tool that a model may ask to be called; without a backend it is for the model's eyes only."""

    function: ConversationToolsFunction
    backend: ToolBackend | None = None

    def invoke(self, params: Params = None) -> Any:
        """Call it, with keyword arguments (a mapping) or positional ones (a sequence)."""
        return self._backend().invoke(self.function, params)

    async def ainvoke(self, params: Params = None, *, timeout: float | None = None) -> Any:
        """Call it, for asyncio."""
        return await self._backend().ainvoke(self.function, params, timeout=timeout)

    def _backend(self) -> ToolBackend:
        if self.backend is None:
            raise ToolExecutionError("Tool backend not set")
        return self.backend


@overload
def tool(func: F) -> F: ...


@overload
def tool(
    func: None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    namespace: str | None = None,
    register: bool = True,
) -> Callable[[F], F]: ...


def tool(
    func: F | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    namespace: str | None = None,
    register: bool = True,
) -> F | Callable[[F], F]:
    """Make a tool of a function, `@tool` or `@tool(name="weather")`; the function stays what it is.

    A model decides when it is called, and with what: make tools of functions only that you would let a stranger call.
    """

    def decorate(function: F) -> F:
        described = ConversationToolsFunction.from_function(function, register=False)
        described.name = name or (f"{namespace}.{described.name}" if namespace else described.name)
        described.description = description or described.description
        made = ConversationTools(described, FunctionBackend(function))
        setattr(function, MARK, made)
        if register:
            register_tool(described.name, made)
        return function

    return decorate if func is None else decorate(func)


# --- the tools of this process -------------------------------------------------------------------

_REGISTERED: dict[str, ConversationTools] = {}


def register_tool(name: str, t: ConversationTools) -> None:
    """Let a tool be found by its name; a name is given once."""
    if name in _REGISTERED:
        raise ValueError(f"Tool '{name}' already registered")
    _REGISTERED[name] = t


def unregister_tool(name: str) -> None:
    """Let a tool be found no more; it is no error if there is none."""
    _REGISTERED.pop(name, None)


def get_registered_tools() -> list[ConversationTools]:
    """All tools that are registered."""
    return list(_REGISTERED.values())


def execute_registered_tool(name: str, params: Params | str = None) -> Any:
    """Call a tool as a model has asked for it; text is JSON."""
    return _find(name).invoke(_checked(params))


async def execute_registered_tool_async(name: str, params: Params | str = None, *, timeout: float | None = None) -> Any:
    """Call a tool as a model has asked for it, for asyncio."""
    return await _find(name).ainvoke(_checked(params), timeout=timeout)


def _find(name: str) -> ConversationTools:
    try:
        return _REGISTERED[name]
    except KeyError:
        raise ToolNotFoundError(f"Tool '{name}' is not registered") from None


def _checked(params: Params | str) -> Params:
    if isinstance(params, str):
        params = json.loads(params)
    if params is not None and not isinstance(params, (Mapping, Sequence)):
        raise ToolArgumentError("params must be a mapping (kwargs), a sequence (args), or None")
    return params


# --- what a tool gives back ----------------------------------------------------------------------


def stringify_tool_output(value: Any) -> str:
    """What a tool gave, as text for the model: text as it is, bytes as base64, all else as JSON if it has any."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return f"base64:{base64.b64encode(value).decode()}"
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False)
    except (TypeError, ValueError):
        return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(fields := getattr(value, "__dict__", None), dict):
        return {name: item for name, item in fields.items() if not callable(item)}
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
