"""`middleware.http.routeralias`: other paths for requests to apps."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode

import yaml

from fakesidecar import golang
from fakesidecar.components.middleware import Middleware
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError

if TYPE_CHECKING:
    from fakesidecar.resources.component import Component
    from fakesidecar.web import Answer, Request

_PART = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
_SAFE = "/$&+,:;=@!'()*"


@component("middleware.http.routeralias")
class RouterAlias(Middleware):
    """Its `routes` (JSON or YAML) map the path of a request to another.

    A path may have variables, `/call/{what}` or `/call/{what:[a-z]+}`: they become query parameters of the new path,
    which is taken as it is written (components-contrib middleware/http/routeralias).
    """

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self._aliases = [(pattern(path), target) for path, target in routes(spec.setting("routes")).items()]

    def handle(self, request: Request, proceed: Callable[[Request], Answer]) -> Answer:
        path = golang.path_unescape(request.path)
        for alias, target in self._aliases:
            found = alias.fullmatch(path)
            if found is None:
                continue
            request.path = quote(target, safe=_SAFE)
            if variables := found.groupdict():
                pairs = [*parse_qsl(request.query, keep_blank_values=True), *variables.items()]
                request.query = urlencode(sorted(pairs, key=lambda pair: pair[0]))
            break
        return proceed(request)


def routes(text: str) -> Mapping[str, str]:
    """The aliases that the property declares."""
    try:
        found = yaml.safe_load(text) if text else {}
    except yaml.YAMLError as error:
        raise ComponentError(f"failed to decode 'routes' property as JSON or YAML: {error}") from error
    if not isinstance(found, dict):
        reason = f"yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `{found}` into map[string]string"
        raise ComponentError(f"failed to decode 'routes' property as JSON or YAML: {reason}")
    return {str(path): str(target) for path, target in found.items()}


def pattern(path: str) -> re.Pattern[str]:
    """What matches a path with variables in it (github.com/gorilla/mux)."""
    out, position = "", 0
    for part in _PART.finditer(path):
        out += f"{re.escape(path[position : part.start()])}(?P<{part[1]}>{part[2] or '[^/]+'})"
        position = part.end()
    return re.compile(out + re.escape(path[position:]))
