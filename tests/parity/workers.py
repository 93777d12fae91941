"""A worker of workflows that a recording has: a stream of work items, and what is answered to each of them."""

from __future__ import annotations

import re
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import grpc

from dapr_client import wire

from .values import Json, message_as_json

UUID = re.compile(r"\b[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\b")
NEVER = {"seconds": 253402300799, "nanos": 999999999}
NO_TIME = -62135596800
LONG = 1000

Evaluate = Callable[[Json], Any]


class Worker:
    """Answers work items as `answers` says: by instance, in `turns`, and in `tasks` by their ids, one after the other.

    Null, and what there is no answer for, is held: the recording answers it by itself. A worker that works with
    another one shares its answers, for who gets an item is chance.
    """

    def __init__(
        self, channel: grpc.Channel, step: Json, answers: Json, evaluate: Evaluate, other: Worker | None = None
    ) -> None:
        self._channel, self._evaluate = channel, evaluate
        self._answers: Json = answers if other is None else other._answers
        self._complete_with = step.get("complete_with", "CompleteOrchestratorTask")
        self._tokens = step.get("tokens", True)
        self._items: list[tuple[Any, bool]] = []
        """What was sent, and whether the recording has taken it."""
        self._counts: Counter[tuple[str, str]] = Counter() if other is None else other._counts
        self._changed = threading.Condition()
        self.end: Json = None
        self.refused: list[Json] = []
        method = wire.method(wire.TASK_HUB, "GetWorkItems")
        call = channel.unary_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        self._stream = call(method.request(capabilities=step.get("capabilities", ())))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the stream."""
        self._stream.cancel()
        self._thread.join(5)

    def _read(self) -> None:
        try:
            for item in self._stream:
                if item.HasField("healthPing"):
                    continue
                with self._changed:
                    self._items.append((item, False))
                    self._changed.notify_all()
                self._answer(item)
            end: Json = {"code": "OK"}
        except grpc.RpcError as error:
            end = {"code": error.code().name, "message": error.details()}
        with self._changed:
            self.end = end
            self._changed.notify_all()

    def _answer(self, item: Any) -> None:
        instance, task = _place_of(item)
        script = self._answers.get(UUID.sub("<uuid>", instance), {})
        key = (instance, task)
        number = self._counts[key]
        self._counts[key] += 1
        answers = script.get("turns", ()) if not task else script.get("tasks", {}).get(task, ())
        if number < len(answers) and answers[number] is not None:
            answer = self.complete(item, self._evaluate(answers[number]))
            if answer["code"] != "OK":
                self.refused.append(answer)

    def complete(self, item: Any, given: Json) -> Json:
        """Answer an item."""
        fields: dict[str, Json] = {"completionToken": item.completionToken if self._tokens else ""}
        if item.HasField("activityRequest"):
            request = item.activityRequest
            fields |= {"instanceId": request.workflowInstance.instanceId, "taskId": request.taskId}
        else:
            fields["instanceId"] = item.workflowRequest.instanceId
        name = "CompleteActivityTask" if item.HasField("activityRequest") else self._complete_with
        served = wire.method(wire.TASK_HUB, name)
        call = self._channel.unary_unary(
            served.path,
            request_serializer=served.request.SerializeToString,
            response_deserializer=served.response.FromString,
        )
        try:
            return {"code": "OK", "response": message_as_json(call(served.request(**fields | given), timeout=20))}
        except grpc.RpcError as error:
            return {"method": name, "code": error.code().name, "message": error.details()}

    # --- what a recording looks at ---

    def await_items(self, step: Json, count: int, seconds: float) -> bool:
        """Wait until so many items that a step means are there, and nobody has taken them."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._meant(step)) >= count, seconds)

    def take(self, step: Json, count: int | None = None) -> list[Any]:
        """The items that a step means, all or the first `count`; they are taken with that."""
        with self._changed:
            numbers = self._meant(step)[:count]
            taken = [self._items[number][0] for number in numbers]
            for number in numbers:
                self._items[number] = (self._items[number][0], True)
        return sorted(taken, key=lambda item: item.activityRequest.taskId) if step.get("sorted") else taken

    def await_end(self, seconds: float) -> bool:
        """Wait until the sidecar has ended the stream."""
        with self._changed:
            return self._changed.wait_for(lambda: self.end is not None, seconds)

    def _meant(self, step: Json) -> list[int]:
        kind, task = step.get("kind"), step.get("task")
        found = []
        for number, (item, taken) in enumerate(self._items):
            instance, of_task = _place_of(item)
            if taken or instance != step["instance"] or (kind and (kind == "activity") != bool(of_task)):
                continue
            if task is None or of_task == str(task):
                found.append(number)
        return found


def _place_of(item: Any) -> tuple[str, str]:
    """The instance that an item belongs to, and the id of its activity; none for a turn."""
    if item.HasField("activityRequest"):
        return item.activityRequest.workflowInstance.instanceId, str(item.activityRequest.taskId)
    return item.workflowRequest.instanceId, ""


def tidied(value: Json, seen: dict[str, str] | None = None) -> Json:
    """An answer without times, tokens and traces, its ids numbered in the order in which they appear."""
    seen = {} if seen is None else seen
    if isinstance(value, list):
        return [tidied(part, seen) for part in value]
    if isinstance(value, str):
        if len(value) > LONG:
            return f"{value[:20]}… {len(value)} characters, crc {zlib.crc32(value.encode()):08x}"
        return UUID.sub(lambda found: seen.setdefault(found[0], f"<uuid {len(seen) + 1}>"), value)
    if not isinstance(value, dict):
        return value
    if value and set(value) <= {"seconds", "nanos"}:
        never = "<never>" if value == NEVER else "<time>"
        return "<no time>" if value.get("seconds") == NO_TIME else never
    return {
        tidied(key, seen): HIDDEN[key] if key in HIDDEN else _trace_of(part) or tidied(part, seen)
        for key, part in value.items()
    }


HIDDEN = {"completionToken": "<token>", "parentTraceContext": "<trace>"}


def _trace_of(value: Json) -> Json:
    """A stack trace of Python's is no property of Dapr's."""
    python = isinstance(value, dict) and 'File "' in str(value.get("value", ""))
    return {"value": "<stack trace>"} if python else None


def waited(answer: Json) -> Json:
    """The answer to a call that is ended by its deadline: which of several codes it gives is a race."""
    ended = answer["code"] in ("DEADLINE_EXCEEDED", "CANCELLED")
    ended = ended or "context deadline exceeded" in answer.get("message", "")
    return {"waits until the deadline": True} if ended else tidied(answer)
