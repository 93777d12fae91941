"""What of a resources folder is loaded, in which order, and what is refused, as recorded from daprd."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from fakesidecar.options import Options
from fakesidecar.resources import Component, Configuration, SecretRef, StartupError, Subscription, load
from fakesidecar.resources.subscription import BulkSubscribe, Rule

LOADER = "fakesidecar.runtime.loader.disk"
GOOD = """
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: good}
spec: {type: state.in-memory, version: v1}
"""


def named(name: str, **changes: str) -> str:
    text = GOOD.replace("good", name)
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def names(*texts: str, app_id: str = "golden", namespace: str = "") -> list[str]:
    options = Options(app_id=app_id, namespace=namespace)
    return [component.name for component in load(options, texts).components]


@pytest.fixture(autouse=True)
def _warnings_are_seen(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("fakesidecar").propagate = True
    caplog.set_level(logging.DEBUG, logger="fakesidecar")


def test_files_come_in_the_order_of_their_names_and_secret_stores_first(tmp_path: Path) -> None:
    vault = named("vault").replace("state.in-memory", "secretstores.local.env")
    write(tmp_path, b=named("two"), a=f"{named('one')}---\n{vault}")
    loaded = load(Options(resources_paths=(str(tmp_path),)))
    assert [component.name for component in loaded.components] == ["vault", "one", "two"]
    assert loaded.components[1].source == f"{tmp_path}/a.yaml, document 1, line 1"


def test_only_yaml_files_directly_in_the_folder_are_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "deeper").mkdir()
    write(tmp_path / "deeper", a=named("deeper"))
    (tmp_path / "a.yml").write_text(named("yml"))
    (tmp_path / "a.txt").write_text(named("txt"))
    loaded = load(Options(resources_paths=(tmp_path,)))
    assert [component.name for component in loaded.components] == ["yml"]
    assert "A non-YAML Component file a.txt was detected, it will not be loaded" in caplog.text


def test_a_folder_that_is_not_there_is_named_as_it_was_given() -> None:
    with pytest.raises(StartupError) as caught:
        load(Options(resources_paths=("./absent",)))
    assert caught.value.message == (
        "failed to create watcher: failed to add target ./absent: no such file or directory"
    )


@pytest.mark.parametrize(
    "other",
    [
        "this: is: not: yaml",
        "apiVersion: dapr.io/v1alpha1\n\tkind: Component\n",
        "just text",
        "apiVersion: dapr.io/v1alpha1\nkind: Gadget\nmetadata: {name: g}",
        "metadata: {name: g}\nspec: {type: state.in-memory}",
        named("lower").replace("kind: Component", "kind: component"),
        named("future").replace("v1alpha1", "v9"),
        GOOD.replace("metadata: {name: good}", "metadata: {}"),
        named("Odd Name/1"),
        GOOD.replace("good", "map").replace("version: v1", "metadata: {a: b}"),
    ],
)
def test_what_is_no_component_is_skipped(other: str) -> None:
    assert names(f"{GOOD}\n---\n{other}\n---\n{named('after')}") == ["good", "after"]


def test_a_broken_document_is_named_with_file_field_and_value(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, a=GOOD + "---\n" + named("b").replace("version: v1", "ignoreErrors: 'perhaps'"))
    load(Options(resources_paths=(tmp_path,)))
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        (
            f"daprd load Component error when parsing manifests yaml resource in {tmp_path}/a.yaml: "
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go struct field "
            "ComponentSpec.spec.ignoreErrors of type bool (spec.ignoreErrors is perhaps, line 11)"
        )
    ]


def test_a_file_in_which_no_resiliency_can_be_looked_for_is_an_error_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    policy = "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: p}\nspec: 5\n"
    write(tmp_path, a="a: {\n---\n" + GOOD, b=policy, c=GOOD.replace("good", "better") + "---\na: {\n")
    found = load(Options(resources_paths=(tmp_path,)))
    assert [component.name for component in found.components] == ["good", "better"]
    assert [(record.name, record.levelname, record.getMessage().partition(":")[0]) for record in caplog.records] == [
        ("fakesidecar.runtime", "ERROR", "Could not determine resource type"),
        (LOADER, "WARNING", f"daprd load Component error when parsing manifests yaml resource in {tmp_path}/a.yaml"),
        ("fakesidecar.runtime", "ERROR", f"Could not parse resiliency file {tmp_path}/b.yaml"),
        (LOADER, "WARNING", f"daprd load Component error when parsing manifests yaml resource in {tmp_path}/c.yaml"),
    ]


@pytest.mark.parametrize(
    ("scopes", "seen"), [("[golden, other]", ["good"]), ("[other]", []), ("[Golden]", []), ("[]", ["good"])]
)
def test_scopes_say_which_applications_see_a_component(scopes: str, seen: list[str]) -> None:
    assert names(f"{GOOD}scopes: {scopes}") == seen


@pytest.mark.parametrize(("mine", "seen"), [("", ["good"]), ("near", []), ("far", ["good"])])
def test_a_namespace_counts_when_both_sides_have_one(mine: str, seen: list[str]) -> None:
    assert names(GOOD.replace("name: good", "name: good, namespace: far"), namespace=mine) == seen


@pytest.mark.parametrize(
    ("second", "existing"),
    [
        (GOOD, "good (state.in-memory/v1)"),
        (GOOD.replace("state.in-memory", "pubsub.in-memory"), "good (pubsub.in-memory/v1)"),
        (f"{GOOD}scopes: [other]", "good (state.in-memory/v1)"),
    ],
)
def test_two_components_of_one_name_are_fatal(second: str, existing: str) -> None:
    with pytest.raises(StartupError) as caught:
        names(GOOD, second)
    assert caught.value.message == (
        f"failed to load components: duplicate definition of Component name {existing} "
        "with existing good (state.in-memory/v1)"
    )


def test_a_component_is_read_in_full() -> None:
    (component,) = load(
        Options(app_id="shop"),
        [
            """
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: store, namespace: prod}
            Spec:
              type: state.redis
              version: v1
              ignoreErrors: true
              initTimeout: 5
              metadata:
              - {name: a, value: 5}
              - {name: b, value: yes}
              - {name: c, value: [1, "x"]}
              - {name: d}
              - {name: e, value: "it's"}
              - {name: f, secretKeyRef: {name: s, key: k}}
              - {name: g, envRef: HOME}
            auth: {secretStore: vault}
            scopes: [shop]
            """
        ],
    ).components
    assert component == Component(
        "store",
        "state.redis",
        "v1",
        metadata={"a": "5", "b": "true", "c": '[1,"x"]', "d": "", "e": "it's", "f": "", "g": ""},
        secret_refs={"f": SecretRef("s", "k")},
        env_refs={"g": "HOME"},
        secret_store="vault",
        scopes=("shop",),
        namespace="prod",
        ignore_errors=True,
        init_timeout="5",
        source="the text given, document 1, line 1",
    )


def test_both_versions_of_a_subscription_say_the_same() -> None:
    head = "kind: Subscription\nmetadata: {name: s}\nspec: {pubsubname: bus, topic: t, "
    bulk = "bulkSubscribe: {enabled: true, maxMessagesCount: 7}, "
    one, two = load(
        Options(),
        [
            f"apiVersion: dapr.io/v1alpha1\n{head}{bulk}route: /t}}",
            f"apiVersion: dapr.io/v2alpha1\n{head}{bulk}routes: {{rules: [{{match: 'x', path: /x}}], default: /t}}}}",
        ],
    ).subscriptions
    expected = Subscription(
        "bus", "t", (Rule("/t"),), bulk_subscribe=BulkSubscribe(True, 7), name="s", source=one.source
    )
    assert one == expected
    assert (two.rules, two.bulk_subscribe) == ((Rule("/x", "x"), Rule("/t")), one.bulk_subscribe)


def test_resiliency_is_kept_even_when_a_policy_is_no_good() -> None:
    text = (
        "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: r}\n"
        "spec: {policies: {timeouts: {t: soon}, "
        "retries: {r: {maxRetries: 3, matching: {httpStatusCodes: '500-599'}}}}, "
        "targets: {apps: {other: {retry: absent}}, components: {s: {outbound: {timeout: t}}}}}"
    )
    (found,) = load(Options(), [text]).resiliencies
    assert found.timeouts == {"t": "soon"}
    assert (found.retries["r"].max_retries, found.retries["r"].http_status_codes) == (3, "500-599")
    assert (found.apps["other"].retry, found.components["s"].outbound.timeout) == ("absent", "t")


def test_two_endpoints_of_one_name_cost_all_endpoints() -> None:
    text = "apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata: {name: e}\nspec: {baseUrl: http://x}\n"
    assert [endpoint.base_url for endpoint in load(Options(), [text]).http_endpoints] == ["http://x"]
    assert load(Options(), [text, text]).http_endpoints == []


def test_resources_can_be_given_in_python() -> None:
    store = Component("store", "state.in-memory")
    settings = Configuration(denied_components=("state.redis/v1",))
    loaded = load(Options(), [store, Component("other", "state.redis"), settings])
    assert (loaded.components, loaded.configuration) == ([store], settings)


@pytest.mark.parametrize("denied", ["state.in-memory", "state.in-memory/v1"])
def test_a_deny_list_hides_components_and_those_without_a_version(tmp_path: Path, denied: str) -> None:
    (tmp_path / "c.yaml").write_text(f'spec: {{components: {{deny: ["{denied}"]}}}}')
    options = Options(config_paths=(tmp_path / "c.yaml",))
    versionless = Component("bare", "state.sqlite", version="")
    allowed = Component("fine", "state.sqlite")
    assert load(options, [GOOD, versionless, allowed]).components == [allowed]
