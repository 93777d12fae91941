"""Configurations: sections, files over files, and what is refused, as recorded from daprd."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakesidecar.options import Options
from fakesidecar.resources import Configuration, StartupError, load
from fakesidecar.resources.configuration import (
    AccessControl,
    ApiRule,
    Handler,
    Operation,
    Policy,
    SecretScope,
    expand,
)

HEAD = "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\nspec:\n"


def configured(tmp_path: Path, *texts: str) -> Configuration:
    paths = []
    for number, text in enumerate(texts):
        paths.append(tmp_path / f"{number}.yaml")
        paths[-1].write_text(text)
    return load(Options(config_paths=tuple(paths), environment={"RATE": "1"})).configuration


def refusal(tmp_path: Path, text: str) -> StartupError:
    with pytest.raises(StartupError) as caught:
        configured(tmp_path, text)
    return caught.value


def test_every_section_is_read(tmp_path: Path) -> None:
    found = configured(
        tmp_path,
        HEAD
        + """
  tracing: {samplingRate: $RATE, zipkin: {endpointAddress: "http://z"}}
  httpPipeline: {handlers: [{name: up, type: middleware.http.uppercase}]}
  secrets: {scopes: [{storeName: vault, defaultAccess: Deny, allowedSecrets: [a]}]}
  accessControl:
    defaultAction: deny
    trustDomain: public
    policies: [{appId: x, trustDomain: t, namespace: n, operations: [{name: /o, httpVerb: [GET], action: allow}]}]
  features: [{name: HotReload, enabled: false}, {name: Unheard, enabled: yes}]
  api: {allowed: [{name: state, version: v1.0, protocol: http}]}
  metrics: {enabled: false}
  logging: {apiLogging: {enabled: true, obfuscateURLs: true}}
  workflow: {maxConcurrentWorkflowInvocations: 3, activityConcurrencyLimits: [{name: a, maxConcurrent: 2}]}
""",
    )
    assert (found.tracing.sampling_rate, found.tracing.zipkin_endpoint) == ("1", "http://z")
    assert found.http_pipeline == (Handler("up", "middleware.http.uppercase"),)
    assert found.secret_scopes == {"vault": SecretScope("vault", "Deny", frozenset({"a"}))}
    policy = Policy("x", trust_domain="t", namespace="n", operations=(Operation("/o", ("GET",), "allow"),))
    assert found.access_control == AccessControl("deny", "public", (policy,))
    assert found.enabled_features == ("WorkflowsRemoteActivityReminder", "Unheard")
    assert found.api_allowed == (ApiRule("state", "v1.0", "http"),)
    assert (found.metrics_enabled, found.api_logging.obfuscate_urls) == (False, True)
    assert (found.workflow.max_concurrent_workflows, found.workflow.activity_limits) == (3, {"a": 2})


@pytest.mark.parametrize("text", [" ", "kind: Component\n", HEAD + "  colours: {sky: blue}\n", HEAD])
def test_what_is_unknown_or_empty_changes_nothing(tmp_path: Path, text: str) -> None:
    assert configured(tmp_path, text) == Configuration()


def test_a_later_file_is_laid_over_an_earlier_one(tmp_path: Path) -> None:
    first = HEAD + "  api: {denied: [{name: state}], allowed: [{name: a}]}\n  features: [{name: A, enabled: true}]\n"
    second = HEAD + "  api: {allowed: [{name: b}]}\n  features: [{name: B, enabled: true}]\n"
    found = configured(tmp_path, first, second)
    assert (found.api_denied, found.api_allowed) == ((ApiRule("state"),), (ApiRule("b"),))
    assert "A" not in found.features
    assert configured(tmp_path, first, HEAD + "  api: null\n").api_denied == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: b: c", "yaml: mapping values are not allowed in this context"),
        (
            HEAD + "  tracing: [1]\n",
            "yaml: unmarshal errors:\n  line 5: cannot unmarshal !!seq into config.TracingSpec",
        ),
        (
            HEAD + "  features: [{name: [1]}]\n  tracing: 5\n",
            (
                "yaml: unmarshal errors:\n  line 5: cannot unmarshal !!seq into config.Feature\n"
                "  line 6: cannot unmarshal !!int `5` into config.TracingSpec"
            ),
        ),
        (
            "just text\n",
            "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `just text` into config.Configuration",
        ),
        (
            HEAD + "  metrics: {enabled: maybe}",
            "yaml: unmarshal errors:\n  line 5: cannot unmarshal !!str `maybe` into bool",
        ),
        (
            HEAD + "  secrets: {scopes: [{storeName: a}, {storeName: a}]}",
            "a storeName is repeated in secrets configuration",
        ),
        (
            HEAD + "  secrets: {scopes: [{storeName: a, defaultAccess: Maybe}]}",
            "defaultAccess Maybe can be either allow or deny",
        ),
    ],
)
def test_a_configuration_is_refused_in_daprds_words(tmp_path: Path, text: str, complaint: str) -> None:
    assert refusal(tmp_path, text).message == f"error loading configuration: {complaint}"


def test_the_hint_names_file_field_and_value(tmp_path: Path) -> None:
    error = refusal(tmp_path, HEAD + "  metrics: {enabled: maybe}")
    assert error.hint == f"{tmp_path}/0.yaml: spec.metrics.enabled is maybe, line 5"


def test_policies_must_be_complete(tmp_path: Path) -> None:
    error = refusal(tmp_path, HEAD + "  accessControl: {policies: [{appId: x, trustDomain: ''}]}")
    assert error.message == (
        "invalid access control spec. missing trustdomain for apps: [x], missing namespace for apps: [x], "
        "missing app name on at least one of the app policies: false"
    )


def test_a_file_that_is_not_there_is_named_as_it_was_given() -> None:
    with pytest.raises(StartupError) as caught:
        load(Options(config_paths=("./absent.yaml",)))
    assert caught.value.message == "error loading configuration: stat ./absent.yaml: no such file or directory"


@pytest.mark.parametrize(
    ("text", "expanded"),
    [("$A-${A}", "1-1"), ("$NONE.", "."), ("$$ ${} ${ x", "   x"), ("$(a) $", "$(a) $"), ("$1a", "a")],
)
def test_variables_are_expanded_as_go_does(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1"}) == expanded


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (SecretScope("s"), True),
        (SecretScope("s", "DENY"), False),
        (SecretScope("s", "deny", allowed=frozenset({"x"})), True),
        (SecretScope("s", allowed=frozenset({"y"})), False),
        (SecretScope("s", denied=frozenset({"x"})), False),
    ],
)
def test_a_scope_says_which_secrets_may_be_seen(scope: SecretScope, allowed: bool) -> None:
    assert scope.allows("x") is allowed
