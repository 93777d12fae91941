"""Runs a sidecar as the daprd binary: its flags, log lines, signals and exit codes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from fakesidecar import flags, golang, logs
from fakesidecar.resources.errors import StartupError
from fakesidecar.version import DAPR_VERSION, VERSION

if TYPE_CHECKING:
    from fakesidecar.clock import Clock
    from fakesidecar.neighbours import Neighbours
    from fakesidecar.resources.load import Given
    from fakesidecar.sidecar import Sidecar

log = logging.getLogger("fakesidecar.runtime")
signal_log = logging.getLogger("fakesidecar.signals")


class Exit(Exception):
    """The process is to end with this code; everything has been said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def daprd(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Be the daprd binary; the exit code."""
    with ending() as ended:
        parsed = parse(arguments)
        _inform(parsed)
        _be_listed(arguments)
        ended.code = asyncio.run(_until_a_signal(read_settings(parsed, environment)))
    return ended.code


@contextlib.contextmanager
def ending() -> Iterator[Exit]:
    """Turn what ends a process into its exit code; what keeps a sidecar from starting is logged."""
    ended = Exit(0)
    gc.disable()  # until the doors are open: what is imported on the way stays anyway
    try:
        try:
            yield ended
        except StartupError as error:
            if error.hint:
                log.error("The reason: %s", error.hint)
            _fatal(f"Fatal error from runtime: {error.message}", error.exit_code)
    except Exit as early:
        ended.code = early.code
    finally:
        gc.enable()


async def _until_a_signal(settings: flags.Settings) -> int:
    signals = Signals()
    while True:
        sidecar = build(settings)
        sidecar.core.on_shutdown = signals.ask
        await serve(sidecar)
        received = HANGUP
        try:
            received = await signals.next()
            if received not in (HANGUP, FORCE):
                await _block(sidecar, settings.block_shutdown)
        finally:
            if received in (HANGUP, FORCE):
                await sidecar.shut_down(ANSWER_SECONDS)
            else:
                await _shut_down(sidecar)
        if received == FORCE:
            return 1
        if received != HANGUP:
            log.info("Daprd shutdown gracefully")
            return 0


POLL_SECONDS = 0.1


async def _block(sidecar: Sidecar, seconds: float | None) -> None:
    """Stay open for a while, until the application is unwell at the longest (`--dapr-block-shutdown-duration`)."""
    if seconds is None:
        return
    log.info("Blocking graceful shutdown for %s or until app reports unhealthy...", golang.format_duration(seconds))
    health = sidecar.core.app_health
    sidecar.core.health.waiting_for.append(SECURITY)
    try:
        async with asyncio.timeout(seconds):
            while health is None or health.healthy:
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        log.info("Block shutdown period expired, entering shutdown...")
    else:
        log.info("App reported unhealthy, entering shutdown...")


async def _shut_down(sidecar: Sidecar) -> None:
    """Close the sidecar; calls under way that take longer than it may take are given up."""
    seconds = sidecar.options.graceful_shutdown_seconds
    log.info("Dapr is shutting down")
    closing = asyncio.ensure_future(sidecar.shut_down(max(seconds + 1, ANSWER_SECONDS)))
    await asyncio.wait([closing], timeout=max(seconds, ANSWER_SECONDS))
    if closing.done():
        closing.result()
    else:
        log.critical("Graceful shutdown timeout exceeded, forcing shutdown")
        logging.shutdown()
        os._exit(1)


def parse(arguments: Sequence[str], *, interspersed: bool = True) -> flags.Parsed:
    """Read the command line, or end as pflag does."""
    try:
        parsed = flags.parse(arguments, interspersed=interspersed)
    except flags.HelpWanted:
        sys.stderr.write(flags.usage())
        raise Exit(0) from None
    except flags.UsageError as error:
        sys.stderr.write(f"{flags.usage()}{error}\n")
        raise Exit(2) from None
    for note in parsed.notes:
        sys.stderr.write(f"{note}\n")
    return parsed


def _inform(parsed: flags.Parsed) -> None:
    """Do what is no running of a sidecar, and end: `--version`, `--build-info`, `--wait`."""
    if parsed["version"]:
        sys.stdout.write(f"{DAPR_VERSION}\n")
    elif parsed["build-info"]:
        sys.stdout.write(f"Version: {DAPR_VERSION}\nGit Commit: \nGit Version: fakesidecar {VERSION}\n")
    elif parsed["wait"]:
        asyncio.run(_wait_for_outbound(parsed["dapr-http-port"]))
    else:
        return
    raise Exit(0)


def _be_listed(arguments: Sequence[str]) -> None:
    """Name the process `daprd`: `dapr list`, `stop`, `invoke` and `publish` find sidecars by name and command line."""
    if sys.platform == "win32":
        return
    import setproctitle

    setproctitle.setproctitle(" ".join(["daprd", *arguments]))
    setproctitle.setthreadtitle("daprd")  # the name alone: the title has put the whole line there


WAIT_SECONDS = 60.0
"""How long `--wait` waits (dapr cmd/daprd, `--wait`)."""
WAIT_PAUSE = 1.0


async def _wait_for_outbound(port: str) -> None:
    """Wait until another sidecar answers that its doors are open."""
    from urllib.request import urlopen

    url = f"http://localhost:{port}/v1.0/healthz/outbound"
    say = sys.stderr.write
    say(f"Waiting for Dapr to be outbound ready (timeout: {WAIT_SECONDS:.0f} seconds): url={url}\n\n")
    last: OSError | None = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                try:
                    await asyncio.to_thread(lambda: urlopen(url, timeout=WAIT_PAUSE).close())
                except OSError as error:
                    last = error
                    say(f"Dapr outbound NOT ready yet: {error}\n")
                else:
                    say("Dapr is outbound ready!\n")
                    return
                await asyncio.sleep(WAIT_PAUSE)
    say(f"timeout waiting for Dapr to become outbound ready. Last error: {last}\n")


def read_settings(parsed: flags.Parsed, environment: Mapping[str, str]) -> flags.Settings:
    """What the flags mean; from here on there is a log."""
    level, file = parsed["log-level"], parsed["log-file"]
    logs.set_up(level, app_id=parsed["app-id"], version=VERSION, as_json=parsed["log-as-json"], file=file)
    try:
        flags.read_sizes(parsed)
    except StartupError as error:
        logs.set_up("info", app_id="", version=VERSION)  # daprd's log is not told of flags that it cannot read
        _fatal(f"Failed to parse flags: {error.message}")
    if level.lower() not in logs.LEVELS:
        _fatal(f"invalid value for --log-level: {level}")
    log.info("Starting Dapr Runtime -- version %s -- commit fakesidecar-%s", DAPR_VERSION, VERSION)
    log.info("Log level set to: %s", level)
    return flags.settings(parsed, environment)


def _fatal(message: str, code: int = 1) -> NoReturn:
    log.critical("%s", message)
    raise Exit(code)


# --- a sidecar -----------------------------------------------------------------------------------


def build(
    settings: flags.Settings,
    given: Iterable[Given] = (),
    *,
    clock: Clock | None = None,
    neighbours: Neighbours | None = None,
) -> Sidecar:
    """The sidecar of some settings and of resources given besides: components loaded, doors closed."""
    from fakesidecar.clock import SystemClock, VirtualClock
    from fakesidecar.resources.load import load
    from fakesidecar.sidecar import Sidecar

    options = settings.options
    log.info("standalone mode configured")
    log.info("app id: %s", options.app_id)
    resources = load(options, given)
    log.info("Loading components…")
    clock = clock or (VirtualClock() if settings.virtual_clock else SystemClock())
    sidecar = Sidecar(options, resources=resources, clock=clock, neighbours=neighbours)
    log.info("All outstanding components processed")
    return sidecar


async def serve(sidecar: Sidecar) -> None:
    """Open the doors; raises `StartupError` when a port is taken, or is none."""
    try:
        await sidecar.serve()
    except (OSError, OverflowError, RuntimeError) as error:
        raise StartupError(f"failed to start API servers: {error}") from error
    finally:
        gc.enable()
    log.info("gRPC server listening on TCP address: %s", _address(sidecar, sidecar.grpc_port))
    log.info("HTTP server listening on TCP address: %s", _address(sidecar, sidecar.http_port))
    log.info("HTTP server is running on port %s", sidecar.http_port)
    log.info("dapr initialized. Status: Running.")


def _address(sidecar: Sidecar, port: int) -> str:
    return ", ".join(f"{address}:{port}" for address in sidecar.options.listen_addresses)


HANGUP = "hangup"
SHUTDOWN = "shutdown"
FORCE = "force"
SECURITY = "security-provider"
"""What a daprd is no longer ready with first when it ends (dapr pkg/healthz)."""
ANSWER_SECONDS = 0.2
"""How long a call under way may take when the sidecar ends, so that Shutdown itself is answered."""


class Signals:
    """What ends or restarts a sidecar: signals, and calls of its shutdown API."""

    NAMES = {"SIGTERM": "terminated", "SIGINT": "interrupt", "SIGHUP": HANGUP}  # noqa: RUF012  # a constant

    def __init__(self) -> None:
        self._received: asyncio.Queue[str] = asyncio.Queue()
        self._ending = False
        self._loop = loop = asyncio.get_running_loop()
        for name, said in self.NAMES.items():
            number = getattr(signal, name, None)
            if number is None:
                continue
            try:
                loop.add_signal_handler(number, self._receive, said)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_, said=said: loop.call_soon_threadsafe(self._receive, said))

    def _receive(self, said: str) -> None:
        if self._ending and said != HANGUP:
            log.critical("Received signal '%s' during shutdown; exiting immediately", said)
            os._exit(1)
        self._ending = said != HANGUP
        signal_log.info("Received signal '%s'; beginning shutdown", said)
        self._received.put_nowait(said)

    def ask(self, force: bool) -> None:
        """Somebody called the shutdown API; from any thread."""
        log.info("Shutdown requested via API")
        self._loop.call_soon_threadsafe(self._received.put_nowait, FORCE if force else SHUTDOWN)

    async def next(self) -> str:
        """The next signal, as daprd calls it."""
        return await self._received.get()
