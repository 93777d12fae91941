"""The file of `dapr run -f`: which applications are run, and how (dapr cli pkg/runfileconfig).

What stands under `common` holds for every application that does not say otherwise. Paths under `common`, and
`appDirPath`, begin at the file; all others at the application's folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakesidecar import flags
from fakesidecar.resources._yaml import BOOL, INT, TEXT, Decoder, Kind, ListOf, MapOf, Struct, YamlError, compose
from fakesidecar.resources.errors import StartupError

FILE_NAME = "dapr.yaml"

FLAGS_OF_APP: Mapping[str, tuple[str, Kind]] = {
    "appID": ("app-id", TEXT),
    "appPort": ("app-port", INT),
    "appChannelAddress": ("app-channel-address", TEXT),
    "daprHTTPPort": ("dapr-http-port", INT),
    "daprGRPCPort": ("dapr-grpc-port", INT),
    "daprInternalGRPCPort": ("dapr-internal-grpc-port", INT),
    "metricsPort": ("metrics-port", INT),
    "profilePort": ("profile-port", INT),
    "unixDomainSocket": ("unix-domain-socket", TEXT),
}
"""Keys of one application: the flag that each is, and its type."""

FLAGS_OF_ALL: Mapping[str, tuple[str, Kind]] = {
    "appProtocol": ("app-protocol", TEXT),
    "apiListenAddresses": ("dapr-listen-addresses", TEXT),
    "enableProfiling": ("enable-profiling", BOOL),
    "logLevel": ("log-level", TEXT),
    "appMaxConcurrency": ("app-max-concurrency", INT),
    "placementHostAddress": ("placement-host-address", TEXT),
    "schedulerHostAddress": ("scheduler-host-address", TEXT),
    "appSSL": ("app-ssl", BOOL),
    "maxBodySize": ("max-body-size", TEXT),
    "readBufferSize": ("read-buffer-size", TEXT),
    "enableAppHealthCheck": ("enable-app-health-check", BOOL),
    "appHealthCheckPath": ("app-health-check-path", TEXT),
    "appHealthProbeInterval": ("app-health-probe-interval", INT),
    "appHealthProbeTimeout": ("app-health-probe-timeout", INT),
    "appHealthThreshold": ("app-health-threshold", INT),
    "enableApiLogging": ("enable-api-logging", BOOL),
}
"""Keys that may stand under `common` as well."""

SHARED: Mapping[str, Kind] = {
    **{key: kind for key, (_, kind) in FLAGS_OF_ALL.items()},
    "configFilePath": TEXT,
    "resourcesPath": TEXT,
    "resourcesPaths": ListOf(TEXT),
    "runtimePath": TEXT,
    "env": MapOf(TEXT),
    "daprdLogDestination": TEXT,
    "appLogDestination": TEXT,
}
ONE_APP: Mapping[str, Kind] = {
    **SHARED,
    **{key: kind for key, (_, kind) in FLAGS_OF_APP.items()},
    "appDirPath": TEXT,
    "command": ListOf(TEXT),
    # For Kubernetes, where nothing here runs.
    "containerImage": TEXT,
    "containerImagePullPolicy": TEXT,
    "createService": BOOL,
}
SCHEMA = Struct(
    "runfileconfig.RunFileConfig",
    {
        "version": INT,
        "common": Struct("runfileconfig.Common", SHARED),
        "apps": ListOf(Struct("runfileconfig.App", ONE_APP)),
    },
)

CONSOLE, FILE, BOTH = "console", "file", "fileAndConsole"


@dataclass(frozen=True, slots=True)
class AppToRun:
    """One application of the file."""

    app_id: str
    folder: Path
    command: tuple[str, ...]
    environment: Mapping[str, str]
    set: Mapping[str, str]
    """Names and texts of the flags that the file sets."""
    resources: tuple[str, ...]
    """Empty: those that `dapr init` sets up."""
    config: str
    app_log: str
    daprd_log: str

    def set_flags(self, parsed: flags.Parsed) -> None:
        """Set the flags; raises `StartupError` for a text that is none of its flag's."""
        lists = {"resources-path": self.resources, "config": (self.config,) if self.config else ()}
        try:
            for name, text in {"app-id": self.app_id, **self.set}.items():
                parsed.set(flags.BY_NAME[name], text)
        except flags.UsageError as error:
            raise StartupError(str(error)) from error
        for name, paths in lists.items():
            if paths:  # not as texts: these are lists, and paths may have commas
                parsed.values[name] = paths
                parsed.changed.add(name)

    def log_file(self, whose: str, when: str) -> Path:
        """Where the lines of `app` or `daprd` go."""
        return self.folder / ".dapr" / "logs" / f"{self.app_id}_{whose}_{when}.log"


