"""The flags of daprd 1.18: one table, read as Go's pflag reads them, with its complaints.

`parse` gives what was set, `Settings` what it means to this sidecar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fakesidecar import golang
from fakesidecar.golang.csv import read_csv_record
from fakesidecar.options import ASKING_SECONDS, AppHealth, Options
from fakesidecar.resources.errors import StartupError


class Flag(NamedTuple):
    """One flag: its name, its Go type, its default and its line in the usage."""

    name: str
    kind: str
    default: Any
    usage: str
    deprecated: str = ""
    """Not empty: hidden from the usage, and what to say when it is used."""


_DURATION_NOTE = "Non-positive values use the default."

FLAGS = (
    Flag(
        "actors-disseminate-timeout",
        "duration",
        "30s",
        "Timeout for the daprd-side actor placement dissemination round; if exceeded, daprd resets its placement "
        "stream and halts hosted actors. Should be greater than the placement service --disseminate-timeout "
        "(default 8s).",
    ),
    Flag("actors-service", "string", "", "", "flag no longer has any effect"),
    Flag("allowed-origins", "string", "", "Allowed HTTP origins"),
    Flag(
        "app-binding-options-timeout",
        "duration",
        "3s",
        "Timeout for input binding subscription discovery requests to the app (HTTP OPTIONS or gRPC "
        f"ListInputBindings). Increase for apps with slow startup (e.g. JVM/JIT workloads). {_DURATION_NOTE}",
    ),
    Flag("app-channel-address", "string", "127.0.0.1", "The network address the application listens on"),
    Flag("app-health-check-path", "string", "/healthz", "Path used for health checks; HTTP only"),
    Flag("app-health-probe-interval", "int", 5, "Interval to probe for the health of the app in seconds"),
    Flag("app-health-probe-timeout", "int", 500, "Timeout for app health probes in milliseconds"),
    Flag("app-health-threshold", "int", 3, "Number of consecutive failures for the app to be considered unhealthy"),
    Flag("app-id", "string", "", "A unique ID for Dapr. Used for Service Discovery and state"),
    Flag(
        "app-max-concurrency",
        "int",
        -1,
        "Controls the concurrency level when forwarding requests to user code; set to -1 for no limits",
    ),
    Flag("app-port", "string", "", "The port the application is listening on"),
    Flag("app-protocol", "string", "http", "Protocol for the application: grpc, grpcs, http, https, h2c"),
    Flag("app-ssl", "bool", False, "", "use '--app-protocol https|grpcs'"),
    Flag("build-info", "bool", False, "Prints the build info"),
    Flag("components-path", "string", "", "", "use --resources-path"),
    Flag(
        "config",
        "strings",
        (),
        "Path to config file, or name of a configuration object. In standalone mode, can be passed multiple times",
    ),
    Flag("control-plane-address", "string", "", "Address for a Dapr control plane"),
    Flag("control-plane-namespace", "string", "default", "Namespace of the Dapr control plane"),
    Flag("control-plane-trust-domain", "string", "localhost", "Trust domain of the Dapr control plane"),
    Flag(
        "dapr-block-shutdown-duration",
        "duration",
        "",
        "If enabled, will block graceful shutdown after terminate signal is received until either the given "
        "duration has elapsed or the app reports unhealthy. Disabled by default",
    ),
    Flag("dapr-graceful-shutdown-seconds", "int", 5, "Graceful shutdown time in seconds"),
    Flag("dapr-grpc-port", "string", "50001", "gRPC port for the Dapr API to listen on"),
    Flag("dapr-http-max-request-size", "int", 4, "", "use '--max-body-size 4Mi'"),
    Flag("dapr-http-port", "string", "3500", "HTTP port for Dapr API to listen on"),
    Flag("dapr-http-read-buffer-size", "int", 4, "", "use '--read-buffer-size 4Ki'"),
    Flag("dapr-internal-grpc-listen-address", "string", "", "gRPC listen address for the Dapr Internal API"),
    Flag("dapr-internal-grpc-port", "string", "", "gRPC port for the Dapr Internal API to listen on"),
    # Empty is every address of the machine for daprd, and loopback here (`_addresses`).
    Flag(
        "dapr-listen-addresses",
        "string",
        "",
        "One or more addresses for the Dapr API to listen on, CSV limited",
    ),
    Flag("dapr-public-listen-address", "string", "", "Public listen address for Dapr Health and Metadata"),
    Flag("dapr-public-port", "string", "", "Public port for Dapr Health and Metadata to listen on"),
    Flag("disable-builtin-k8s-secret-store", "bool", False, "Disable the built-in Kubernetes Secret Store"),
    Flag(
        "disable-init-endpoints",
        "strings",
        (),
        "List of initialization endpoints to disable. Supported values: config, subscribe,. If not specified, all "
        "endpoints will be enabled",
    ),
    Flag("enable-api-logging", "bool", False, "Enable API logging for API calls"),
    Flag(
        "enable-app-health-check",
        "bool",
        False,
        "Enable health checks for the application using the protocol defined with app-protocol",
    ),
    Flag("enable-metrics", "bool", True, "Enable prometheus metric"),
    Flag("enable-mtls", "bool", False, "Enables automatic mTLS for daprd-to-daprd communication channels"),
    Flag("enable-profiling", "bool", False, "Enable profiling"),
    Flag(
        "hot-reload-reconcile-interval",
        "duration",
        "",
        "Period of the hot-reload backup reconcile that lists resources and reconciles any the event watch missed, "
        "e.g. '30s'. Zero uses the default (60s)",
    ),
    Flag("log-as-json", "bool", False, "print log as JSON (default false)"),
    Flag("log-file", "string", "", "Path to a file where logs will be written"),
    Flag("log-level", "string", "info", "Options are debug, info, warn, error, or fatal (default info)"),
    Flag(
        "max-body-size",
        "string",
        "4Mi",
        "Max size of request body for the Dapr HTTP and gRPC servers, as a resource quantity",
    ),
    Flag("metrics-listen-address", "string", "0.0.0.0", "The address for the metrics server"),
    Flag("metrics-port", "string", "9090", "The port for the metrics server"),
    Flag("mode", "string", "standalone", "Runtime mode for Dapr"),
    Flag(
        "placement-host-address",
        "string",
        "",
        "Addresses for Dapr Actor Placement servers (overrides actors-service)",
    ),
    Flag("profile-port", "string", "7777", "The port for the profile server"),
    Flag(
        "read-buffer-size",
        "string",
        "4Ki",
        "Max size of read buffer, as a resource quantity (also used to handle request headers)",
    ),
    Flag("reminders-service", "string", "", "", "flag no longer has any effect"),
    Flag(
        "resources-path",
        "strings",
        (),
        "Path for resources directory. If not specified, no resources will be loaded. Can be passed multiple times",
    ),
    Flag(
        "scheduler-host-address",
        "strings",
        (),
        "Addresses of the Scheduler service instance(s), as comma separated host:port pairs",
    ),
    Flag(
        "scheduler-job-streams",
        "uint",
        3,
        "The number of active job streams to connect to the Scheduler service",
    ),
    Flag("sentry-address", "string", "", "Address for the Sentry CA service"),
    Flag(
        "sentry-request-jwt-audiences",
        "strings",
        (),
        "JWT audience list for certificate signing requests. If not specified, the trust domain will be used",
    ),
    Flag(
        "unix-domain-socket",
        "string",
        "",
        "Path to a unix domain socket dir mount. If specified, Dapr API servers will use Unix Domain Sockets",
    ),
    Flag("version", "bool", False, "Prints the runtime version"),
    Flag("wait", "bool", False, "wait for Dapr outbound ready"),
)

BY_NAME = {flag.name: flag for flag in FLAGS}


# --- reading -------------------------------------------------------------------------------------


class UsageError(Exception):
    """The command line cannot be read: the message goes to standard error after the usage, and the exit code is 2."""


class HelpWanted(Exception):
    """`--help` was found on the way."""


@dataclass(slots=True)
class Parsed:
    """The values of the flags, defaults included."""

    values: dict[str, Any] = field(default_factory=lambda: {flag.name: flag.default for flag in FLAGS})
    changed: set[str] = field(default_factory=set)
    """The flags that were set."""
    rest: list[str] = field(default_factory=list)
    """What is no flag."""
    notes: list[str] = field(default_factory=list)
    """What is to be said about deprecated flags."""

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def set(self, flag: Flag, text: str) -> None:
        """Set a flag from a text; a list grows."""
        try:
            value = _READERS[flag.kind](text)
        except golang.GoError as error:
            raise UsageError(f'invalid argument {golang.quote(text)} for "--{flag.name}" flag: {error}') from error
        if flag.kind == "strings":
            value = (*(self.values[flag.name] if flag.name in self.changed else ()), *value)
        self.values[flag.name] = value
        self.changed.add(flag.name)
        if flag.deprecated:
            self.notes.append(f"Flag --{flag.name} has been deprecated, {flag.deprecated}")


def _read_strings(text: str) -> tuple[str, ...]:
    return tuple(read_csv_record(text)) if text else ()


def _read_duration(text: str) -> str:
    golang.parse_duration(text)
    return text


def _decimal(text: str) -> str:
    """A number with a base (`0x10`, `0b1`, `0o7`, `017`) in the decimal system; anything else as it is."""
    if not _WITH_BASE.fullmatch(text):
        return text
    octal = re.sub(r"^([+-]?)0(?=[0-7_]+$)", r"\g<1>0o", text)
    return str(int(octal, 0))


_WITH_BASE = re.compile(r"[+-]?0(x[0-9a-f_]+|b[01_]+|o?[0-7_]+)", re.IGNORECASE)

_READERS: Mapping[str, Callable[[str], Any]] = {
    "string": str,
    "int": lambda text: golang.parse_int(_decimal(text)),
    "uint": lambda text: golang.parse_uint(_decimal(text)),
    "bool": golang.parse_bool,
    "duration": _read_duration,
    "strings": _read_strings,
}


def parse(arguments: Sequence[str], *, interspersed: bool = True) -> Parsed:
    """Read a command line; raises `UsageError` or `HelpWanted` at the first argument that asks for it.

    Without `interspersed`, everything from the first argument that is no flag belongs to somebody else.
    """
    parsed = Parsed()
    waiting = [_double_dashed(argument) for argument in arguments]
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            parsed.rest += arguments[len(arguments) - len(waiting) :]
            break
        if argument.startswith("--"):
            _read_flag(parsed, argument, waiting)
        elif argument.startswith("-") and argument != "-":
            _no_shorthand(argument)
        else:
            parsed.rest.append(argument)
            if not interspersed:
                parsed.rest += arguments[len(arguments) - len(waiting) :]
                break
    return parsed


def _double_dashed(argument: str) -> str:
    # dapr cmd/daprd/options: "-log-level" is read as "--log-level"; letters alone stay.
    return f"-{argument}" if len(argument) > 2 and argument[0] == "-" != argument[1] else argument


def _read_flag(parsed: Parsed, argument: str, waiting: list[str]) -> None:
    name, equals, value = argument[2:].partition("=")
    if not name or name.startswith("-"):
        raise UsageError(f"bad flag syntax: {argument}")
    flag = BY_NAME.get(name)
    if flag is None:
        if name == "help":
            raise HelpWanted
        raise UsageError(f"unknown flag: --{name}")
    if not equals:
        if flag.kind == "bool":
            value = "true"
        elif waiting:
            value = waiting.pop(0)
        else:
            raise UsageError(f"flag needs an argument: --{name}")
    parsed.set(flag, value)


def _no_shorthand(argument: str) -> None:
    if argument[1] == "h":
        raise HelpWanted
    raise UsageError(f"unknown shorthand flag: '{argument[1]}' in {argument}")


# --- the usage -----------------------------------------------------------------------------------


def usage(program: str = "daprd") -> str:
    """What `--help` prints."""
    shown = [(_left(flag), flag) for flag in FLAGS if not flag.deprecated]
    width = max(len(left) for left, _ in shown) + 3
    lines = [f"{left:<{width}}{flag.usage}{_default(flag)}" for left, flag in shown]
    return f"Usage of {program}:\n" + "\n".join(lines) + "\n"


def _left(flag: Flag) -> str:
    return f"      --{flag.name}" + ("" if flag.kind == "bool" else f" {flag.kind}")


def _default(flag: Flag) -> str:
    if not flag.default:
        return ""
    if flag.kind == "string":
        return f" (default {golang.quote(flag.default)})"
    return f" (default {str(flag.default).lower()})"


# --- the meaning ---------------------------------------------------------------------------------

PROTOCOLS = ("grpc", "grpcs", "http", "https", "h2c")
INIT_ENDPOINTS = ("config", "subscribe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a command line and an environment mean: the sidecar's options, and what concerns the process."""

    options: Options
    metrics_port: int
    profile_port: int
    internal_grpc_port: int
    virtual_clock: bool = False
    block_shutdown: float | None = None
    """Seconds to stay open after a signal, None: not at all."""


