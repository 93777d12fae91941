"""A named HTTP endpoint outside of the mesh, for service invocation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakesidecar.resources._yaml import NAME, TEXT, Dynamic, ListOf, Struct
from fakesidecar.resources.component import AUTH, META, NAME_VALUE, SecretRef, read_pairs, text_of


@dataclass(frozen=True, slots=True)
class Material:
    """A certificate or a key: its text, or the secret that has it."""

    value: str = ""
    secret: SecretRef | None = None


@dataclass(frozen=True, slots=True)
class HttpEndpoint:
    """`kind: HTTPEndpoint`."""

    name: str
    base_url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, SecretRef] = field(default_factory=dict)
    env_headers: Mapping[str, str] = field(default_factory=dict)
    root_ca: Material = Material()
    certificate: Material = Material()
    private_key: Material = Material()
    renegotiation: str = ""
    secret_store: str = ""
    scopes: Sequence[str] = ()
    namespace: str = ""
    source: str = ""

    @property
    def display_name(self) -> str:
        return f"{self.name} ({self.base_url})"


_MATERIAL = Struct(
    "v1alpha1.TLSDocument",
    {"value": Dynamic(), "secretKeyRef": Struct("common.SecretKeyRef", {"name": TEXT, "key": TEXT})},
)
_TLS = Struct(
    "common.TLS",
    {"rootCA": _MATERIAL, "certificate": _MATERIAL, "privateKey": _MATERIAL, "renegotiation": TEXT},
)
SCHEMA = Struct(
    "v1alpha1.HTTPEndpoint",
    {
        "apiVersion": NAME,
        "kind": NAME,
        "metadata": META,
        "spec": Struct(
            "v1alpha1.HTTPEndpointSpec", {"baseUrl": TEXT, "headers": ListOf(NAME_VALUE), "clientTLS": _TLS}
        ),
        "auth": AUTH,
        "scopes": ListOf(NAME),
    },
)


def from_document(document: Mapping[str, Any], source: str) -> HttpEndpoint:
    """The endpoint that a decoded document declares."""
    meta, spec = document.get("metadata") or {}, document.get("spec") or {}
    headers, secrets, variables = read_pairs(spec.get("headers"))
    tls = spec.get("clientTLS") or {}
    return HttpEndpoint(
        name=meta.get("name") or "",
        base_url=spec.get("baseUrl") or "",
        headers=headers,
        secret_headers=secrets,
        env_headers=variables,
        root_ca=_material(tls.get("rootCA")),
        certificate=_material(tls.get("certificate")),
        private_key=_material(tls.get("privateKey")),
        renegotiation=tls.get("renegotiation") or "",
        secret_store=(document.get("auth") or {}).get("secretStore") or "",
        scopes=tuple(document.get("scopes") or ()),
        namespace=meta.get("namespace") or "",
        source=source,
    )


def _material(part: Mapping[str, Any] | None) -> Material:
    reference = (part or {}).get("secretKeyRef") or {}
    secret = SecretRef(reference["name"], reference.get("key") or "") if reference.get("name") else None
    return Material(text_of((part or {}).get("value")), secret)