def read(given: Path) -> list[AppToRun]:
    """The applications of a file, or of the `dapr.yaml` in a folder; raises `StartupError`."""
    path = given / FILE_NAME if given.is_dir() else given
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise StartupError(f"could not read {path}: {reason}") from error
    found = _decoded(text)
    if not found.get("version"):
        raise StartupError("required field 'version' not found in the provided run template file", hint=str(path))
    if not found.get("apps"):
        raise StartupError("no apps found in the provided run template file", hint=str(path))
    base, common = path.absolute().parent, found.get("common") or {}
    apps = [_app(base, common, app or {}) for app in found["apps"]]
    ids = [app.app_id for app in apps]
    if twice := next((app_id for app_id in ids if ids.count(app_id) > 1), None):
        raise StartupError(f"the app id {twice} is there more than once", hint=str(path))
    return apps


def _decoded(text: str) -> dict[str, Any]:
    try:
        node = compose(text)
    except YamlError as error:
        raise StartupError(f"error in parsing the provided app config file: {error}") from error
    decoder = Decoder(json=False)
    found: dict[str, Any] = decoder.decode(node, SCHEMA) or {}
    problems = [mismatch.in_yaml_words for mismatch in decoder.mismatches] + decoder.duplicates
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise StartupError(f"error in parsing the provided app config file: yaml: unmarshal errors:\n{lines}")
    return found


def _app(base: Path, common: Mapping[str, Any], app: Mapping[str, Any]) -> AppToRun:
    if not app.get("appDirPath"):
        raise StartupError("required field 'appDirPath' not found in the provided app config file")
    folder = _existing(base, app["appDirPath"])
    merged = {key: app.get(key) or common.get(key) for key in SHARED}
    texts = {
        flag: _text(app[key] if key in FLAGS_OF_APP else merged[key])
        for table, given in ((FLAGS_OF_APP, app), (FLAGS_OF_ALL, merged))
        for key, (flag, _) in table.items()
        if given.get(key)
    }
    app_id = texts.pop("app-id", folder.name)
    return AppToRun(
        app_id=app_id,
        folder=folder,
        command=tuple(app.get("command") or ()),
        environment={**(common.get("env") or {}), **(app.get("env") or {})},
        set=texts,
        resources=_resources(base, common, folder, app),
        config=_config(base, common, folder, app),
        app_log=_destination(merged["appLogDestination"] or BOTH),
        daprd_log=_destination(merged["daprdLogDestination"] or FILE),
    )


def _resources(base: Path, common: Mapping[str, Any], folder: Path, app: Mapping[str, Any]) -> tuple[str, ...]:
    own = folder / ".dapr" / "resources"
    if paths := _paths(folder, app):
        return paths
    return (str(own),) if own.is_dir() else _paths(base, common)


def _paths(start: Path, given: Mapping[str, Any]) -> tuple[str, ...]:
    paths = [*(given.get("resourcesPaths") or ()), given.get("resourcesPath")]
    return tuple(str(_existing(start, path)) for path in paths if path)


def _config(base: Path, common: Mapping[str, Any], folder: Path, app: Mapping[str, Any]) -> str:
    own = folder / ".dapr" / "config.yaml"
    if path := app.get("configFilePath"):
        return str(_existing(folder, path))
    if own.is_file():
        return str(own)
    return str(_existing(base, path)) if (path := common.get("configFilePath")) else ""


def _existing(start: Path, given: str) -> Path:
    path = (start / Path(given).expanduser()).resolve()
    if not path.exists():
        raise StartupError(f"error in getting the file info for {path}: stat {path}: no such file or directory")
    return path


def _destination(given: str) -> str:
    if given not in (CONSOLE, FILE, BOTH):
        raise StartupError(f"invalid log destination type: {given} (it can be {CONSOLE}, {FILE} or {BOTH})")
    return given


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
