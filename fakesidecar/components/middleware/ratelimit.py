"""`middleware.http.ratelimit`: so many requests per second, for each client and path (components-contrib)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fakesidecar.components.middleware import Middleware
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.golang import quote
from fakesidecar.web import Answer, Headers, Request, Response, then

if TYPE_CHECKING:
    from fakesidecar.resources.component import Component

DEFAULT = "100"
TOO_MANY = 429


@dataclass(slots=True)
class Bucket:
    """What is left for one client on one path, and since when."""

    left: float
    since: float


@component("middleware.http.ratelimit")
class RateLimit(Middleware):
    """Refuses what is more than `maxRequestsPerSecond` (100) of a client on a path; as many may come at once."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        text = spec.setting("maxRequestsPerSecond") or DEFAULT
        try:
            self._rate = float(text)
        except ValueError as error:
            cause = f"cannot parse 'MaxRequestsPerSecond' as float: strconv.ParseFloat: parsing {quote(text)}"
            raise ComponentError(f"1 error(s) decoding:\n\n* {cause}: invalid syntax") from error
        if not self._rate > 0:
            raise ComponentError("metadata property maxRequestsPerSecond must be a positive value")
        self._burst = max(1, math.floor(self._rate))
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def handle(self, request: Request, proceed: Callable[[Request], Answer]) -> Answer:
        bucket = self._bucket(request.remote.rpartition(":")[0], request.path)
        refused = bucket.left < 1
        if not refused:
            bucket.left -= 1
        headers: Headers = [
            ("ratelimit-limit", str(self._burst)),
            ("ratelimit-remaining", str(math.floor(bucket.left))),
            ("ratelimit-reset", "1"),
            ("x-rate-limit-duration", "1"),
            ("x-rate-limit-limit", f"{self._rate:.2f}"),
            ("x-rate-limit-request-remote-addr", request.remote),
        ]
        if refused:
            kind = [("content-type", "text/plain; charset=utf-8")]
            return Response(TOO_MANY, [*kind, *headers], b"You have reached maximum request limit.")

        def add(answer: Response) -> Response:
            answer.headers += headers
            return answer

        return then(proceed(request), add)

    def reset(self) -> None:
        self._buckets.clear()

    def snapshot(self) -> dict[tuple[str, str], Bucket]:
        return {key: replace(bucket) for key, bucket in self._buckets.items()}

    def restore(self, kept: dict[tuple[str, str], Bucket]) -> None:
        self._buckets = {key: replace(bucket) for key, bucket in kept.items()}

    def _bucket(self, client: str, path: str) -> Bucket:
        now = self.around.clock.now()
        bucket = self._buckets.setdefault((client, path), Bucket(self._burst, now))
        bucket.left = min(self._burst, bucket.left + (now - bucket.since) * self._rate)
        bucket.since = now
        return bucket
