"""`conversation.scripted`: a model that answers as a test says; this project's own, unknown to daprd.

    model.when("weather", calls={"get_weather": {"place": "Rome"}})
    model.when("sunny", say="Take your sunglasses.")

The same in YAML, as metadata `script`:

    [{"when": "weather", "calls": [{"name": "get_weather", "arguments": {"place": "Rome"}}]},
     {"when": "sunny", "say": "Take your sunglasses.", "after": "2s"}]
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fakesidecar import golang
from fakesidecar.components.conversation import Call, Model, Prompt, Reply, words
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.golang import GoError
from fakesidecar.resources.component import Component

When = str | Callable[[Prompt], bool] | None
"""A regular expression for what was said last, or a function; None is for everything."""
Calls = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Tools and their arguments: text as it is, anything else as JSON."""

KEYS = {"when", "say", "calls", "error", "after", "times"}
KEPT = 10_000
"""How many of the last prompts a model remembers, and how many answers it keeps."""
WAIT_SECONDS = 10.0
"""How long, in real time, a test waits for a model to be asked."""


@dataclass(slots=True)
class Line:
    """A line of the script."""

    when: When
    say: str
    calls: tuple[tuple[str, str], ...]
    error: str
    after: float
    left: int | None
    """How often it may still be used; None: always."""

    def fits(self, prompt: Prompt) -> bool:
        if self.left == 0:
            return False
        if callable(self.when):
            return self.when(prompt)
        return self.when is None or re.search(self.when, prompt.text) is not None


@component("conversation.scripted")
class Scripted(Model):
    """Answers with the first line of its script that fits; what tests add comes before what is declared."""

    blocking = True

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self.asked: list[Prompt] = []
        """The last prompts, in order."""
        self._model = spec.setting("model") or "scripted"
        self._declared = spec.setting("script")
        self._cache_seconds = seconds(spec.setting("responseCacheTTL") or spec.setting("cacheTTL") or "0")
        self._changed = threading.Condition()
        self._alarms: set[threading.Event] = set()
        self._begin()

    def _begin(self) -> None:
        self._script: list[Line] = []
        self._declared_lines = declared_lines(self._declared) if self._declared else []
        self._cache: dict[str, tuple[float, Reply]] = {}
        self._numbers = itertools.count(1)

    # --- for tests ---

    def when(
        self,
        when: When = None,
        *,
        say: str = "",
        calls: Calls = (),
        error: str = "",
        after: float = 0.0,
        times: int | None = None,
    ) -> Scripted:
        """Answer what fits with words, calls of tools, or an error, `after` seconds of the clock, so many `times`."""
        self._script.append(line(when, say, calls, error, after, times))
        return self

    def wait_until_asked(self, times: int = 1) -> None:
        """Wait, in real time, until the model was asked so often since the test began."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.asked) >= times, WAIT_SECONDS):
                raise TimeoutError(f"{self.spec.name} was asked {len(self.asked)} times, not {times}")

    # --- for Dapr ---

    def converse(self, prompt: Prompt) -> Reply:
        key, now = repr(prompt), self.around.clock.now()
        until, cached = self._cache.get(key, (0.0, None))
        if cached is not None and now < until:
            return cached
        found, alarm = self._find(prompt)
        if alarm is not None:
            self._wait(alarm)
        if found.error:
            raise ComponentError(found.error)
        reply = self._reply(prompt, found)
        if self._cache_seconds > 0:
            if len(self._cache) >= KEPT:
                self._cache.clear()
            self._cache[key] = (self.around.clock.now() + self._cache_seconds, reply)
        return reply

    def _find(self, prompt: Prompt) -> tuple[Line, threading.Event | None]:
        """The line that fits, and what rings when it is to be said; set before any test hears of the prompt."""
        with self._changed:
            found = next((one for one in (*self._script, *self._declared_lines) if one.fits(prompt)), None)
            alarm = None
            if found is not None:
                if found.left is not None:
                    found.left -= 1
                if found.after > 0:
                    alarm = threading.Event()
                    self._alarms.add(alarm)
                    self.around.clock.call_later(found.after, alarm.set)
            self.asked.append(prompt)
            del self.asked[:-KEPT]
            self._changed.notify_all()
        if found is None:
            raise ComponentError(f"nothing in the script of {self.spec.name} fits {golang.quote(prompt.text)}")
        return found, alarm

    def _wait(self, alarm: threading.Event) -> None:
        alarm.wait()
        with self._changed:
            if alarm not in self._alarms:
                raise ComponentError("the model thinks no longer")
            self._alarms.remove(alarm)

    def _reply(self, prompt: Prompt, found: Line) -> Reply:
        calls = tuple(Call(f"call_{next(self._numbers)}", name, arguments) for name, arguments in found.calls)
        asked = sum(words(message.text) for message in prompt.messages)
        return Reply(found.say, calls, self._model, asked, words(found.say))

    def reset(self) -> None:
        self.close()
        self.asked.clear()
        self._begin()

    def snapshot(self) -> tuple[list[Line], list[Line], list[Prompt]]:
        with self._changed:
            return _copies(self._script), _copies(self._declared_lines), list(self.asked)

    def restore(self, kept: tuple[list[Line], list[Line], list[Prompt]]) -> None:
        self.close()
        with self._changed:
            script, declared, asked = kept
            self._script, self._declared_lines, self.asked = _copies(script), _copies(declared), list(asked)

    def close(self) -> None:
        with self._changed:
            alarms, self._alarms = self._alarms, set()
        for alarm in alarms:
            alarm.set()


def _copies(lines: list[Line]) -> list[Line]:
    return [replace(one) for one in lines]


def line(when: When, say: str, calls: Calls, error: str, after: float, times: int | None) -> Line:
    """A line of a script as tests write it."""
    pairs = calls.items() if isinstance(calls, Mapping) else calls
    written = tuple((name, given if isinstance(given, str) else json.dumps(given)) for name, given in pairs)
    if isinstance(when, str):
        re.compile(when)
    return Line(when, say, written, error, after, times)


def declared_lines(text: str) -> list[Line]:
    """The lines of the script in a component's metadata; raises `ComponentError` when it is none."""
    try:
        lines = json.loads(text)
        for one in lines:
            if unknown := sorted(set(one) - KEYS):
                raise ComponentError(f"script: unknown property {unknown[0]!r}")
        return [
            line(
                one.get("when"),
                one.get("say", ""),
                [(call["name"], call.get("arguments", {})) for call in one.get("calls", ())],
                one.get("error", ""),
                seconds(one.get("after", "0")),
                one.get("times"),
            )
            for one in lines
        ]
    except (ValueError, TypeError, KeyError, AttributeError, re.error) as error:
        raise ComponentError(f"script: {error}") from error


def seconds(text: str) -> float:
    """A Go duration of a component's metadata."""
    try:
        return golang.parse_duration(text)
    except GoError as error:
        raise ComponentError(str(error)) from error
