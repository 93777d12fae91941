"""`fakesidecar faults`: the fault plan of a sidecar that runs, over its HTTP port.

fakesidecar faults add --call state.save --component orders --times 2 --fail UNAVAILABLE
fakesidecar faults add @plan.json
fakesidecar faults list
fakesidecar faults clear
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

SECONDS = 10.0
PATH = "/fakesidecar/v1/faults"


@click.group()
@click.option(
    "--sidecar",
    envvar="DAPR_HTTP_ENDPOINT",
    default="http://127.0.0.1:3500",
    show_default=True,
    help="The HTTP endpoint of the sidecar; also $DAPR_HTTP_ENDPOINT.",
)
@click.option("--token", envvar="DAPR_API_TOKEN", default="", help="The API token; also $DAPR_API_TOKEN.")
@click.pass_context
def faults(context: click.Context, sidecar: str, token: str) -> None:
    """The fault plan of a sidecar that runs."""
    context.obj = sidecar, token


@faults.command("list")
@click.pass_obj
def list_(endpoint: tuple[str, str]) -> None:
    """Print the rules that are in force, a line of JSON each."""
    _print(_ask(endpoint, "GET"))


@faults.command()
@click.argument("plan", required=False)
@click.option("--call", help="state.save, state.*, …")
@click.option("--component", help="The component's name.")
@click.option("--target", help="The key, topic, app, actor, ….")
@click.option("--protocol", type=click.Choice(["grpc", "http"]))
@click.option("--nth", type=int, help="The nth such call alone.")
@click.option("--every", type=int, help="Every nth such call.")
@click.option("--first", type=int, help="The first n such calls alone.")
@click.option("--times", type=int, help="So many times at most.")
@click.option("--probability", type=float)
@click.option("--seed", type=int, help="What chance is drawn from.")
@click.option("--delay", type=float, help="Take so many seconds longer.")
@click.option("--fail", help="Answer with this gRPC status, or the HTTP status that belongs to it.")
@click.option("--applied", is_flag=True, help="Fail, hang or reset after the call was carried out.")
@click.option("--hang", is_flag=True, help="Never answer.")
@click.option("--reset", is_flag=True, help="Break the connection.")
@click.pass_obj
def add(
    endpoint: tuple[str, str],
    /,
    plan: str | None,
    delay: float | None,
    fail: str | None,
    applied: bool,
    hang: bool,
    reset: bool,
    **rule: Any,
) -> None:
    """Put rules in force: PLAN is JSON, @file, or - for standard input; or say one rule with options."""
    if plan is not None:
        _print(_ask(endpoint, "POST", _text(plan)))
        return
    more = {"applied": True} if applied else {}
    effects: list[Mapping[str, Any]] = [] if delay is None else [{"kind": "delay", "seconds": delay}]
    if fail is not None:
        effects.append({"kind": "fail", "status": fail.upper(), **more})
    effects += [{"kind": kind, **more} for kind, wanted in (("hang", hang), ("reset", reset)) if wanted]
    said = {name: value for name, value in rule.items() if value is not None}
    _print(_ask(endpoint, "POST", json.dumps({**said, "effects": effects})))


@faults.command()
@click.argument("ids", nargs=-1, type=int)
@click.pass_obj
def clear(endpoint: tuple[str, str], ids: tuple[int, ...]) -> None:
    """Put rules out of force: those with these IDS, or all."""
    for path in [f"/{id}" for id in ids] or [""]:
        _ask(endpoint, "DELETE", path=path)


def _text(plan: str) -> str:
    if plan == "-":
        return sys.stdin.read()
    return Path(plan[1:]).read_text(encoding="utf-8") if plan.startswith("@") else plan


def _print(answer: Any) -> None:
    for fault in answer["faults"]:
        click.echo(json.dumps(fault, ensure_ascii=False))


def _ask(endpoint: tuple[str, str], method: str, body: str | None = None, *, path: str = "") -> Any:
    address, token = endpoint
    parts = urlsplit(address if "://" in address else f"http://{address}")
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=SECONDS)
    try:
        connection.request(method, PATH + path, body, {"dapr-api-token": token} if token else {})
        answer = connection.getresponse()
        text = answer.read().decode()
    except (OSError, HTTPException) as error:
        raise click.ClickException(f"no sidecar at {address}: {error}") from error
    finally:
        connection.close()
    if answer.status >= 400:
        raise click.ClickException(_reason(text, answer.status))
    return json.loads(text) if text else None


def _reason(text: str, status: int) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}: {text.strip()}"
