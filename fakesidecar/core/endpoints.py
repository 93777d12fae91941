"""Who is invoked by URL: `HTTPEndpoint` resources by their names, and URLs as they are given."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fakesidecar.app import AppStream, Http
from fakesidecar.core.invocation import Invocation, ask_over_http

if TYPE_CHECKING:
    from fakesidecar.core import Core
    from fakesidecar.resources.component import SecretRef
    from fakesidecar.resources.http_endpoint import HttpEndpoint, Material

SCHEMES = ("http://", "https://")


class Endpoint:
    """A server outside; redirects are followed."""

    def __init__(self, base: str, headers: Mapping[str, str] = {}, tls: ssl.SSLContext | bool = True) -> None:
        self._base = base
        self._headers = {name.lower(): (name, value) for name, value in headers.items()}
        self._transport = Http(base, tls=tls, follows_redirects=True)

    async def invoke(self, asked: Invocation, authority: str) -> AppStream:
        """Send a request; headers of the resource take the place of the caller's."""
        own = [(name, value) for name, value in asked.headers if name.lower() not in self._headers]
        asked = replace(asked, headers=[*own, *self._headers.values()])
        return await ask_over_http(self._transport.stream, self._base, asked, authority)

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.close()


class Endpoints:
    """Endpoints by name or URL, made on first use."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._declared = {endpoint.name: endpoint for endpoint in core.resources.http_endpoints}
        self._made: dict[str, Endpoint] = {}

    def find(self, target: str) -> Endpoint | None:
        """The endpoint of that name or URL; None when the target is neither."""
        if target not in self._made:
            if target in self._declared:
                self._made[target] = self._make(self._declared[target])
            elif target.startswith(SCHEMES):
                self._made[target] = Endpoint(target)
            else:
                return None
        return self._made[target]

    def _make(self, declared: HttpEndpoint) -> Endpoint:
        environment = self._core.options.environment
        headers = {
            **declared.headers,
            **{name: self._secret(declared, reference) for name, reference in declared.secret_headers.items()},
            **{name: environment.get(variable, "") for name, variable in declared.env_headers.items()},
        }
        return Endpoint(declared.base_url, headers, self._tls(declared))

    def _secret(self, declared: HttpEndpoint, reference: SecretRef) -> str:
        store = self._core.secrets.store(declared.secret_store)
        found = store.get(reference.name, {}) or {}
        return found.get(reference.key or reference.name, "")

    def _tls(self, declared: HttpEndpoint) -> ssl.SSLContext | bool:
        root, certificate, key = (
            self._material(declared, part) for part in (declared.root_ca, declared.certificate, declared.private_key)
        )
        if not root and not certificate:
            return True
        context = ssl.create_default_context(cadata=root or None)
        if certificate:
            with tempfile.TemporaryDirectory() as folder:  # OpenSSL wants files
                (Path(folder) / "certificate").write_text(certificate)
                (Path(folder) / "key").write_text(key)
                context.load_cert_chain(Path(folder) / "certificate", Path(folder) / "key")
        return context

    def _material(self, declared: HttpEndpoint, part: Material) -> str:
        return self._secret(declared, part.secret) if part.secret is not None else part.value

    async def close(self) -> None:
        """Close every connection."""
        for endpoint in self._made.values():
            await endpoint.close()
