"""A component as declared: in YAML, or in Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fakesidecar.resources._yaml import BOOL, NAME, TEXT, Dynamic, ListOf, Struct, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class SecretRef:
    """`secretKeyRef`: where a value is to be found in a secret store."""

    name: str
    key: str = ""
    """Empty: the same as `name`."""


@dataclass(frozen=True, slots=True)
class Component:
    """`kind: Component`; in Python `Component("store", "state.in-memory", metadata={"keyPrefix": "none"})`."""

    name: str
    type: str
    version: str = "v1"
    metadata: Mapping[str, str] = field(default_factory=dict)
    """As text, as Go would write it; templates, secrets and variables are filled in when the component is loaded."""
    secret_refs: Mapping[str, SecretRef] = field(default_factory=dict)
    env_refs: Mapping[str, str] = field(default_factory=dict)
    """Metadata name to environment variable."""
    secret_store: str = ""
    scopes: Sequence[str] = ()
    """App ids that may see it; empty: all."""
    namespace: str = ""
    ignore_errors: bool = False
    """The sidecar starts even if this component does not."""
    init_timeout: str = ""
    namespaced: bool = False
    """A value of its metadata has `{namespace}` in it; known when it is loaded."""
    source: str = ""
    """The file and the document that declare it, for messages."""

    @property
    def display_name(self) -> str:
        """As daprd writes it in messages: `store (state.redis/v1)`."""
        return f"{self.name} ({self.type}/{self.version})" if self.version else f"{self.name} ({self.type})"

    def setting(self, name: str) -> str:
        """A metadata value, its name in any case of letters; empty when there is none."""
        lower = name.lower()
        return next((value for key, value in self.metadata.items() if key.lower() == lower), "")

    @property
    def declared(self) -> str:
        """For messages: where it was declared, empty for one made in Python."""
        return f"component {self.name!r} is declared in {self.source}" if self.source else ""


NAME_VALUE = Struct(
    "common.NameValuePair",
    {
        "name": TEXT,
        "value": Dynamic(),
        "secretKeyRef": Struct("common.SecretKeyRef", {"name": TEXT, "key": TEXT}),
        "envRef": TEXT,
    },
)
META = Struct("v1.ObjectMeta", {"name": TEXT, "namespace": TEXT})
AUTH = Struct("v1alpha1.Auth", {"secretStore": TEXT})
SCHEMA = Struct(
    "v1alpha1.Component",
    {
        "apiVersion": NAME,
        "kind": NAME,
        "metadata": META,
        "spec": Struct(
            "v1alpha1.ComponentSpec",
            {
                "type": TEXT,
                "version": TEXT,
                "ignoreErrors": BOOL,
                "metadata": ListOf(NAME_VALUE),
                "initTimeout": TEXT,
            },
        ),
        "auth": AUTH,
        "scopes": ListOf(NAME),
    },
)


def from_document(document: Mapping[str, Any], source: str) -> Component:
    """The component that a decoded document declares."""
    meta, spec = document.get("metadata") or {}, document.get("spec") or {}
    metadata, secrets, variables = read_pairs(spec.get("metadata"))
    return Component(
        name=meta.get("name") or "",
        type=spec.get("type") or "",
        version=spec.get("version") or "",
        metadata=metadata,
        secret_refs=secrets,
        env_refs=variables,
        secret_store=(document.get("auth") or {}).get("secretStore") or "",
        scopes=tuple(document.get("scopes") or ()),
        namespace=meta.get("namespace") or "",
        ignore_errors=bool(spec.get("ignoreErrors")),
        init_timeout=spec.get("initTimeout") or "",
        source=source,
    )


def read_pairs(pairs: Any) -> tuple[dict[str, str], dict[str, SecretRef], dict[str, str]]:
    """Values, secrets and variables of a list of `{name, value | secretKeyRef | envRef}`."""
    values: dict[str, str] = {}
    secrets: dict[str, SecretRef] = {}
    variables: dict[str, str] = {}
    for pair in pairs or ():
        name, reference = (pair or {}).get("name") or "", (pair or {}).get("secretKeyRef") or {}
        values[name] = text_of((pair or {}).get("value"))
        if reference.get("name"):
            secrets[name] = SecretRef(reference["name"], reference.get("key") or "")
        if (pair or {}).get("envRef"):
            variables[name] = pair["envRef"]
    return values, secrets, variables
