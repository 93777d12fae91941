"""Log lines as daprd writes them: `time="…" level=info msg="…" app_id=… scope=dapr.runtime …`, or as JSON.

Loggers below `fakesidecar` are daprd's scopes below `dapr`: `fakesidecar.runtime.loader.disk` is written as
`dapr.runtime.loader.disk`.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}
"""What `--log-level` takes, in any case of letters."""

_NAMES = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}
_NEEDS_QUOTES = re.compile(r"[^A-Za-z0-9\-._/@^+]")


class DaprFormatter(logging.Formatter):
    """Writes a record as logrus does for daprd (kit/logger)."""

    def __init__(self, app_id: str, version: str, *, as_json: bool = False) -> None:
        super().__init__()
        self._as_json = as_json
        self._common = {"instance": socket.gethostname(), "type": "log", "ver": version}
        if app_id:
            self._common["app_id"] = app_id

    def format(self, record: logging.LogRecord) -> str:
        head, fields = self._head(record), self._fields(record)
        if self._as_json:
            return json.dumps(head | fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        pairs = [("time", head["time"]), ("level", head["level"]), ("msg", head["msg"]), *sorted(fields.items())]
        return " ".join(f"{name}={quoted(value, always=name == 'time')}" for name, value in pairs)

    def _head(self, record: logging.LogRecord) -> dict[str, str]:
        from fakesidecar import golang

        message = record.getMessage()
        if record.exc_info:
            message = f"{message}\n{self.formatException(record.exc_info)}"
        level = _NAMES.get(record.levelno, "fatal")
        return {"time": golang.format_rfc3339(record.created, nano=True), "level": level, "msg": message}

    def _fields(self, record: logging.LogRecord) -> dict[str, str]:
        package, _, scope = record.name.partition(".")
        return self._common | {"scope": f"dapr.{scope}" if package == "fakesidecar" and scope else record.name}


def quoted(value: str, *, always: bool = False) -> str:
    """A value of a text line: in quotes when it has characters that need them."""
    if not always and not _NEEDS_QUOTES.search(value):
        return value
    from fakesidecar import golang

    return golang.quote(value)


def set_up(level: str, *, app_id: str, version: str, as_json: bool = False, file: str = "") -> None:
    """Write what the sidecar logs to standard output, or to a file, from `level` on."""
    handler: logging.Handler = logging.FileHandler(Path(file), encoding="utf-8") if file else FlushingHandler()
    handler.setFormatter(DaprFormatter(app_id, version, as_json=as_json))
    logger = logging.getLogger("fakesidecar")
    logger.handlers = [handler]
    logger.setLevel(LEVELS.get(level.lower(), logging.INFO))
    logger.propagate = False


APP: ContextVar[str] = ContextVar("app", default="")
"""Whose sidecar it is that logs, where there are several in the process."""


def set_up_app(app_id: str, handlers: Sequence[logging.Handler], level: str, *, version: str) -> None:
    """Write what the sidecar of an app logs to handlers of its own, from `level` on."""
    logger = logging.getLogger("fakesidecar")
    if not any(isinstance(handler, ByApp) for handler in logger.handlers):
        logger.handlers = [ByApp()]
        logger.propagate = False
    number = LEVELS.get(level.lower(), logging.INFO)
    logger.setLevel(min(number, logger.level or number))
    for handler in handlers:
        handler.setFormatter(DaprFormatter(app_id, version))
        handler.setLevel(number)
        handler.addFilter(lambda record: APP.get() in (app_id, ""))
    ByApp.handlers[app_id] = [*handlers]


class ByApp(logging.Handler):
    """Hands records to the handlers of the app whose sidecar logs; what is nobody's goes to everybody."""

    handlers: ClassVar[dict[str, list[logging.Handler]]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        for handler in [handler for found in self.handlers.values() for handler in found]:
            if record.levelno >= handler.level:
                handler.handle(record)


def stamp() -> str:
    """Now, as the names of log files have it: `20240131235959`."""
    from datetime import datetime

    from fakesidecar.clock import SystemClock

    return f"{datetime.fromtimestamp(SystemClock().now()).astimezone():%Y%m%d%H%M%S}"


class FlushingHandler(logging.StreamHandler[Any]):
    """Standard output, whatever it is at the moment of writing."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)
