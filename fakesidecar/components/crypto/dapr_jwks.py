"""`crypto.dapr.jwks`: the keys of a JSON Web Key Set (components-contrib crypto/jwks)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fakesidecar import golang
from fakesidecar.components.crypto import CryptoProvider
from fakesidecar.components.key_sets import KeySet
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from fakesidecar.components.crypto.keys import Key

REQUEST_TIMEOUT = "30s"
MIN_REFRESH_INTERVAL = "10m"


@component("crypto.dapr.jwks")
class JsonWebKeySet(CryptoProvider):
    """The set that `jwks` is, or that is in the file or at the address that it names."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        if not spec.metadata:
            raise ComponentError("empty metadata properties")
        location = spec.setting("jwks")
        try:
            if not location:
                raise ComponentError("metadata property 'jwks' is required")
            timeout = seconds_of(spec, "requestTimeout", REQUEST_TIMEOUT)
            interval = seconds_of(spec, "minRefreshInterval", MIN_REFRESH_INTERVAL)
        except ComponentError as error:
            raise ComponentError(f"failed to load metadata: {error}") from error
        try:
            self._set = KeySet(location, around.clock, timeout=timeout, fresh_for=interval)
        except ComponentError as error:
            raise ComponentError(f"failed to init cache: {error}") from error
        self.blocking = self._set.remote

    def find(self, name: str) -> Key:
        from fakesidecar.components.crypto.keys import parse_key

        members = self._current().get(name)
        if members is None:
            raise ComponentError("key not found")
        return parse_key(golang.marshal(members), ".json")

    def names(self) -> Iterable[str]:
        return self._current()

    def _current(self) -> Mapping[str, Mapping[str, Any]]:
        """The keys by their ids."""
        if self._set.old:
            self._set.refresh()
        return {str(members.get("kid", "")): members for members in self._set.keys}


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
