"""A Configuration: how a sidecar behaves, from one file or several that are laid over each other."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakesidecar.resources._yaml import (
    BOOL,
    DURATION,
    INT,
    INT32,
    TEXT,
    Decoder,
    Dynamic,
    ListOf,
    Scalar,
    Struct,
    YamlError,
    compose,
)
from fakesidecar.resources.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Handler:
    """A middleware component in a pipeline."""

    name: str
    type: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Tracing:
    """Which calls are traced, and where the spans go."""

    sampling_rate: str = ""
    """Empty: the default, 0.0001; `0`: no trace headers at all."""
    stdout: bool = False
    zipkin_endpoint: str = ""
    otel_endpoint: str = ""
    otel_protocol: str = ""


@dataclass(frozen=True, slots=True)
class SecretScope:
    """Which secrets of a store the application may see."""

    store: str
    default_access: str = ""
    """`allow` (also when empty) or `deny`, in any case of letters."""
    allowed: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()

    def allows(self, name: str) -> bool:
        """Whether the secret `name` may be seen."""
        if self.allowed:
            return name in self.allowed
        return name not in self.denied and self.default_access.lower() != "deny"


@dataclass(frozen=True, slots=True)
class ApiRule:
    """A group of API operations, on an allow or a deny list."""

    name: str
    version: str = ""
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """What an application may call on this one."""

    name: str
    http_verbs: tuple[str, ...] = ()
    action: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What one calling application may do."""

    app_id: str
    default_action: str = ""
    trust_domain: str = ""
    namespace: str = ""
    operations: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessControl:
    """Who may call this application."""

    default_action: str = ""
    trust_domain: str = ""
    policies: tuple[Policy, ...] = ()


@dataclass(frozen=True, slots=True)
class ApiLogging:
    """Whether calls are logged, and how."""

    enabled: bool = False
    obfuscate_urls: bool = False
    omit_health_checks: bool = False


@dataclass(frozen=True, slots=True)
class Workflow:
    """Limits of the workflow engine; none is unlimited, or kept for ever."""

    max_concurrent_workflows: int | None = None
    max_concurrent_activities: int | None = None
    """Both the smaller of what the sidecar and what all sidecars of the app may have under way."""
    workflow_limits: Mapping[str, int] = field(default_factory=dict)
    activity_limits: Mapping[str, int] = field(default_factory=dict)
    """By name."""
    retention: Mapping[str, float] = field(default_factory=dict)
    """For how many seconds instances are kept that ended `completed`, `failed`, `terminated`, or anyhow."""


DEFAULT_FEATURES = {"HotReload": True, "WorkflowsRemoteActivityReminder": True}


@dataclass(frozen=True, slots=True)
class Configuration:
    """`kind: Configuration`, with daprd's defaults."""

    tracing: Tracing = Tracing()
    http_pipeline: tuple[Handler, ...] = ()
    app_http_pipeline: tuple[Handler, ...] = ()
    secret_scopes: Mapping[str, SecretScope] = field(default_factory=dict)
    """By the name of the store."""
    access_control: AccessControl | None = None
    api_allowed: tuple[ApiRule, ...] = ()
    api_denied: tuple[ApiRule, ...] = ()
    features: Mapping[str, bool] = field(default_factory=lambda: dict(DEFAULT_FEATURES))
    denied_components: tuple[str, ...] = ()
    """`state.redis` or `state.redis/v1`."""
    metrics_enabled: bool | None = None
    api_logging: ApiLogging = ApiLogging()
    name_resolution: str = ""
    name_resolution_settings: Mapping[str, Any] = field(default_factory=dict)
    workflow: Workflow = Workflow()

    @property
    def enabled_features(self) -> tuple[str, ...]:
        """What GetMetadata lists."""
        return tuple(name for name, enabled in self.features.items() if enabled)

    def denies(self, component_type: str, version: str) -> bool:
        """Whether components of a type and version are not to be loaded."""
        if not self.denied_components:
            return False
        if not version:  # with a deny list, a component must say its version (dapr pkg/runtime/authorizer)
            return True
        return component_type in self.denied_components or f"{component_type}/{version}" in self.denied_components


