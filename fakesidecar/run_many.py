"""Runs the applications of a file, each with a sidecar beside it, as `dapr run -f` does.

All sidecars are in this process: they call each other directly, and those whose components name one Redis share it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from fakesidecar import flags, logs
from fakesidecar.daprd import ANSWER_SECONDS, Exit, Signals, build, serve
from fakesidecar.neighbours import Neighbours
from fakesidecar.resources.errors import StartupError
from fakesidecar.run import DEFAULT_COMPONENTS, App, app_environment, describe, fill_in, say
from fakesidecar.run_file import BOTH, CONSOLE, FILE, AppToRun, read
from fakesidecar.version import VERSION

if TYPE_CHECKING:
    from fakesidecar.clock import Clock
    from fakesidecar.sidecar import Sidecar


@dataclass(slots=True)
class Running:
    """One application that runs."""

    spec: AppToRun
    sidecar: Sidecar
    app: App | None = None


async def run_file(path: str, environment: Mapping[str, str]) -> int:
    """Run all applications of the file until one ends or a signal comes; the exit code."""
    try:
        specs = read(Path(path))
    except StartupError as error:
        say(f"❌  Error getting apps from config file: {error}")
        return 1
    from fakesidecar.clock import SystemClock, VirtualClock

    signals, running = Signals(), list[Running]()
    virtual = environment.get("FAKESIDECAR_CLOCK") == "virtual"
    async with contextlib.AsyncExitStack() as files:
        family = Family(environment, signals, VirtualClock() if virtual else SystemClock(), files)
        try:
            for spec in specs:
                say(f'ℹ️  Validating config and starting app "{spec.app_id}"')
                await family.start(spec, running)
        except (StartupError, Exit) as error:
            if isinstance(error, StartupError):
                say(f'❌  Error starting Dapr and app ("{spec.app_id}"): {error}')
            await stop(running)
            return 1
        say("✅  You're up and running! Both Dapr and your app logs will appear here.\n")
        return await until_one_ends(running, signals)


class Family:
    """What the applications of one file have in common."""

    def __init__(
        self, environment: Mapping[str, str], signals: Signals, clock: Clock, files: contextlib.AsyncExitStack
    ) -> None:
        self._environment = environment
        self._signals = signals
        self._clock = clock
        self._files = files
        self._neighbours = Neighbours()
        self._now = logs.stamp()

    async def start(self, spec: AppToRun, running: list[Running]) -> None:
        """Start a sidecar and its application; raises `StartupError` and `Exit`."""
        # In a task of its own: what the sidecar logs from here on is known to be its.
        sidecar = await asyncio.create_task(self._start_sidecar(spec, running))
        self._say_where(spec)
        if not spec.command:
            say(f'ℹ️  No application command found for app "{spec.app_id}"')
            await describe(sidecar, {"cliPID": str(os.getpid())})
            return
        environment = app_environment(sidecar, {**self._environment, **spec.environment})
        app = await App.start(spec.command, environment, write=self._writer(spec), folder=spec.folder)
        running[-1].app = app
        command = " ".join(spec.command)
        about = {"cliPID": str(os.getpid()), "appPID": str(app.process.pid), "appCommand": command}
        await describe(sidecar, about)

    async def _start_sidecar(self, spec: AppToRun, running: list[Running]) -> Sidecar:
        logs.APP.set(spec.app_id)
        environment = {**self._environment, **spec.environment}
        parsed = flags.Parsed()
        spec.set_flags(parsed)
        fill_in(parsed, environment)
        flags.read_sizes(parsed)
        handlers = [self._open_log(spec)] if spec.daprd_log in (FILE, BOTH) else []
        if spec.daprd_log in (CONSOLE, BOTH):
            handlers.append(logs.FlushingHandler())
        logs.set_up_app(spec.app_id, handlers, parsed["log-level"], version=VERSION)
        settings = flags.settings(parsed, environment)
        given = () if settings.options.resources_paths else (DEFAULT_COMPONENTS,)
        sidecar = build(settings, given, clock=self._clock, neighbours=self._neighbours)
        sidecar.core.on_shutdown = self._signals.ask
        await serve(sidecar)
        running.append(Running(spec, sidecar))
        http, grpc = sidecar.http_port, sidecar.grpc_port
        say(f'ℹ️  Started Dapr with app id "{spec.app_id}". HTTP Port: {http}. gRPC Port: {grpc}')
        return sidecar

    def _open_log(self, spec: AppToRun) -> logging.Handler:
        handler = logging.FileHandler(self._log_file(spec, "daprd"), encoding="utf-8")
        self._files.callback(handler.close)
        return handler

    def _log_file(self, spec: AppToRun, whose: str) -> Path:
        path = spec.log_file(whose, self._now)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _say_where(self, spec: AppToRun) -> None:
        if {spec.app_log, spec.daprd_log} != {CONSOLE}:
            say(f"ℹ️  Writing log files to directory : {spec.folder / '.dapr' / 'logs'}")

    def _writer(self, spec: AppToRun) -> Callable[[str], None]:
        """Where the lines of an application go."""
        file: TextIO | None = None
        if spec.app_log in (FILE, BOTH):
            file = self._files.enter_context(self._log_file(spec, "app").open("w", encoding="utf-8"))

        def write(line: str) -> None:
            if spec.app_log in (CONSOLE, BOTH):
                say(f"== APP - {spec.app_id} == {line}")
            if file is not None:
                file.write(f"{line}\n")
                file.flush()

        return write


async def until_one_ends(running: list[Running], signals: Signals) -> int:
    """Wait for a signal or for the end of an application, and end them all; the exit code."""
    ended = {asyncio.ensure_future(one.app.ended()): one for one in running if one.app is not None}
    signalled = asyncio.ensure_future(signals.next())
    await asyncio.wait([signalled, *ended], return_when=asyncio.FIRST_COMPLETED)
    code = 0
    if signalled.done():
        say("ℹ️  Received signal to stop Dapr and app processes. Shutting down Dapr and app processes.")
    signalled.cancel()
    for future, one in ended.items():
        if not future.done():
            continue
        code = code or future.result()
        if future.result():
            say(f'❌  The App process of "{one.spec.app_id}" exited with error code: exit status {future.result()}')
        else:
            say(f'✅  The App process of "{one.spec.app_id}" exited')
    await stop(running)
    await asyncio.gather(*ended)
    return code


async def stop(running: Sequence[Running]) -> None:
    """End applications, then their sidecars; the last one that was started is asked first."""
    last_first = [*reversed([*running])]
    still = [one for one in last_first if one.app is not None and one.app.process.returncode is None]
    await asyncio.gather(*(one.app.stop() for one in still if one.app is not None))
    for one in still:
        say(f"✅  Exited App successfully: {shlex.join(one.spec.command)}")
    for one in last_first:
        await one.sidecar.shut_down(ANSWER_SECONDS)
        say(f'✅  Exited Dapr successfully: "{one.spec.app_id}"')
