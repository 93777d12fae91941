"""JSON Web Key Sets: given as such, in a file, or at an address (dapr kit/jwkscache)."""

from __future__ import annotations

import base64
import binascii
import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fakesidecar import golang
from fakesidecar.clock import Clock
from fakesidecar.errors import ComponentError

TIMEOUT_SECONDS = 30.0
REFRESH_SECONDS = 600.0
OK = 200

Keys = Sequence[Mapping[str, Any]]
"""The members of each key."""


class KeySet:
    """The keys at a location, read when it is made and again when they are old."""

    def __init__(
        self, location: str, clock: Clock, *, timeout: float = TIMEOUT_SECONDS, fresh_for: float = REFRESH_SECONDS
    ) -> None:
        self._location, self._clock, self._timeout = location, clock, timeout
        self.remote = location.startswith(("http://", "https://"))
        """They are read over the network, which takes its time."""
        self._load: Callable[[], Keys]
        if self.remote:
            self._load, self._fresh_for = self._fetch, fresh_for
        elif is_file(location):
            self._load, self._fresh_for = self._read_file, 0.0
        else:
            self._load, self._fresh_for = self._read_inline, math.inf
        self.keys = self._load()
        self._read_at = clock.now()

    @property
    def old(self) -> bool:
        """Whether it is time to read them again."""
        return self._clock.now() - self._read_at >= self._fresh_for

    def refresh(self) -> None:
        """Read them again; a set that is broken or out of reach for a while does not take them away."""
        self._read_at = self._clock.now()
        with contextlib.suppress(ComponentError):
            self.keys = self._load()

    def _fetch(self) -> Keys:
        from urllib3 import PoolManager
        from urllib3.exceptions import HTTPError

        reason = f'failed to fetch JWKS: failed to fetch "{self._location}"'
        with PoolManager(retries=False) as pool:
            try:
                answer = pool.request("GET", self._location, timeout=self._timeout)
            except HTTPError as error:
                raise ComponentError(f"{reason}: {error}") from error
        if answer.status != OK:
            raise ComponentError(f"{reason}: unexpected status {answer.status}")
        return parse_set(answer.data)

    def _read_file(self) -> Keys:
        try:
            return parse_set(Path(self._location).read_bytes())
        except OSError as error:
            raise ComponentError(f"failed to read JWKS file: {golang.path_error('open', error)}") from error
        except ComponentError as error:
            raise ComponentError(f"failed to parse JWKS file: {error}") from error

    def _read_inline(self) -> Keys:
        text = self._location.encode()
        with contextlib.suppress(binascii.Error):
            text = base64.b64decode(text, validate=True)
        try:
            return parse_set(text)
        except ComponentError as error:
            raise ComponentError(
                "failed to parse property 'location': "
                "not a URL, path to local file, or JSON value (optionally base64-encoded)"
            ) from error


def parse_set(content: bytes) -> Keys:
    """The keys of a set, or the only one where there is no set around it."""
    from fakesidecar.components.crypto.keys import check_jwk

    try:
        said = golang.unmarshal_into(content, golang.MapOf(golang.ANY)) or {}
    except golang.GoError as error:
        raise ComponentError(f"failed to unmarshal JWK set: {error}") from error
    keys = said.get("keys", [said])
    if not isinstance(keys, list) or not all(isinstance(one, dict) for one in keys):
        raise ComponentError("failed to unmarshal JWK set: keys are no list of keys")
    for members in keys:
        check_jwk(members)
    return keys


def is_file(text: str) -> bool:
    """Whether there is a file of that name."""
    try:
        return Path(text).is_file()
    except OSError:  # too long for a name: it is the set itself
        return False