_HANDLER = Struct("config.HandlerSpec", {"name": TEXT, "type": TEXT, "version": TEXT})
_PIPELINE = Struct("config.PipelineSpec", {"handlers": ListOf(_HANDLER)})
_API = ListOf(Struct("config.APIAccessRule", {"name": TEXT, "version": TEXT, "protocol": TEXT}))
_LIMIT = Struct("config.WorkflowConcurrencyLimit", {"name": TEXT, "maxConcurrent": INT32})
_OTEL = Struct(
    "config.OtelSpec",
    {"endpointAddress": TEXT, "protocol": TEXT, "isSecure": BOOL, "headers": Dynamic(), "timeout": Dynamic()},
)
_METRICS = Struct(
    "config.MetricSpec",
    {
        "enabled": BOOL,
        "recordErrorCodes": BOOL,
        "http": Struct(
            "config.MetricHTTP", {"increasedCardinality": BOOL, "pathMatching": ListOf(TEXT), "excludeVerbs": BOOL}
        ),
        "rules": Dynamic(),
        "latencyDistributionBuckets": ListOf(INT),
    },
)
_SECRET_SCOPE = Struct(
    "config.SecretsScope",
    {"storeName": TEXT, "defaultAccess": TEXT, "allowedSecrets": ListOf(TEXT), "deniedSecrets": ListOf(TEXT)},
)
_OPERATION = Struct("config.AppOperation", {"name": TEXT, "httpVerb": ListOf(TEXT), "action": TEXT})
_POLICY = Struct(
    "config.AppPolicySpec",
    {
        "appId": TEXT,
        "defaultAction": TEXT,
        "trustDomain": TEXT,
        "namespace": TEXT,
        "operations": ListOf(_OPERATION),
    },
)
SCHEMA = Struct(
    "config.Configuration",
    {
        "metadata": Dynamic(),
        "spec": Struct(
            "config.ConfigurationSpec",
            {
                "tracing": Struct(
                    "config.TracingSpec",
                    {
                        "samplingRate": TEXT,
                        "stdout": BOOL,
                        "zipkin": Struct("config.ZipkinSpec", {"endpointAddress": TEXT}),
                        "otel": _OTEL,
                    },
                ),
                "httpPipeline": _PIPELINE,
                "appHttpPipeline": _PIPELINE,
                "mtls": Struct("config.MTLSSpec", {"enabled": BOOL, "workloadCertTTL": TEXT, "allowedClockSkew": TEXT}),
                "metric": _METRICS,
                "metrics": _METRICS,
                "secrets": Struct("config.SecretsSpec", {"scopes": ListOf(_SECRET_SCOPE)}),
                "accessControl": Struct(
                    "config.AccessControlSpec",
                    {"defaultAction": TEXT, "trustDomain": TEXT, "policies": ListOf(_POLICY)},
                ),
                "nameResolution": Struct(
                    "config.NameResolutionSpec", {"component": TEXT, "version": TEXT, "configuration": Dynamic()}
                ),
                "features": ListOf(Struct("config.FeatureSpec", {"name": Scalar("config.Feature"), "enabled": BOOL})),
                "api": Struct("config.APISpec", {"allowed": _API, "denied": _API}),
                "components": Struct("config.ComponentsSpec", {"deny": ListOf(TEXT)}),
                "logging": Struct(
                    "config.LoggingSpec",
                    {
                        "apiLogging": Struct(
                            "config.APILoggingSpec",
                            {"enabled": BOOL, "obfuscateURLs": BOOL, "omitHealthChecks": BOOL},
                        )
                    },
                ),
                "wasm": Struct("config.WasmSpec", {"strictSandbox": BOOL}),
                "workflow": Struct(
                    "config.WorkflowSpec",
                    {
                        "maxConcurrentWorkflowInvocations": INT32,
                        "maxConcurrentActivityInvocations": INT32,
                        "globalMaxConcurrentWorkflowInvocations": INT32,
                        "globalMaxConcurrentActivityInvocations": INT32,
                        "workflowConcurrencyLimits": ListOf(_LIMIT),
                        "activityConcurrencyLimits": ListOf(_LIMIT),
                        "stateRetentionPolicy": Struct(
                            "config.WorkflowStateRetentionPolicy",
                            dict.fromkeys(("anyTerminal", "completed", "failed", "terminated"), DURATION),
                        ),
                    },
                ),
            },
        ),
    },
)