def read_size(parsed: Parsed, name: str, old_name: str, unit: int) -> int:
    """A size in bytes; the deprecated flag of the same meaning counts in `unit`s."""
    if old_name in parsed.changed and name not in parsed.changed:
        return int(parsed[old_name]) * unit
    try:
        return golang.parse_quantity(parsed[name])
    except golang.GoError as error:
        raise StartupError(f"invalid value for '{name}' option: {error}") from error


def read_sizes(parsed: Parsed) -> tuple[int, int]:
    """The limits of bodies and of headers, which daprd reads before anything else."""
    return (
        read_size(parsed, "max-body-size", "dapr-http-max-request-size", 1 << 20),
        read_size(parsed, "read-buffer-size", "dapr-http-read-buffer-size", 1 << 10),
    )


def settings(parsed: Parsed, environment: Mapping[str, str]) -> Settings:
    """What the flags and the environment mean; raises `StartupError` in daprd's words and in its order."""
    # dapr pkg/runtime/config.go, toInternal
    body_size, header_size = read_sizes(parsed)
    if parsed["enable-mtls"] and not environment.get("DAPR_TRUST_ANCHORS"):
        raise StartupError("trust anchors are required")
    if parsed["mode"] == "standalone":
        _check_app_id(parsed["app-id"])
    http_port = _port(parsed, "dapr-http-port", "error parsing dapr-http-port flag")
    grpc_port = _port(parsed, "dapr-grpc-port", "error parsing dapr-grpc-port flag")
    profile_port = _port(parsed, "profile-port", "error parsing profile-port flag")
    internal_port = _port(parsed, "dapr-internal-grpc-port", "error parsing dapr-internal-grpc-port", optional=True)
    public_port = _port(parsed, "dapr-public-port", "error parsing dapr-public-port", optional=True)
    app_port = _port(parsed, "app-port", "error parsing app-port", optional=True)
    for name, port in (("dapr-http-port", http_port), ("dapr-grpc-port", grpc_port)):
        if app_port > 0 and app_port == port:
            raise StartupError(f"the '{name}' argument value {port} conflicts with 'app-port'")
    protocol = _app_protocol(parsed)
    for endpoint in parsed["disable-init-endpoints"]:
        if endpoint not in INIT_ENDPOINTS:
            raise StartupError(f"invalid value for 'disable-init-endpoints': {endpoint}")
    health = _app_health(parsed)
    asking = golang.parse_duration(parsed["app-binding-options-timeout"])
    if parsed["mode"] not in ("standalone", "kubernetes"):
        raise StartupError(f"invalid mode: {parsed['mode']}")
    metrics_port = _port(parsed, "metrics-port", "failed to parse metrics port")
    options = Options(
        app_id=parsed["app-id"],
        namespace=environment.get("NAMESPACE", ""),
        http_port=http_port,
        grpc_port=grpc_port,
        listen_addresses=_addresses(parsed["dapr-listen-addresses"]),
        unix_domain_socket=parsed["unix-domain-socket"],
        internal_grpc_port=internal_port,
        internal_grpc_listen_address=parsed["dapr-internal-grpc-listen-address"] or LOOPBACK,
        names=_names(environment),
        public_port=public_port if parsed["dapr-public-port"] else None,
        public_listen_address=parsed["dapr-public-listen-address"] or ALL_ADDRESSES,
        app_port=app_port,
        app_protocol=protocol,
        app_channel_address=parsed["app-channel-address"],
        app_max_concurrency=parsed["app-max-concurrency"],
        app_health=health,
        app_binding_options_timeout=asking if asking > 0 else ASKING_SECONDS,
        disable_init_endpoints=frozenset(parsed["disable-init-endpoints"]),
        resources_paths=parsed["resources-path"] or tuple(filter(None, [parsed["components-path"]])),
        config_paths=parsed["config"],
        max_body_size=body_size,
        read_buffer_size=header_size,
        allowed_origins=parsed["allowed-origins"],
        api_token=environment.get("DAPR_API_TOKEN", ""),
        app_api_token=environment.get("APP_API_TOKEN", ""),
        graceful_shutdown_seconds=float(parsed["dapr-graceful-shutdown-seconds"]),
        placement_host_address=parsed["placement-host-address"],
        scheduler_host_address=",".join(parsed["scheduler-host-address"]),
        redis=_redis(environment),
        stand_ins=_choice(environment, "FAKESIDECAR_STAND_INS", ("off", "on")) == "on",
        values_file=environment.get("FAKESIDECAR_VALUES", ""),
        subtle_crypto=_choice(environment, "FAKESIDECAR_SUBTLE_CRYPTO", ("off", "on")) == "on",
        environment={
            **environment,
            "APP_ID": parsed["app-id"],
            "APP_PORT": parsed["app-port"],
            "HOST_ADDRESS": environment.get("DAPR_HOST_IP", "127.0.0.1"),
            "DAPR_PORT": str(internal_port),
            "DAPR_GRPC_PORT": str(grpc_port),
            "DAPR_HTTP_PORT": str(http_port),
            "DAPR_METRICS_PORT": str(metrics_port),
            "DAPR_PROFILE_PORT": str(profile_port),
        },
    )
    return Settings(
        options=options,
        metrics_port=metrics_port,
        profile_port=profile_port,
        internal_grpc_port=internal_port,
        block_shutdown=golang.parse_duration(block) if (block := parsed["dapr-block-shutdown-duration"]) else None,
        virtual_clock=_choice(environment, "FAKESIDECAR_CLOCK", ("system", "virtual")) == "virtual",
    )


