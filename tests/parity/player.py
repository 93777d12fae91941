"""Play a recording against a sidecar and keep what it answers.

A recording is a list of steps. Most steps are one request to the sidecar; a step with an `id` is an
exchange, whose answer is compared with the recorded one. `STEPS` has every kind of step.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import httpx
from google.rpc import status_pb2

from dapr_client import wire

from .apps import App, GrpcApp, HttpApp
from .expressions import FILES, canonical, evaluate
from .process import CONTROL_PLANE, Redis, Sidecar, free_port, new_folder
from .values import (
    ANSWER_HEADERS,
    ANSWER_METADATA,
    Json,
    Masks,
    body_as_json,
    bytes_as_json,
    differences,
    headers_as_json,
    json_as_bytes,
    masked,
    message_as_json,
)
from .workers import Worker, tidied

RECORDINGS = Path(__file__).parent / "recordings"

HEAD_START = 0.05
"""Real seconds that a sidecar has for its work before its clock is moved for it."""
PACE = 0.1
"""Seconds by which a clock is moved at a time."""
SETTLE = 0.01
"""Real seconds between two moves."""
TRIES = 30
"""How often to look for what a clock that is being moved may be waiting for."""
SHORT = 0.2
"""Waits up to here give time to what comes and goes between processes; a clock that is moved does not wait for that."""
BREATH = 0.03
"""Real seconds of a short wait, between two moves."""

CHUNK = 30_000
"""Bytes in a message of a stream of payloads, where a step does not say."""

_pause = threading.Event().wait
Attempt: TypeAlias = Callable[[float], bool]
"""Waits up to so many real seconds for something; tells whether it came."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answer of a recording, and what the sidecar answered when it was played."""

    id: str
    expected: Json
    actual: Json
    reached: bool
    masks: Masks = field(repr=False)

    @property
    def differences(self) -> list[str]:
        if not self.reached:
            return [f"{self.id}: not reached"]
        return differences(masked(self.expected, self.masks), masked(self.actual, self.masks), self.id)

    @property
    def equal(self) -> bool:
        return not self.differences


def names() -> list[str]:
    """The recordings there are."""
    return sorted(path.stem for path in RECORDINGS.glob("*.json"))


def load(name: str) -> Json:
    """The recording of that name."""
    return json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))


def expected_answers(recording: Json) -> dict[str, Json]:
    """The recorded answers by the ids of their exchanges."""
    answers: dict[str, Json] = {}
    for step in recording["steps"]:
        if step["do"] == "metadata":
            answers |= {f"{step['id']}.{door}": answer for door, answer in step["answer"].items()}
        elif "id" in step:
            answer = step["answer"]
            answers[step["id"]] = sorted(answer, key=_order) if step.get("unordered") else answer
    return answers


@dataclass(frozen=True, slots=True)
class Played:
    """A recording that was played: its exchanges, and what stopped it before its end."""

    exchanges: Mapping[str, Exchange]
    failure: str | None


def play(recording: Json, command: Sequence[str]) -> Played:
    """Play a recording against sidecars that this command starts."""
    player = Player([*command, *(CONTROL_PLANE if recording.get("control_plane") else ())])
    failure = None
    try:
        for step in recording["steps"]:
            player.step(step)
    except Exception as error:  # whatever it is, the answers so far count
        failure = f"{type(error).__name__}: {error}"
    finally:
        player.close()
    masks = [(re.compile(player.filled(pattern)), name) for pattern, name in recording.get("masks", ())]
    exchanges = {
        id_: Exchange(id_, expected, player.answers.get(id_), id_ in player.answers, masks)
        for id_, expected in expected_answers(recording).items()
    }
    return Played(exchanges, failure)


class Stream:
    """An open call on which messages come and go."""

    def __init__(self, channel: grpc.Channel, method: wire.Method, metadata: Json) -> None:
        self._request = method.request
        self._outgoing: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.incoming: queue.SimpleQueue[Json] = queue.SimpleQueue()
        call = channel.stream_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        self._call = call(iter(self._outgoing.get, None), metadata=metadata)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for item in self._call:
                self.incoming.put({"message": message_as_json(item)})
            self.incoming.put({"end": "OK"})
        except grpc.RpcError as error:
            self.incoming.put({"end": error.code().name, "message": error.details()})

    def send(self, fields: Json) -> None:
        self._outgoing.put(self._request(**fields))

    def half_close(self) -> None:
        self._outgoing.put(None)

    def cancel(self) -> None:
        self._call.cancel()


