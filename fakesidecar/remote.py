"""Commands for a sidecar that runs, which they reach over its HTTP port (`httpapi/control.py`).

fakesidecar faults add --call state.save --component orders --times 2 --fail UNAVAILABLE
fakesidecar faults add @plan.json
fakesidecar faults list
fakesidecar faults clear
fakesidecar snapshot save orders.json
fakesidecar snapshot load orders.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

SECONDS = 10.0
PREFIX = "/fakesidecar/v1"


F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Remote:
    """A sidecar that runs."""

    address: str
    token: str

    def ask(self, method: str, path: str, body: str | None = None) -> str:
        """The body of its answer; what it refuses ends the command."""
        parts = urlsplit(self.address if "://" in self.address else f"http://{self.address}")
        connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=SECONDS)
        headers = {"dapr-api-token": self.token} if self.token else {}
        try:
            connection.request(method, f"{PREFIX}{path}", body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, HTTPException) as error:
            raise click.ClickException(f"no sidecar at {self.address}: {error}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise click.ClickException(_reason(text, answer.status))
        return text


def _reason(text: str, status: int) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}: {text.strip()}"


def of_a_sidecar(function: F) -> F:
    """Options that say which sidecar is meant; the function is given an endpoint and a token."""
    endpoint = click.option(
        "--sidecar",
        envvar="DAPR_HTTP_ENDPOINT",
        default="http://127.0.0.1:3500",
        show_default=True,
        help="The HTTP endpoint of the sidecar; also $DAPR_HTTP_ENDPOINT.",
    )
    token = click.option("--token", envvar="DAPR_API_TOKEN", default="", help="The API token; also $DAPR_API_TOKEN.")
    return endpoint(token(function))


@click.group()
@of_a_sidecar
@click.pass_context
def snapshot(context: click.Context, sidecar: str, token: str) -> None:
    """What a sidecar that runs keeps."""
    context.obj = Remote(sidecar, token)


@snapshot.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def save(remote: Remote, file: Path) -> None:
    """Write all that it keeps into FILE."""
    file.write_text(remote.ask("GET", "/snapshot"), encoding="utf-8")


@snapshot.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def load(remote: Remote, file: Path) -> None:
    """Let it keep what is in FILE, and nothing else."""
    remote.ask("PUT", "/snapshot", file.read_text(encoding="utf-8"))


@click.group()
@of_a_sidecar
@click.pass_context
def faults(context: click.Context, sidecar: str, token: str) -> None:
    """The fault plan of a sidecar that runs."""
    context.obj = Remote(sidecar, token)


@faults.command("list")
@click.pass_obj
def list_(remote: Remote) -> None:
    """Print the rules that are in force, a line of JSON each."""
    _print(remote.ask("GET", "/faults"))


@faults.command()
@click.argument("plan", required=False)
@click.option("--call", help="state.save, state.*, …")
@click.option("--component", help="The component's name.")
@click.option("--target", help="The key, topic, app, actor, ….")
@click.option("--protocol", type=click.Choice(["grpc", "http"]))
@click.option("--nth", type=int, help="The nth such call alone.")
@click.option("--every", type=int, help="Every nth such call.")
@click.option("--first", type=int, help="The first n such calls alone.")
@click.option("--after", type=int, help="Only such calls as come after the first n.")
@click.option("--times", type=int, help="So many times at most.")
@click.option("--probability", type=float)
@click.option("--seed", type=int, help="What chance is drawn from.")
@click.option("--since", type=float, help="Not before so many seconds from now, on the clock.")
@click.option("--until", type=float, help="No more after so many seconds from now.")
@click.option("--delay", type=float, help="Take so many seconds longer.")
@click.option("--fail", help="Answer with this gRPC status, or the HTTP status that belongs to it.")
@click.option("--applied", is_flag=True, help="Fail, hang or reset after the call was carried out.")
@click.option("--hang", is_flag=True, help="Never answer.")
@click.option("--reset", is_flag=True, help="Break the connection.")
@click.pass_obj
def add(
    remote: Remote,
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
        _print(remote.ask("POST", "/faults", _text(plan)))
        return
    more = {"applied": True} if applied else {}
    effects: list[Mapping[str, Any]] = [] if delay is None else [{"kind": "delay", "seconds": delay}]
    if fail is not None:
        effects.append({"kind": "fail", "status": fail.upper(), **more})
    effects += [{"kind": kind, **more} for kind, wanted in (("hang", hang), ("reset", reset)) if wanted]
    said = {name: value for name, value in rule.items() if value is not None}
    _print(remote.ask("POST", "/faults", json.dumps({**said, "effects": effects})))


@faults.command()
@click.argument("ids", nargs=-1, type=int)
@click.pass_obj
def clear(remote: Remote, ids: tuple[int, ...]) -> None:
    """Put rules out of force: those with these IDS, or all."""
    for path in [f"/{id}" for id in ids] or [""]:
        remote.ask("DELETE", f"/faults{path}")


def _text(plan: str) -> str:
    if plan == "-":
        return sys.stdin.read()
    return Path(plan[1:]).read_text(encoding="utf-8") if plan.startswith("@") else plan


def _print(answer: str) -> None:
    for fault in json.loads(answer)["faults"]:
        click.echo(json.dumps(fault, ensure_ascii=False))
