"""Starts processes of our own command line without the half second that a fresh Python spends on imports.

A nursery is a process that has imported all that the sidecar may import, and started nothing: no thread, no loop,
no channel. Each sidecar is forked from it, with the folder, the environment, the arguments and the output of a
fresh process, and from then on does what `python -m fakesidecar` does.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).parents[2]
MODULE = "fakesidecar"
LIBRARIES = ("aiohttp.web", "fakeredis.aioredis", "grpc.aio", "httpx", "redis.asyncio", "yaml")
"""What the sidecar imports inside of functions."""

POSSIBLE = sys.platform == "linux"
"""Elsewhere there is no fork, or (macOS) one after which the system's own libraries do not work."""

WORD = 4
"""Bytes in which a nursery tells the number of a process, and later its exit code."""


def python_path() -> str:
    """Where a process that runs in another folder finds this repository's packages."""
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))


class Child:
    """A process that a nursery has started; the part of `subprocess.Popen` that is asked for here."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.returncode: int | None = None
        self.pid = self._word()

    def _word(self) -> int:
        return int.from_bytes(self._line.recv(WORD), signed=True)

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._line], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(MODULE, timeout or 0)
            self.returncode = self._word()
            self._line.close()
        return self.returncode

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Nursery:
    """The process that others are forked from. What it has started ends with it."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": python_path()},
                pass_fds=[theirs.fileno()],
            )

    def start(self, arguments: Sequence[str], *, folder: Path, env: Mapping[str, str], log: IO[bytes]) -> Child:
        """Start `python -m fakesidecar` with these arguments."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [b"+"], [theirs.fileno(), log.fileno()])
        ours.sendall(json.dumps({"arguments": list(arguments), "folder": str(folder), "env": dict(env)}).encode())
        ours.shutdown(socket.SHUT_WR)
        return Child(ours)

    def close(self) -> None:
        self._control.close()
        self._process.wait()


@cache
def nursery() -> Nursery:
    """The nursery of this process."""
    made = Nursery()
    atexit.register(made.close)
    return made


# --- in the nursery --------------------------------------------------------------------------------


def _main(control: socket.socket) -> None:
    for module in pkgutil.walk_packages(importlib.import_module(MODULE).__path__, f"{MODULE}."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    born = _serve(control)
    if born is not None:
        _become(*born)
        try:
            runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            if isinstance(end.code, int):
                _leave(end.code)
            raise


def _serve(control: socket.socket) -> tuple[socket.socket, int] | None:
    """Fork when asked to and tell how children end. Returns in each child, and at the end."""
    lines: dict[int, socket.socket] = {}
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            woken.recv(1000)
            _tell_who_ended(lines)
        if control not in ready:
            continue
        asked, handles, _, _ = socket.recv_fds(control, 1, 2)
        if not asked:
            for pid in lines:
                os.kill(pid, signal.SIGTERM)
            return None
        line, log = socket.socket(fileno=handles[0]), handles[1]
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            for other in (control, woken, waker, *lines.values()):
                other.close()
            return line, log
        os.close(log)
        line.sendall(pid.to_bytes(WORD, signed=True))
        lines[pid] = line


def _tell_who_ended(lines: dict[int, socket.socket]) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            with lines.pop(pid) as line, contextlib.suppress(OSError):  # whoever asked may be gone
                line.sendall(os.waitstatus_to_exitcode(status).to_bytes(WORD, signed=True))


def _become(line: socket.socket, log: int) -> None:
    """Be as a fresh process that was started with what comes down the line."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with line, line.makefile("rb") as told:
        asked = json.load(told)
    for output in (1, 2):
        os.dup2(log, output)
    os.close(log)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    sys.argv = [MODULE, *asked["arguments"]]


def _leave(code: int) -> NoReturn:
    """End as a Python does, without taking all that was imported apart first, which takes longer than all else."""
    threading._shutdown()  # type: ignore[attr-defined]  # as multiprocessing's children do
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
