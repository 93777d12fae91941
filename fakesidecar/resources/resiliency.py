"""Resiliency: named timeouts, retries and circuit breakers, and what they guard.

Durations and conditions stay the texts that they are in YAML: daprd, too, finds out later that one is no good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fakesidecar.resources._yaml import INT, NAME, TEXT, ListOf, MapOf, Struct
from fakesidecar.resources.component import META


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again: `policy` is `constant` or `exponential`."""

    policy: str = ""
    duration: str = ""
    max_interval: str = ""
    max_retries: int | None = None
    """None and -1: without end."""
    http_status_codes: str = ""
    """`429,500-599`: only these are tried again; empty: all that fail."""
    grpc_status_codes: str = ""


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Stop trying for `timeout` when `trip` holds."""

    max_requests: int = 0
    interval: str = ""
    timeout: str = ""
    trip: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """The names of the policies that guard something."""

    timeout: str = ""
    retry: str = ""
    circuit_breaker: str = ""
    circuit_breaker_scope: str = ""
    """For actors: `type`, `id` or `both`."""
    circuit_breaker_cache_size: int = 0


@dataclass(frozen=True, slots=True)
class ComponentTarget:
    """The policies of a component, by direction."""

    outbound: Target = Target()
    inbound: Target = Target()


@dataclass(frozen=True, slots=True)
class Resiliency:
    """`kind: Resiliency`."""

    name: str = ""
    timeouts: Mapping[str, str] = field(default_factory=dict)
    retries: Mapping[str, Retry] = field(default_factory=dict)
    circuit_breakers: Mapping[str, CircuitBreaker] = field(default_factory=dict)
    apps: Mapping[str, Target] = field(default_factory=dict)
    actors: Mapping[str, Target] = field(default_factory=dict)
    components: Mapping[str, ComponentTarget] = field(default_factory=dict)
    scopes: Sequence[str] = ()
    namespace: str = ""
    source: str = ""


_RETRY = Struct(
    "v1alpha1.Retry",
    {
        "policy": TEXT,
        "duration": TEXT,
        "maxInterval": TEXT,
        "maxRetries": INT,
        "matching": Struct("v1alpha1.RetryMatching", {"httpStatusCodes": TEXT, "gRPCStatusCodes": TEXT}),
    },
)
_BREAKER = Struct("v1alpha1.CircuitBreaker", {"maxRequests": INT, "interval": TEXT, "timeout": TEXT, "trip": TEXT})
_NAMES = {"timeout": TEXT, "retry": TEXT, "circuitBreaker": TEXT}
_DIRECTION = Struct("v1alpha1.PolicyNames", _NAMES)
_APP = Struct("v1alpha1.EndpointPolicyNames", {**_NAMES, "circuitBreakerCacheSize": INT})
_ACTOR = Struct("v1alpha1.ActorPolicyNames", {**_NAMES, "circuitBreakerScope": TEXT, "circuitBreakerCacheSize": INT})
_POLICIES = Struct(
    "v1alpha1.Policies", {"timeouts": MapOf(TEXT), "retries": MapOf(_RETRY), "circuitBreakers": MapOf(_BREAKER)}
)
_TARGETS = Struct(
    "v1alpha1.Targets",
    {
        "apps": MapOf(_APP),
        "actors": MapOf(_ACTOR),
        "components": MapOf(
            Struct("v1alpha1.ComponentPolicyNames", {"inbound": _DIRECTION, "outbound": _DIRECTION})
        ),
    },
)
SCHEMA = Struct(
    "v1alpha1.Resiliency",
    {
        "apiVersion": NAME,
        "kind": NAME,
        "metadata": META,
        "spec": Struct("v1alpha1.ResiliencySpec", {"policies": _POLICIES, "targets": _TARGETS}),
        "scopes": ListOf(NAME),
    },
)


def from_document(document: Mapping[str, Any], source: str) -> Resiliency:
    """What a decoded document declares."""
    meta, spec = document.get("metadata") or {}, document.get("spec") or {}
    policies, targets = spec.get("policies") or {}, spec.get("targets") or {}
    return Resiliency(
        name=meta.get("name") or "",
        timeouts={name: text or "" for name, text in (policies.get("timeouts") or {}).items()},
        retries={name: _retry(part or {}) for name, part in (policies.get("retries") or {}).items()},
        circuit_breakers={name: _breaker(part or {}) for name, part in (policies.get("circuitBreakers") or {}).items()},
        apps={name: _target(part) for name, part in (targets.get("apps") or {}).items()},
        actors={name: _target(part) for name, part in (targets.get("actors") or {}).items()},
        components={
            name: ComponentTarget(_target((part or {}).get("outbound")), _target((part or {}).get("inbound")))
            for name, part in (targets.get("components") or {}).items()
        },
        scopes=tuple(document.get("scopes") or ()),
        namespace=meta.get("namespace") or "",
        source=source,
    )


def _retry(part: Mapping[str, Any]) -> Retry:
    matching = part.get("matching") or {}
    return Retry(
        policy=part.get("policy") or "",
        duration=part.get("duration") or "",
        max_interval=part.get("maxInterval") or "",
        max_retries=part.get("maxRetries"),
        http_status_codes=matching.get("httpStatusCodes") or "",
        grpc_status_codes=matching.get("gRPCStatusCodes") or "",
    )


def _breaker(part: Mapping[str, Any]) -> CircuitBreaker:
    return CircuitBreaker(
        part.get("maxRequests") or 0, part.get("interval") or "", part.get("timeout") or "", part.get("trip") or ""
    )


def _target(part: Mapping[str, Any] | None) -> Target:
    part = part or {}
    return Target(
        timeout=part.get("timeout") or "",
        retry=part.get("retry") or "",
        circuit_breaker=part.get("circuitBreaker") or "",
        circuit_breaker_scope=part.get("circuitBreakerScope") or "",
        circuit_breaker_cache_size=part.get("circuitBreakerCacheSize") or 0,
    )
