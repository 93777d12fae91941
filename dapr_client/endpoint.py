"""Where a gRPC server is, in all the forms that Dapr documents.

    GrpcEndpoint("myhost:50051?tls=true").endpoint   # dns:myhost:50051
    GrpcEndpoint("[::1]:5000").hostname              # [::1]

| form | example |
|---|---|
| host, port or both | `myhost`, `:5000`, `myhost:5000`, `[::1]:5000` |
| name resolution by gRPC | `dns:myhost:5000`, `dns://authority:53/myhost:5000` |
| Unix socket | `unix:relative.sock`, `unix:///absolute.sock`, `unix-abstract:name` |
| virtual machine socket | `vsock:contextid:5000` |
| by now deprecated | `http://myhost:5000`, `https://myhost:5000` |

`?tls=true` asks for TLS, in every form but the last.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit
from warnings import warn

DEFAULT_SCHEME = "dns"
DEFAULT_HOST = "localhost"
DEFAULT_PORT = 443
SOCKETS = ("unix", "unix-abstract")
WEB = ("http", "https")
SCHEMES = ("dns", *SOCKETS, "vsock", *WEB)

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_BARE_IPV6 = re.compile(r"[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*")


class URIParseConfig:
    """The defaults, under the name that the official package gives them."""

    DEFAULT_SCHEME = DEFAULT_SCHEME
    DEFAULT_HOSTNAME = DEFAULT_HOST
    DEFAULT_PORT = DEFAULT_PORT
    DEFAULT_AUTHORITY = ""
    ACCEPTED_SCHEMES = SCHEMES


class GrpcEndpoint:
    """The target that an address means, and whether it asks for TLS. ValueError if it means none."""

    __slots__ = ("endpoint", "hostname", "port_as_int", "scheme", "tls")

    scheme: str
    hostname: str
    """The host (IPv6 in brackets), or the path of the socket."""
    port_as_int: int
    """0 for a Unix socket."""
    tls: bool
    endpoint: str
    """What gRPC is given."""

    def __init__(self, url: str) -> None:
        scheme, rest = _split_scheme(url)
        rest, _, query = rest.partition("?")
        self.tls = _tls(scheme, query)
        self.scheme = DEFAULT_SCHEME if scheme in WEB else scheme
        if scheme in SOCKETS:
            self.hostname, self.port_as_int = _socket_path(scheme, rest, url), 0
            self.endpoint = f"{scheme}:{rest}"
            return
        authority, rest = _authority(scheme, rest, url)
        self.hostname, self.port_as_int = _host_and_port(rest)
        self.endpoint = f"{self.scheme}:{authority}{self.hostname}:{self.port_as_int}"
        if scheme in WEB:
            warn(
                f"http and https schemes are deprecated for grpc, use "
                f"{self.hostname}:{self.port_as_int}?tls={str(self.tls).lower()} instead",
                DeprecationWarning,
                stacklevel=2,
            )

    @property
    def port(self) -> str:
        """The port as text; empty for a Unix socket."""
        return str(self.port_as_int) if self.port_as_int else ""

    def __repr__(self) -> str:
        return f"GrpcEndpoint({self.endpoint!r}, tls={self.tls})"


def _split_scheme(url: str) -> tuple[str, str]:
    """`scheme:rest` or `scheme://rest`; what has no scheme is a host."""
    if found := _SCHEME.match(url):
        scheme = found[1].lower()
        if scheme not in SCHEMES:
            raise ValueError(f"invalid scheme '{scheme}' in URL '{url}'")
        return scheme, url[len(scheme) + 1 :]
    scheme, colon, rest = url.partition(":")
    if colon and scheme.lower() in SCHEMES:
        return scheme.lower(), rest
    return DEFAULT_SCHEME, url


def _tls(scheme: str, query: str) -> bool:
    values = parse_qs(query, keep_blank_values=True)
    if scheme in WEB:
        if "tls" in values:
            raise ValueError(f"the tls query parameter is not supported for http(s) endpoints: '{query}'")
    elif set(values) == {"tls"}:
        return values["tls"][0].lower() == "true"
    if values:
        raise ValueError(f"query parameters are not supported for gRPC endpoints: '{query}'")
    return scheme == "https"


def _socket_path(scheme: str, rest: str, url: str) -> str:
    if scheme == "unix" and rest.startswith("//"):
        if not rest.startswith("///"):
            raise ValueError(
                f"unix:// endpoints require an absolute path: '{url}'; use unix:relative or unix:///absolute"
            )
        return rest[2:]
    return rest


def _authority(scheme: str, rest: str, url: str) -> tuple[str, str]:
    """The name server of `dns://server/host`, as it stands in the target, and what follows it."""
    if not rest.startswith("//"):
        return "", rest
    if scheme != "dns":
        return "", rest[2:]
    server, slash, host = rest[2:].partition("/")
    if server and not slash:
        raise ValueError(f"invalid dns authority '{server}' in URL '{url}'")
    return f"//{server}/" if server else "", host


def _host_and_port(text: str) -> tuple[str, int]:
    """IPv6 may stand in brackets, or without them when no port follows."""
    if _BARE_IPV6.fullmatch(text):
        text = f"[{text}]"
    parts = urlsplit(f"//{text}")
    if parts.path:
        raise ValueError(f"paths are not supported for gRPC endpoints: '{parts.path}'")
    host = parts.hostname or DEFAULT_HOST
    return (f"[{host}]" if ":" in host else host), parts.port or DEFAULT_PORT