def load(paths: Iterable[str | Path], environment: Mapping[str, str]) -> Configuration:
    """The configuration that some files make together: what a later one says holds, lists as a whole."""
    merged: dict[str, Any] = {}
    for given in paths:
        path = Path(given)
        if not path.exists():
            raise _refused(f"stat {given}: no such file or directory")
        if path.is_dir():
            raise _refused(f"read {given}: is a directory")
        _overlay(merged, parse(path.read_text(encoding="utf-8"), environment, str(given)))
    return from_document(merged)


def parse(text: str, environment: Mapping[str, str], source: str = "the configuration") -> dict[str, Any]:
    """The decoded document of a configuration; `$VAR` and `${VAR}` are replaced first."""
    try:
        node = compose(expand(text, environment), v3=True)
        decoder = Decoder(json=False)
        document = decoder.decode(node, SCHEMA) or {}
    except YamlError as error:
        raise _refused(str(error), f"{source}, line {error.line}" if error.line else source) from error
    complaints = decoder.duplicates + [mismatch.in_yaml_words for mismatch in decoder.mismatches]
    if complaints:
        hint = "; ".join(mismatch.hint() for mismatch in decoder.mismatches)
        raise _refused("yaml: unmarshal errors:\n  " + "\n  ".join(complaints), f"{source}: {hint}" if hint else source)
    return document


def from_document(document: Mapping[str, Any]) -> Configuration:
    """The configuration of a decoded document."""
    spec = document.get("spec") or {}
    tracing, api = spec.get("tracing") or {}, spec.get("api") or {}
    logging = (spec.get("logging") or {}).get("apiLogging") or {}
    metrics = {**(spec.get("metric") or {}), **(spec.get("metrics") or {})}
    otel = tracing.get("otel") or {}
    return Configuration(
        tracing=Tracing(
            sampling_rate=tracing.get("samplingRate") or "",
            stdout=bool(tracing.get("stdout")),
            zipkin_endpoint=(tracing.get("zipkin") or {}).get("endpointAddress") or "",
            otel_endpoint=otel.get("endpointAddress") or "",
            otel_protocol=otel.get("protocol") or "",
        ),
        http_pipeline=_handlers(spec.get("httpPipeline")),
        app_http_pipeline=_handlers(spec.get("appHttpPipeline")),
        secret_scopes=_secret_scopes((spec.get("secrets") or {}).get("scopes")),
        access_control=_access_control(spec.get("accessControl")),
        api_allowed=_api_rules(api.get("allowed")),
        api_denied=_api_rules(api.get("denied")),
        features=DEFAULT_FEATURES
        | {part.get("name") or "": bool(part.get("enabled")) for part in _parts(spec.get("features"))},
        denied_components=tuple((spec.get("components") or {}).get("deny") or ()),
        metrics_enabled=metrics.get("enabled"),
        api_logging=ApiLogging(
            bool(logging.get("enabled")), bool(logging.get("obfuscateURLs")), bool(logging.get("omitHealthChecks"))
        ),
        name_resolution=(spec.get("nameResolution") or {}).get("component") or "",
        name_resolution_settings=(spec.get("nameResolution") or {}).get("configuration") or {},
        workflow=_workflow(spec.get("workflow") or {}),
    )


def _parts(items: Any) -> list[Mapping[str, Any]]:
    return [item or {} for item in items or ()]


def _handlers(pipeline: Mapping[str, Any] | None) -> tuple[Handler, ...]:
    return tuple(
        Handler(part.get("name") or "", part.get("type") or "", part.get("version") or "")
        for part in _parts((pipeline or {}).get("handlers"))
    )