ALL_ADDRESSES = "0.0.0.0"
LOOPBACK = "127.0.0.1"


def _check_app_id(app_id: str) -> None:
    if not app_id:
        raise StartupError("parameter app-id cannot be empty")
    if "." in app_id:
        raise StartupError("parameter app-id cannot contain dots")


def _port(parsed: Parsed, name: str, complaint: str, *, optional: bool = False) -> int:
    """The port of a flag; optional ones may be empty, which is 0."""
    if optional and not parsed[name]:
        return 0
    try:
        return golang.atoi(parsed[name])
    except golang.GoError as error:
        raise StartupError(f"{complaint}: {error}") from error


def _app_protocol(parsed: Parsed) -> str:
    protocol = str(parsed["app-protocol"]).lower()
    if protocol not in (*PROTOCOLS, ""):
        raise StartupError(f"invalid value for 'app-protocol': {parsed['app-protocol']}")
    protocol = protocol or "http"
    return f"{protocol}s" if parsed["app-ssl"] and protocol in ("http", "grpc") else protocol


def _app_health(parsed: Parsed) -> AppHealth | None:
    if not parsed["enable-app-health-check"]:
        return None
    usual = AppHealth()
    interval, timeout = parsed["app-health-probe-interval"], parsed["app-health-probe-timeout"]
    threshold = parsed["app-health-threshold"]
    health = AppHealth(
        path=parsed["app-health-check-path"],
        interval=float(interval) if interval > 0 else usual.interval,
        timeout=timeout / 1000 if timeout > 0 else usual.timeout,
        threshold=threshold if threshold > 0 else usual.threshold,
    )
    if health.timeout > health.interval:
        raise StartupError("value for 'health-probe-timeout' must be smaller than 'health-probe-interval'")
    return health


def _addresses(text: str) -> tuple[str, ...]:
    """The addresses that a flag names; loopback when it names none, where daprd takes all there are."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) or (LOOPBACK,)


def _names(environment: Mapping[str, str]) -> str:
    """Where sidecars of this machine find each other: `$FAKESIDECAR_NAMES`, a file, or `off`."""
    given = environment.get("FAKESIDECAR_NAMES")
    if given:
        return "" if given == "off" else given
    from fakesidecar.peers.directory import usual_place

    return usual_place()


def _redis(environment: Mapping[str, str]) -> str:
    return _choice(environment, "FAKESIDECAR_REDIS", ("embedded", "real"))


def _choice(environment: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """The value of one of this sidecar's own variables; the first choice when it is not set."""
    value = environment.get(name) or choices[0]
    if value not in choices:
        raise StartupError(f"invalid value for {name}: {value} (it can be {' or '.join(choices)})")
    return value