class Player:
    """The state of a recording that is being played."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self.answers: dict[str, Json] = {}
        self._pending: dict[str, Future[Json]] = {}
        self._apps: dict[str, App] = {}
        self._sidecars: dict[str, Sidecar] = {}
        self._running: list[Sidecar] = []
        self._folders: list[Path] = []
        self._shared: Path | None = None
        self._streams: dict[str, Stream] = {}
        self._workers: dict[str, Worker] = {}
        self._held: dict[str, list[Any]] = {}
        """Work items that were taken, by the name of the step that took them."""
        self._ports: dict[str, int] = {}
        self._randoms: dict[str, str] = {}
        self._doors: dict[str, httpx.Client | grpc.Channel] = {}
        self._redis: Redis | None = None
        self._pool = ThreadPoolExecutor(32)
        self._threads: dict[str, ThreadPoolExecutor] = {}

    def step(self, step: Json) -> None:
        """Make one step; an answer is kept under the step's id or name."""
        do = STEPS[step["do"]]
        if do is Player.start_sidecar:
            self._folders.append(new_folder())  # before the step is read: it may name its folder
        told = {key: self._told(value) for key, value in step.items() if key not in ("answer", "answers", *REPLIES)}
        told |= {key: self.filled(step[key]) for key in (*REPLIES, "answers") if key in step}
        name = step.get("id") or step.get("as")
        if "background" in step:
            thread = self._threads.setdefault(step["background"], ThreadPoolExecutor(1))
            self._pending[name or f"background {len(self._pending)}"] = thread.submit(do, self, told)
            return
        answer = do(self, told)
        if name and answer is not NOTHING:
            self._keep(name, answer)

    def close(self) -> None:
        """Stop all that is still running."""
        for worker in self._workers.values():
            worker.close()
        for sidecar in reversed(self._running):
            sidecar.close()
        for app in self._apps.values():
            with contextlib.suppress(Exception):
                app.close()
        if self._redis is not None:
            self._redis.close()
        for name, future in self._pending.items():
            with contextlib.suppress(Exception):
                self._keep(name, future.result(5))
        for door in self._doors.values():
            door.close()
        if self._shared is not None:
            shutil.rmtree(self._shared, ignore_errors=True)
        for pool in (self._pool, *self._threads.values()):
            pool.shutdown(wait=False, cancel_futures=True)

    def _keep(self, name: str, answer: Json) -> None:
        self.answers[name] = json.loads(json.dumps(answer))

    # --- what a step says ---------------------------------------------------------------------------

    def _told(self, value: Json) -> Any:
        """A part of a step with its places filled in and its expressions evaluated."""
        return evaluate(self.filled(value), self._answer)

    def filled(self, value: Json) -> Json:
        """The same with ports, folders and the like in the places that are kept for them."""
        if isinstance(value, str):
            return self._fill(value)
        if isinstance(value, dict):
            return {key if key.startswith("$") else self.filled(key): self.filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        return value

    def _fill(self, text: str) -> str:
        text = re.sub(r"\$PORT\[([^\]]+)\]", lambda found: str(self._port(found[1])), text)
        text = re.sub(r"\$RANDOM\[[^\]]+\]", self._random, text).replace("$HOST", socket.gethostname())
        if "$SHARED" in text:
            self._shared = self._shared or new_folder()
            text = text.replace("$SHARED", str(self._shared))
        text = text.replace("$FILES", str(FILES))
        text = text.replace("$REDIS", self._redis.address if self._redis else "127.0.0.1:6379")
        return text.replace("$DIR", str(self._folders[-1])) if self._folders else text

    def _random(self, found: re.Match[str]) -> str:
        return self._randoms.setdefault(found[0], os.urandom(6).hex())

    def _port(self, name: str) -> int:
        who, _, door = name.rpartition(" ")
        if who in self._sidecars:
            return self._sidecars[who].http_port if door == "http" else self._sidecars[who].grpc_port
        if name in self._apps:
            return self._apps[name].port
        return self._ports.setdefault(name, free_port())

    def _answer(self, name: str) -> Json:
        """The answer of an earlier step, waited for where it is still on its way."""
        if name in self._pending:
            future = self._pending.pop(name)
            self._keep(name, self._result(future, 30))
        return self.answers.get(name)

    def _sidecar(self, step: Json) -> Sidecar:
        on = step.get("on")
        return self._sidecars[on] if isinstance(on, str) else self._running[-1]

    def _client(self, step: Json) -> httpx.Client:
        on = step.get("on")
        if not isinstance(on, dict) or "http" not in on:
            return self._sidecar(step).client
        where: str = on["http"]
        if where not in self._doors:
            path = where.removeprefix("unix:")
            self._doors[where] = (
                httpx.Client(transport=httpx.HTTPTransport(uds=path), base_url="http://localhost", timeout=5)
                if path != where
                else httpx.Client(base_url=where, timeout=5)
            )
        door = self._doors[where]
        assert isinstance(door, httpx.Client)
        return door

    def _channel(self, step: Json) -> grpc.Channel:
        on = step.get("on")
        if not isinstance(on, dict) or "grpc" not in on:
            return self._sidecar(step).channel
        where: str = on["grpc"]
        door = self._doors.setdefault(where, grpc.insecure_channel(where))
        assert isinstance(door, grpc.Channel)
        return door

    # --- waiting ------------------------------------------------------------------------------------

    def _advance(self, seconds: float) -> None:
        for sidecar in self._running:
            if sidecar.clock_is_virtual and not sidecar.ended:
                sidecar.advance(seconds)

    @property
    def _clock_is_virtual(self) -> bool:
        return any(sidecar.clock_is_virtual for sidecar in self._running)

    @property
    def _in_real_time(self) -> bool:
        """Whether something beside the sidecars keeps time: a Redis, or an application at work."""
        return self._redis is not None or any(app.busy for app in self._apps.values())

    def _until(self, attempt: Attempt, seconds: float) -> bool:
        """Wait for something, on the sidecars' clocks where they can be moved."""
        if not self._clock_is_virtual:
            return attempt(seconds)
        head_start = min(HEAD_START, seconds)
        if attempt(head_start):
            return True
        left = seconds - head_start
        while left > 0:
            pace = min(PACE, left)
            if self._advance_meanwhile(pace, attempt) or attempt(pace if self._redis is not None else SETTLE):
                return True
            left -= pace
        return False

    def _advance_meanwhile(self, seconds: float, attempt: Attempt) -> bool:
        """Advance, and see whether what comes on the way is waited for: a clock may wait until that is answered."""
        moving = self._pool.submit(self._advance, seconds)
        return any(not moving.done() and attempt(SETTLE) for _ in range(TRIES))

    def _wait(self, seconds: float) -> None:
        if not self._clock_is_virtual:
            _pause(seconds)
            return
        settle = BREATH if seconds <= SHORT else SETTLE
        left = seconds
        while left > 0:
            pace = min(PACE, left)
            self._advance(pace)
            _pause(pace if self._in_real_time else min(pace, settle))
            left -= pace

    def _result(self, future: Future[Json], seconds: float) -> Json:
        def attempt(wait: float) -> bool:
            with contextlib.suppress(TimeoutError):
                future.exception(wait)
            return future.done()

        self._until(attempt, seconds)
        return future.result(0 if future.done() else seconds)

    def _patiently(self, call: Callable[[], Json]) -> Json:
        """Make a call that may take until a moment on the sidecar's clock."""
        if not self._clock_is_virtual or threading.current_thread() is not threading.main_thread():
            return call()
        return self._result(self._pool.submit(call), 20)

    def _next_of(self, queue_: queue.SimpleQueue[Json] | queue.Queue[Json], seconds: float) -> Json:
        got: list[Json] = []

        def attempt(wait: float) -> bool:
            with contextlib.suppress(queue.Empty):
                got.append(queue_.get(timeout=wait))
            return bool(got)

        return got[0] if self._until(attempt, seconds) else NOTHING

    # --- steps: what runs ---------------------------------------------------------------------------

    def start_app(self, step: Json) -> Json:
        kind = GrpcApp if step.get("protocol") == "grpc" else HttpApp
        self._apps[step["as"]] = kind(step.get("routes", ()))
        return NOTHING

    def change_app(self, step: Json) -> Json:
        self._apps[step["app"]].script.change(step)
        return NOTHING

    def close_app(self, step: Json) -> Json:
        self._apps[step["app"]].close()
        return NOTHING

    def start_redis(self, step: Json) -> Json:
        self._redis = Redis()
        self._ports["redis"] = self._redis.port
        return NOTHING

    def call_redis(self, step: Json) -> Json:
        assert self._redis is not None
        return self._redis.call(*step["words"])

    def close_redis(self, step: Json) -> Json:
        assert self._redis is not None
        self._redis.close()
        self._redis = None
        return NOTHING

    def start_sidecar(self, step: Json) -> Json:
        folder = self._folders[-1]
        for name, text in step.get("files", {}).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        app = step.get("app")
        sidecar = Sidecar(
            self.command,
            app_id=step.get("app_id", "golden"),
            app=self._apps[app] if app else None,
            resources=step.get("resources", ()),
            config=step.get("config", ""),
            flags=step.get("flags", ()),
            env=step.get("env", {}),
            folder=folder,
        )
        self._sidecars[step["as"]] = sidecar
        self._running.append(sidecar)
        return NOTHING

    def await_ready(self, step: Json) -> Json:
        sidecar, client, path = self._sidecar(step), self._client(step), step.get("path", "/v1.0/healthz")
        for _ in range(1500):
            with contextlib.suppress(httpx.HTTPError):
                if client.get(path).is_success:
                    sidecar.find_clock()
                    return NOTHING
            if sidecar.ended:
                raise RuntimeError(f"the sidecar gave up: {sidecar.fatal() or sidecar.log()[-2000:]}")
            _pause(0.02)
        raise RuntimeError(f"the sidecar was not ready in time: {sidecar.log()[-2000:]}")

    def stop_sidecar(self, step: Json) -> Json:
        sidecar = self._sidecars[step["sidecar"]]
        self._running.remove(sidecar)
        self._folders.remove(sidecar.folder)
        sidecar.close()
        if sidecar.app is not None:
            sidecar.app.close()
        return NOTHING

    def terminate(self, step: Json) -> Json:
        self._sidecar(step).process.terminate()
        return NOTHING

    def await_end(self, step: Json) -> Json:
        sidecar = self._sidecar(step)

        def attempt(wait: float) -> bool:
            with contextlib.suppress(subprocess.TimeoutExpired):
                sidecar.process.wait(wait)
            return sidecar.ended

        if not self._until(attempt, step.get("timeout", 20)):
            return {"exit": "still running"}
        return {"exit": sidecar.process.returncode, "fatal": sidecar.fatal()}

    def exit_code(self, step: Json) -> Json:
        return self.await_end(step)["exit"]

    def wait(self, step: Json) -> Json:
        self._wait(step["seconds"])
        return NOTHING

    # --- steps: requests ----------------------------------------------------------------------------

    def http(self, step: Json) -> Json:
        return self._patiently(partial(self._http, step))

    def _http(self, step: Json) -> Json:
        content: Any = _content(step.get("body"))
        if "chunks" in step:
            content = iter([json_as_bytes(chunk) for chunk in step["chunks"]])
        try:
            got = self._client(step).request(
                step["method"], step["path"], content=content, headers=_pairs(step.get("headers"))
            )
        except httpx.HTTPError as error:
            return {"error": type(error).__name__}
        headers = headers_as_json(got.headers.multi_items(), ALL if step.get("full") else ANSWER_HEADERS)
        body = (
            bytes_as_json(got.content)
            if step.get("exact")
            else body_as_json(got.content, got.headers.get("content-type", ""))
        )
        return {"status": got.status_code, "headers": headers, "body": body}

    def until(self, step: Json) -> Json:
        """Ask again and again until the answer is 200, or (`ok` is false) no longer is."""
        for _ in range(100):
            if (self.http(step).get("status") == 200) == step["ok"]:
                break
            self._wait(PACE)
        return NOTHING

    def grpc(self, step: Json) -> Json:
        method = _method(step["method"])
        call = self._channel(step).unary_unary(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        request = method.request(**step.get("request", {}))
        return self._patiently(partial(self._unary, step, call, request, message_as_json))

    def raw_grpc(self, step: Json) -> Json:
        call: Any = self._channel(step).unary_unary(step["path"])
        payload = json_as_bytes(step.get("payload", {}))
        answer = self._patiently(partial(self._unary, step, call, payload, bytes_as_json))
        answer.pop("details", None)
        return {"header": {}, "trailer": {}, **answer}

    @staticmethod
    def _unary(step: Json, call: Any, request: Any, as_json: Callable[[Any], Json]) -> Json:
        try:
            reply, done = call.with_call(request, metadata=_metadata(step), timeout=step.get("timeout", 20))
            answer = {"code": "OK", "response": as_json(reply)}
        except grpc.RpcError as error:
            done = error
            answer = _refusal(error)
        return answer | _metadata_of(done)

    def metadata(self, step: Json) -> Json:
        """What the sidecar says of itself over both doors, with what has no order sorted."""
        over_grpc = self.grpc({**step, "method": "GetMetadata"})
        over_http = self.http({**step, "method": "GET", "path": "/v1.0/metadata"})
        body = over_http.get("body")
        app = self._sidecar(step).app
        for said in (over_grpc.get("response"), body.get("json") if isinstance(body, dict) else None):
            if isinstance(said, dict):
                _tidy_metadata(said, app.port if app else None)
        self._keep(f"{step['id']}.grpc", over_grpc)
        self._keep(f"{step['id']}.http", over_http)
        return NOTHING

    def raw_stream(self, step: Json) -> Json:
        call: Any = self._channel(step).stream_stream(step["path"])
        messages = [json_as_bytes(message) for message in step.get("messages", ())]

        def run() -> Json:
            opened = call(iter(messages), metadata=_metadata(step), timeout=step.get("timeout", 20))
            got: list[Json] = []
            end: dict[str, Json] = {"code": "OK"}
            try:
                for item in opened:
                    got.append(bytes_as_json(item))
            except grpc.RpcError as error:
                end = {"code": error.code().name, "message": error.details()}
            return {"messages": got, **end, "header": {}, "trailer": {}, **_metadata_of(opened)}

        return self._patiently(run)

    # --- steps: streams -----------------------------------------------------------------------------

    def open_stream(self, step: Json) -> Json:
        stream = Stream(self._channel(step), _method(step["method"]), _metadata(step))
        for message in step.get("messages", ()):
            stream.send(message)
        self._streams[step["as"]] = stream
        return NOTHING

    def send(self, step: Json) -> Json:
        self._streams[step["stream"]].send(step.get("message", {}))
        return NOTHING

    def half_close(self, step: Json) -> Json:
        self._streams[step["stream"]].half_close()
        return NOTHING

    def cancel(self, step: Json) -> Json:
        self._streams[step["stream"]].cancel()
        return NOTHING

    def next(self, step: Json) -> Json:
        got = self._next_of(self._streams[step["stream"]].incoming, step.get("timeout", 5))
        return {"nothing": True} if got is NOTHING else got

    def rest(self, step: Json) -> Json:
        """All that comes down a stream until its end: the payloads in a row, and how it ended."""
        return self._rest(self._streams[step["stream"]], step.get("timeout", 10))

    def convert(self, step: Json) -> Json:
        """Send bytes up a stream of payloads, the options in the first message; the answer is as that of `rest`."""
        stream = Stream(self._channel(step), _method(step["method"]), None)
        data, size = step["data"], step.get("chunk", CHUNK)
        chunks = [data[begin : begin + size] for begin in range(0, len(data), size)]
        messages: list[Json] = [{"payload": {"data": chunk, "seq": n}} for n, chunk in enumerate(chunks)] or [{}]
        for message in [{**messages[0], "options": step["options"]}, *messages[1:]]:
            stream.send(message)
        stream.half_close()
        return self._rest(stream, step.get("timeout", 10))

    def _rest(self, stream: Stream, seconds: float) -> Json:
        content, numbers = b"", []
        while (got := self._next_of(stream.incoming, seconds)) is not NOTHING and "end" not in got:
            payload = got["message"].get("payload", {})
            numbers.append(payload.get("seq", 0))
            content += json_as_bytes(payload.get("data"))
        end = {"nothing": True} if got is NOTHING else got
        if numbers != list(range(len(numbers))):
            end = {**end, "sequence": numbers}
        return {"data": bytes_as_json(content), "end": end}

    # --- steps: workers of workflows ----------------------------------------------------------------

    def start_worker(self, step: Json) -> Json:
        other = self._workers[step["with"]] if "with" in step else None
        self._workers[step["as"]] = Worker(self._channel(step), step, step.get("answers", {}), self._told, other)
        return NOTHING

    def close_worker(self, step: Json) -> Json:
        self._workers[step["worker"]].close()
        return NOTHING

    def items(self, step: Json) -> Json:
        """The work items of an instance that nobody has taken: all, once there are `count` of them."""
        worker = self._workers[step["worker"]]
        self._until(lambda wait: worker.await_items(step, step["count"], wait), step.get("timeout", 10))
        return self._taken(step, worker.take(step))

    def held(self, step: Json) -> Json:
        """The next work item of an instance."""
        worker = self._workers[step["worker"]]
        self._until(lambda wait: worker.await_items(step, 1, wait), step.get("timeout", 10))
        taken = self._taken(step, worker.take(step, 1))
        return taken[0] if taken else {"nothing": True}

    def _taken(self, step: Json, items: list[Any]) -> Json:
        self._held[step.get("as") or step["id"]] = items
        return tidied([message_as_json(item) for item in items])

    def complete(self, step: Json) -> Json:
        """Answer a work item that a step has taken."""
        taken = self._held[step["item"]]
        if not taken:
            return {"nothing": True}
        return tidied(self._workers[step["worker"]].complete(taken[step.get("number", 0)], step.get("give", {})))

    def worker_end(self, step: Json) -> Json:
        worker = self._workers[step["worker"]]
        self._until(worker.await_end, step.get("timeout", 10))
        return worker.end

    def refused(self, step: Json) -> Json:
        """Answers of workers that the sidecar did not take."""
        return [answer for name in step["workers"] for answer in self._workers[name].refused]

    def until_status(self, step: Json) -> Json:
        """Ask until an instance has a status."""
        ask = {"method": "TaskHubSidecarService/GetInstance", "request": {"instanceId": step["instance"]}}
        for _ in range(200):
            state = self.grpc({**step, **ask}).get("response", {}).get("workflowState", {})
            if state and state.get("workflowStatus", "ORCHESTRATION_STATUS_RUNNING").endswith(step["status"]):
                break
            _pause(0.02)
        return NOTHING

    # --- steps: looking -----------------------------------------------------------------------------

    def received(self, step: Json) -> Json:
        """What an application was sent: at least `count` requests if they come in time, and all there are."""
        app, count = self._apps[step["app"]], step.get("count", 1)
        got: list[Json] = []
        while len(got) < count and (one := self._next_of(app.received, step.get("timeout", 5))) is not NOTHING:
            got.append(one)
        got += _emptied(app.received)
        if step.get("all"):
            got += app.aside
        return sorted(got, key=_order) if step.get("unordered") else got

    def on_its_way(self, step: Json) -> Json:
        """Whether a call that was made in the background has no answer yet."""
        return not self._pending[step["call"]].done()

    def await_quiet(self, step: Json) -> Json:
        """Wait until an application has not been called for a while."""
        received, last = self._apps[step["app"]].received, -1
        while received.qsize() != last:
            last = received.qsize()
            self._wait(step["seconds"])
        return NOTHING

    def look(self, step: Json) -> Json:
        return sorted(step["see"], key=_order) if step.get("unordered") else step["see"]

    def file(self, step: Json) -> Json:
        """The bytes of a file as Latin-1, or nothing where there is none."""
        path = Path(step["path"])
        return path.read_bytes().decode("latin-1") if path.is_file() else None

    def contents(self, step: Json) -> Json:
        """What is in the files that match a pattern, each content once."""
        found = self._sidecar(step).folder.glob(step["pattern"])
        return sorted({path.read_bytes().decode("latin-1") for path in found})

    def files(self, step: Json) -> Json:
        """The names of the files in the sidecar's folder, once there are as many as were recorded."""
        folder = self._sidecar(step).folder

        for _ in range(250):
            if len(list(folder.glob(step["pattern"]))) >= step["count"]:
                break
            _pause(0.02)
        return sorted(path.name for path in folder.glob(step["pattern"]))


NOTHING: Any = object()
"""The answer of a step that has none."""

ALL = re.compile(".*")

REPLIES = ("routes", "reply", "replies")
"""What an application answers: evaluated when it does, for it may name parts of the request."""

Step: TypeAlias = Callable[[Player, Json], Json]

STEPS: Mapping[str, Step] = {
    "app": Player.start_app,
    "answer": Player.change_app,
    "close": Player.close_app,
    "redis": Player.start_redis,
    "redis-call": Player.call_redis,
    "redis-close": Player.close_redis,
    "sidecar": Player.start_sidecar,
    "ready": Player.await_ready,
    "stop": Player.stop_sidecar,
    "signal": Player.terminate,
    "ended": Player.await_end,
    "exit": Player.exit_code,
    "wait": Player.wait,
    "http": Player.http,
    "until": Player.until,
    "grpc": Player.grpc,
    "raw-grpc": Player.raw_grpc,
    "raw-stream": Player.raw_stream,
    "metadata": Player.metadata,
    "stream": Player.open_stream,
    "send": Player.send,
    "half-close": Player.half_close,
    "cancel": Player.cancel,
    "next": Player.next,
    "rest": Player.rest,
    "convert": Player.convert,
    "worker": Player.start_worker,
    "worker-close": Player.close_worker,
    "worker-end": Player.worker_end,
    "items": Player.items,
    "held": Player.held,
    "complete": Player.complete,
    "refused": Player.refused,
    "until-status": Player.until_status,
    "received": Player.received,
    "on-its-way": Player.on_its_way,
    "quiet": Player.await_quiet,
    "look": Player.look,
    "file": Player.file,
    "contents": Player.contents,
    "files": Player.files,
}


def _method(name: str) -> wire.Method:
    service, _, short = name.rpartition("/")
    return wire.method(service or wire.DAPR, short)


def _content(body: Json) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    return json.dumps(body["json"]).encode() if "json" in body else json_as_bytes(body)


def _pairs(headers: Json) -> list[tuple[str, str]]:
    """Headers from an object, or from a list in which a name may come twice."""
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    return [(name, value) for name, value in pairs]


def _metadata(step: Json) -> tuple[tuple[str, str | bytes], ...] | None:
    pairs = step.get("metadata")
    return tuple((name, value) for name, value in pairs) if pairs else None


def _refusal(error: Any) -> Json:
    answer: dict[str, Json] = {"code": error.code().name, "message": error.details()}
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            answer["details"] = [message_as_json(one) for one in status_pb2.Status.FromString(value).details]
    return answer


def _metadata_of(call: Any) -> Json:
    """The metadata before and after an answer, where there is any."""
    header = headers_as_json(call.initial_metadata() or (), ANSWER_METADATA)
    trailer = headers_as_json(call.trailing_metadata() or (), ANSWER_METADATA)
    return {**({"header": header} if header else {}), **({"trailer": trailer} if trailer else {})}


def _tidy_metadata(said: dict[str, Json], app_port: int | None) -> None:
    for features in ("enabled_features", "enabledFeatures"):
        if isinstance(said.get(features), list):
            said[features].sort()
    for properties in ("app_connection_properties", "appConnectionProperties"):
        app = said.get(properties)
        if isinstance(app, dict) and app_port is not None and app.get("port") == app_port:
            app["port"] = "<app port>"


def _emptied(queue_: queue.Queue[Json]) -> Iterator[Json]:
    while not queue_.empty():
        yield queue_.get()


def _order(request: Json) -> str:
    return canonical(masked(request))