def _api_rules(rules: Any) -> tuple[ApiRule, ...]:
    return tuple(
        ApiRule(rule.get("name") or "", rule.get("version") or "", rule.get("protocol") or "") for rule in _parts(rules)
    )


def _secret_scopes(scopes: Any) -> dict[str, SecretScope]:
    found: dict[str, SecretScope] = {}
    for part in sorted(_parts(scopes), key=lambda part: part.get("storeName") or ""):
        store, access = part.get("storeName") or "", part.get("defaultAccess") or ""
        if store in found:
            raise _refused(f"{store} storeName is repeated in secrets configuration")
        if access.lower() not in ("", "allow", "deny"):
            raise _refused(f"defaultAccess {access} can be either allow or deny")
        allowed, denied = part.get("allowedSecrets") or (), part.get("deniedSecrets") or ()
        found[store] = SecretScope(store, access, frozenset(allowed), frozenset(denied))
    return found


def _access_control(part: Mapping[str, Any] | None) -> AccessControl | None:
    if part is None:
        return None
    policies = tuple(
        Policy(
            app_id=policy.get("appId") or "",
            default_action=policy.get("defaultAction") or "",
            trust_domain=policy.get("trustDomain") or "",
            namespace=policy.get("namespace") or "",
            operations=tuple(
                Operation(
                    operation.get("name") or "",
                    tuple(verb or "" for verb in operation.get("httpVerb") or ()),
                    operation.get("action") or "",
                )
                for operation in _parts(policy.get("operations"))
            ),
        )
        for policy in _parts(part.get("policies"))
    )
    _check_policies(policies)
    return AccessControl(part.get("defaultAction") or "", part.get("trustDomain") or "", policies)


def _check_policies(policies: Sequence[Policy]) -> None:
    # dapr pkg/acl/acl.go, ParseAccessControlSpec: the one message that names all that is missing.
    nameless = any(not policy.app_id for policy in policies)
    domainless = [policy.app_id for policy in policies if policy.app_id and not policy.trust_domain]
    spaceless = [policy.app_id for policy in policies if policy.app_id and not policy.namespace]
    if nameless or domainless or spaceless:
        raise StartupError(
            f"invalid access control spec. missing trustdomain for apps: [{' '.join(domainless)}], "
            f"missing namespace for apps: [{' '.join(spaceless)}], "
            f"missing app name on at least one of the app policies: {str(nameless).lower()}"
        )


def _workflow(part: Mapping[str, Any]) -> Workflow:
    def limits(name: str) -> dict[str, int]:
        return {item.get("name") or "": item.get("maxConcurrent") or 0 for item in _parts(part.get(name))}

    def limit(kind: str) -> int | None:
        """The limit of a kind; what is not positive is none."""
        found = (part.get(f"maxConcurrent{kind}Invocations"), part.get(f"globalMaxConcurrent{kind}Invocations"))
        return min((one for one in found if one and one > 0), default=None)

    return Workflow(
        max_concurrent_workflows=limit("Workflow"),
        max_concurrent_activities=limit("Activity"),
        workflow_limits=limits("workflowConcurrencyLimits"),
        activity_limits=limits("activityConcurrencyLimits"),
        retention={
            ending: seconds
            for ending, seconds in (part.get("stateRetentionPolicy") or {}).items()
            if seconds is not None
        },
    )


def _overlay(under: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Lay one document over another as yaml.v3 does when it decodes into the same struct twice."""
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            _overlay(under[key], value)
        else:
            under[key] = value


_VARIABLE = re.compile(r"\$(?:\{([^}]*)\}|(\{)|([*#$@!?\-0-9])|([A-Za-z_][A-Za-z0-9_]*))")


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Replace `$VAR` and `${VAR}` as Go's os.ExpandEnv does: unknown ones by nothing, and so `$$` or `$1`."""
    return _VARIABLE.sub(lambda match: environment.get(match[1] or match[3] or match[4] or "", ""), text)


def _refused(reason: str, hint: str = "") -> StartupError:
    return StartupError(f"error loading configuration: {reason}", hint=hint)
