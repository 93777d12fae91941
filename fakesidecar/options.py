"""What a sidecar is told when it starts: one field per daprd flag or environment variable that has a meaning here.

The defaults are those of a sidecar in a test: loopback, free ports, real nothing. The command line fills the
same class from daprd's flags, with daprd's defaults, but on loopback too. `graceful_shutdown_seconds` is read, and
nothing follows from it yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_NAMESPACE = "default"
"""What daprd calls the namespace of a sidecar that is told none."""
IN_PROCESS = "in-process"
"""Where the control plane is when nobody says otherwise."""

ASKING_SECONDS = 3.0
"""How long the application may take to say which input bindings it wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppHealth:
    """How the application is probed (`--enable-app-health-check` and its companions)."""

    path: str = "/healthz"
    interval: float = 5.0
    """Seconds from probe to probe."""
    timeout: float = 0.5
    """Seconds until a probe counts as failed."""
    threshold: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that a sidecar is told; see `daprd --help` for the flags of the same names."""

    app_id: str = "app"
    namespace: str = ""
    """`$NAMESPACE` of daprd: part of the `namespace` key prefix, and a filter for resources."""

    http_port: int = 0
    """0 asks the system for a free port; the bound one is `Sidecar.http_port`."""
    grpc_port: int = 0
    listen_addresses: tuple[str, ...] = ("127.0.0.1",)
    unix_domain_socket: str = ""
    """A folder: the doors are sockets in it instead of ports."""
    public_port: int | None = None
    public_listen_address: str = "127.0.0.1"

    app_port: int = 0
    """0 means that there is no application."""
    app_protocol: str = "http"
    app_channel_address: str = "127.0.0.1"
    app_max_concurrency: int = -1
    app_health: AppHealth | None = None
    app_binding_options_timeout: float = ASKING_SECONDS
    """Seconds that the application has to say which input bindings it wants."""
    disable_init_endpoints: frozenset[str] = frozenset()

    resources_paths: tuple[str | Path, ...] = ()
    """Folders; messages name them as they are given here."""
    config_paths: tuple[str | Path, ...] = ()

    max_body_size: int = 4 << 20
    """Bytes; zero and negative let HTTP bodies of any size pass."""
    read_buffer_size: int = 4 << 10
    allowed_origins: str = ""
    api_token: str = ""
    app_api_token: str = ""
    graceful_shutdown_seconds: float = 5.0

    placement_host_address: str = IN_PROCESS
    """Empty means that there are no actors; no address is ever called, as placement is in this process."""
    scheduler_host_address: str = IN_PROCESS
    """The sidecar is its own scheduler, whatever this names; empty: there is none, as for a daprd without the flag."""

    redis: str = "embedded"
    """`embedded`: `*.redis` components talk to a fakeredis in this process; `real`: to the Redis that they name."""
    stand_ins: bool = False
    """Components of types that are not served are stood in for by ones in memory."""
    values_file: str | Path = ""
    """A JSON or YAML file of what secret stores, configuration stores and key vaults hold that stand in."""
    subtle_crypto: bool = False
    """Serve the subtle crypto API, which official builds of daprd leave out."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The environment that `envRef` and `secretstores.local.env` read."""
