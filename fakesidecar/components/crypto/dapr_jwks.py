"""`crypto.dapr.jwks`: the keys of a JSON Web Key Set (components-contrib crypto/jwks, dapr kit/jwkscache)."""

from __future__ import annotations

import base64
import binascii
import contextlib
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakesidecar import golang
from fakesidecar.components.crypto import CryptoProvider
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from fakesidecar.components.crypto.keys import Key

REQUEST_TIMEOUT = "30s"
MIN_REFRESH_INTERVAL = "10m"
OK = 200

Jwks = Mapping[str, Mapping[str, Any]]
"""Keys by their id."""


@component("crypto.dapr.jwks")
class JsonWebKeySet(CryptoProvider):
    """The set that `jwks` is, or that is in the file or at the address that it names."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        if not spec.metadata:
            raise ComponentError("empty metadata properties")
        self._location = spec.setting("jwks")
        try:
            if not self._location:
                raise ComponentError("metadata property 'jwks' is required")
            self._timeout = seconds_of(spec, "requestTimeout", REQUEST_TIMEOUT)
            self._interval = seconds_of(spec, "minRefreshInterval", MIN_REFRESH_INTERVAL)
        except ComponentError as error:
            raise ComponentError(f"failed to load metadata: {error}") from error
        self._load, self._fresh_for = self._source()
        try:
            self._keys = self._load()
        except ComponentError as error:
            raise ComponentError(f"failed to init cache: {error}") from error
        self._read_at = around.clock.now()

    def find(self, name: str) -> Key:
        from fakesidecar.components.crypto.keys import parse_key

        members = self._current().get(name)
        if members is None:
            raise ComponentError("key not found")
        return parse_key(golang.marshal(members), ".json")

    def names(self) -> Iterable[str]:
        return self._current()

    def _source(self) -> tuple[Callable[[], Jwks], float]:
        """How the set is read, and for how many seconds it is good then."""
        if self._location.startswith(("http://", "https://")):
            self.blocking = True
            return self._fetch, self._interval
        if is_file(self._location):
            return self._read_file, 0.0
        return self._read_inline, math.inf

    def _current(self) -> Jwks:
        """The keys; a set that is broken or out of reach for a while does not take them away."""
        now = self.around.clock.now()
        if now - self._read_at >= self._fresh_for:
            self._read_at = now
            with contextlib.suppress(ComponentError):
                self._keys = self._load()
        return self._keys

    def _fetch(self) -> Jwks:
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

    def _read_file(self) -> Jwks:
        try:
            return parse_set(Path(self._location).read_bytes())
        except OSError as error:
            raise ComponentError(f"failed to read JWKS file: {golang.path_error('open', error)}") from error
        except ComponentError as error:
            raise ComponentError(f"failed to parse JWKS file: {error}") from error

    def _read_inline(self) -> Jwks:
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


def parse_set(content: bytes) -> Jwks:
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
    return {str(members.get("kid", "")): members for members in keys}


def is_file(text: str) -> bool:
    """Whether there is a file of that name."""
    try:
        return Path(text).is_file()
    except OSError:  # too long for a name: it is the set itself
        return False


def seconds_of(spec: Component, name: str, default: str) -> float:
    """A duration in the metadata; a number alone is seconds."""
    text = spec.setting(name) or default
    try:
        return golang.parse_duration(text)
    except golang.GoError as error:
        reasons = [str(error)]
    try:
        return float(golang.parse_int(text))
    except golang.GoError as error:
        reason = "\n".join([*reasons, str(error)])
        raise ComponentError(f"1 error(s) decoding:\n\n* error decoding '{name}': {reason}") from error
