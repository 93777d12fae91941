"""Runs an application with a sidecar beside it, as `dapr run` does: `fakesidecar run --app-id shop -- python shop.py`.

Everything is on: ports that are not given are free ones, actors, workflows and jobs need no control plane, and
without resources there are the two components that `dapr init` sets up.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakesidecar import flags
from fakesidecar.daprd import Exit, Signals, build, ending, parse, read_settings, serve
from fakesidecar.ids import RandomIds

if TYPE_CHECKING:
    from fakesidecar.sidecar import Sidecar

SHORTHANDS = {
    "-p": "--app-port",
    "-a": "--app-id",
    "-c": "--config",
    "-H": "--dapr-http-port",
    "-G": "--dapr-grpc-port",
    "-I": "--dapr-internal-grpc-port",
    "-P": "--app-protocol",
    "-d": "--components-path",
    "-M": "--metrics-port",
    "-u": "--unix-domain-socket",
}
"""What `dapr run` has besides daprd's flags."""

STAND_INS, VALUES = "--stand-ins", "--values"
VARIABLES = {STAND_INS: "FAKESIDECAR_STAND_INS", VALUES: "FAKESIDECAR_VALUES"}
"""Flags of this command alone, and the variables that say the same."""

DEFAULT_COMPONENTS = """
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: statestore}
spec:
  type: state.redis
  version: v1
  metadata:
  - {name: redisHost, value: "localhost:6379"}
  - {name: actorStateStore, value: "true"}
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: pubsub}
spec:
  type: pubsub.redis
  version: v1
  metadata:
  - {name: redisHost, value: "localhost:6379"}
"""
"""What `dapr init` writes to `~/.dapr/components`."""

ADJECTIVES = ("amber", "brisk", "calm", "deft", "eager", "fair", "glad", "jolly", "keen", "lucid", "mellow", "noble")
NOUNS = ("badger", "comet", "delta", "ember", "falcon", "harbor", "island", "kestrel", "lagoon", "meadow", "otter")

GRACE_SECONDS = 5.0
"""How long an application that was asked to end may take."""
ANY_PORT = "-1"
"""How `dapr run` is told to choose a port."""


def run(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Be `dapr run`; the exit code is the application's."""
    with ending() as ended:
        environment = dict(environment)
        parsed = parse(long_names(arguments, environment), interspersed=False)
        command = parsed.rest
        fill_in(parsed, environment)
        settings = read_settings(parsed, environment)
        ended.code = asyncio.run(_run(settings, command, environment))
    return ended.code


def long_names(arguments: Sequence[str], variables: dict[str, str]) -> list[str]:
    """The arguments as daprd takes them, up to the application's command.

    Short names of `dapr run` are made long, and flags of this command alone become variables.
    """
    found: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--" or not argument.startswith("-"):
            return [*found, argument, *waiting]
        name, equals, value = argument.partition("=")
        name = SHORTHANDS.get(name, name)
        if name == STAND_INS:
            variables[VARIABLES[name]] = value or "on"
            continue
        if name == VALUES and (equals or waiting):
            variables[VARIABLES[name]] = value if equals else waiting.pop(0)
            continue
        found.append(f"{name}{equals}{value}")
        flag = flags.BY_NAME.get(name.lstrip("-"))
        if not equals and flag is not None and flag.kind != "bool" and waiting:
            found.append(waiting.pop(0))
    return found


def fill_in(parsed: flags.Parsed, environment: Mapping[str, str]) -> None:
    """What `dapr run` chooses when it is not told."""

    def default(name: str, value: object) -> None:
        if name not in parsed.changed:
            parsed.values[name] = value

    ids = RandomIds()
    default("app-id", f"{ids.random.choice(ADJECTIVES)}-{ids.random.choice(NOUNS)}")
    default("placement-host-address", "localhost:50005")
    default("scheduler-host-address", ("localhost:50006",))
    for name in ("dapr-http-port", "dapr-grpc-port", "metrics-port"):
        if name not in parsed.changed or parsed[name] == ANY_PORT:
            parsed.values[name] = "0"
    if parsed["app-port"] in (ANY_PORT, "0"):
        parsed.values["app-port"] = ""
    home = Path(environment.get("HOME") or Path.home()) / ".dapr"
    if not parsed["components-path"] and (home / "components").is_dir():
        default("resources-path", (str(home / "components"),))
    if (home / "config.yaml").is_file():
        default("config", (str(home / "config.yaml"),))


# --- running -------------------------------------------------------------------------------------


async def _run(settings: flags.Settings, command: Sequence[str], environment: Mapping[str, str]) -> int:
    signals = Signals()
    options = settings.options
    sidecar = build(settings, () if options.resources_paths else (DEFAULT_COMPONENTS,))
    sidecar.core.on_shutdown = signals.ask
    await serve(sidecar)
    _say(f"ℹ️  Starting Dapr with id {options.app_id}. HTTP Port: {sidecar.http_port}. gRPC Port: {sidecar.grpc_port}")
    _say("ℹ️  Dapr sidecar is up and running.")
    try:
        if not command:
            await _describe(sidecar, {"cliPID": str(os.getpid())})
            _say("✅  You're up and running! Dapr logs will appear here.\n")
            await signals.next()
            return 0
        app = await App.start(command, app_environment(sidecar, settings, environment))
        _say(f"ℹ️  Updating metadata for appPID: {app.process.pid}")
        _say(f"ℹ️  Updating metadata for app command: {shlex.join(command)}")
        about = {"cliPID": str(os.getpid()), "appPID": str(app.process.pid), "appCommand": " ".join(command)}
        await _describe(sidecar, about)
        _say("✅  You're up and running! Both Dapr and your app logs will appear here.\n")
        return await _until_either_ends(app, signals)
    finally:
        await sidecar.shut_down()
        _say("✅  Exited Dapr successfully")


async def _until_either_ends(app: App, signals: Signals) -> int:
    """Wait for the application or for a signal; the exit code."""
    ended, signalled = asyncio.ensure_future(app.ended()), asyncio.ensure_future(signals.next())
    await asyncio.wait([ended, signalled], return_when=asyncio.FIRST_COMPLETED)
    signalled_first = not ended.done()
    if signalled_first:
        _say("ℹ️  terminated signal received: shutting down")
        await app.stop()
    signalled.cancel()
    code = await ended
    if code and not signalled_first:
        _say(f"❌  The App process exited with error code: exit status {code}")
        return code
    _say("✅  Exited App successfully")
    return 0


async def _describe(sidecar: Sidecar, about: Mapping[str, str]) -> None:
    """Tell the sidecar who runs beside it, through its own door as `dapr run` does: `extended` in its metadata."""
    from urllib.request import Request, urlopen

    if sidecar.options.unix_domain_socket:
        return
    for key, value in about.items():
        url = f"http://{_host(sidecar)}:{sidecar.http_port}/v1.0/metadata/{key}"
        headers = {"dapr-api-token": sidecar.options.api_token, "content-type": "text/plain"}
        request = Request(url, data=value.encode(), headers=headers, method="PUT")
        try:
            (await asyncio.to_thread(urlopen, request, timeout=GRACE_SECONDS)).close()
        except OSError as error:
            _say(f"⚠️  Could not update sidecar metadata for {key}: {error}")


def _host(sidecar: Sidecar) -> str:
    address = sidecar.options.listen_addresses[0]
    return flags.LOOPBACK if address == flags.ALL_ADDRESSES else address


def app_environment(sidecar: Sidecar, settings: flags.Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of the application: where its sidecar is, besides what was there."""
    options = settings.options
    mine = {
        "APP_ID": options.app_id,
        "APP_CHANNEL_ADDRESS": options.app_channel_address,
        "APP_PROTOCOL": options.app_protocol,
        "DAPR_HTTP_PORT": str(sidecar.http_port),
        "DAPR_GRPC_PORT": str(sidecar.grpc_port),
    }
    if options.app_port:
        mine["APP_PORT"] = str(options.app_port)
    if settings.metrics_port:  # nothing listens there
        mine["DAPR_METRICS_PORT"] = str(settings.metrics_port)
    # A Python application writes in blocks when its output is a pipe: its lines would come late.
    return {"PYTHONUNBUFFERED": "1", **environment, **mine}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@dataclass(slots=True)
class App:
    """The application's process."""

    process: asyncio.subprocess.Process
    output: asyncio.Future[Any]

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str]) -> App:
        """Start the command; its output appears here, each line after `== APP == `."""
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=pipe)
        except OSError as error:
            _say(f"❌  could not start the application {shlex.join(command)!r}: {error.strerror}")
            raise Exit(1) from error
        return cls(process, asyncio.gather(_prefixed(process.stdout), _prefixed(process.stderr)))

    async def ended(self) -> int:
        """Wait for the end; the exit code as a shell gives it."""
        code = await self.process.wait()
        # A process that the application left behind may hold the pipes open for ever.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.output, 1.0)
        return code if code >= 0 else 128 - code

    async def stop(self) -> None:
        """Ask the application to end, and end it when it does not."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), GRACE_SECONDS)
            except TimeoutError:
                self.process.kill()


async def _prefixed(stream: asyncio.StreamReader | None) -> None:
    while stream is not None and (line := await _line(stream)):
        sys.stdout.write(f"== APP == {line.decode(errors='replace').rstrip(chr(10))}\n")
        sys.stdout.flush()


async def _line(stream: asyncio.StreamReader) -> bytes:
    """The next line; a very long one comes in parts."""
    try:
        return await stream.readuntil()
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        return await stream.readexactly(error.consumed)
