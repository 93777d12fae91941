"""daprd's flags: read as pflag reads them, checked as daprd checks them."""

from __future__ import annotations

from typing import Any

import pytest

from fakesidecar import flags
from fakesidecar.options import AppHealth
from fakesidecar.resources import StartupError

ENVIRONMENT = {"NAMESPACE": "prod", "DAPR_API_TOKEN": "t", "APP_API_TOKEN": "a", "FAKESIDECAR_REDIS": "real"}


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--app-id=x"], "app-id", "x"),
        (["--app-id", "x"], "app-id", "x"),
        (["-app-id", "x"], "app-id", "x"),
        (["--app-id="], "app-id", ""),
        (["--app-id=a=b"], "app-id", "a=b"),
        (["other", "--app-id=x"], "app-id", "x"),
        (["--", "--app-id=x"], "app-id", ""),
        (["--enable-mtls"], "enable-mtls", True),
        (["--enable-metrics=false"], "enable-metrics", False),
        (["--enable-metrics=0"], "enable-metrics", False),
        (["--app-health-threshold=0x10"], "app-health-threshold", 16),
        (["--app-health-threshold=017"], "app-health-threshold", 15),
        (["--app-max-concurrency", "-1"], "app-max-concurrency", -1),
        (["--config=a", "--config=b,c"], "config", ("a", "b", "c")),
        (["--config", '"a,b",c'], "config", ("a,b", "c")),
        (["--config="], "config", ()),
        (["--actors-disseminate-timeout=1m30s"], "actors-disseminate-timeout", "1m30s"),
        ([], "dapr-http-port", "3500"),
    ],
)
def test_flags_are_read_as_go_reads_them(arguments: list[str], name: str, value: Any) -> None:
    assert flags.parse(arguments)[name] == value


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--no-such=1"], "unknown flag: --no-such"),
        (["-x"], "unknown shorthand flag: 'x' in -x"),
        (["-xy"], "unknown flag: --xy"),
        (["--=x"], "bad flag syntax: --=x"),
        (["---x"], "bad flag syntax: ---x"),
        (["--app-id"], "flag needs an argument: --app-id"),
        (
            ["--app-health-threshold=lots"],
            (
                'invalid argument "lots" for "--app-health-threshold" flag: '
                'strconv.ParseInt: parsing "lots": invalid syntax'
            ),
        ),
        (
            ["--scheduler-job-streams=-1"],
            'invalid argument "-1" for "--scheduler-job-streams" flag: strconv.ParseUint: parsing "-1": invalid syntax',
        ),
        (
            ["--enable-mtls=maybe"],
            'invalid argument "maybe" for "--enable-mtls" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        (
            ["--actors-disseminate-timeout=soon"],
            'invalid argument "soon" for "--actors-disseminate-timeout" flag: time: invalid duration "soon"',
        ),
        (
            ["--config", '"a'],
            (
                'invalid argument "\\"a" for "--config" flag: parse error on line 1, column 3: '
                'extraneous or missing " in quoted-field'
            ),
        ),
        (
            ["--config", 'a"b'],
            'invalid argument "a\\"b" for "--config" flag: parse error on line 1, column 2: bare " in non-quoted-field',
        ),
    ],
)
def test_what_cannot_be_read_is_told_as_pflag_tells_it(arguments: list[str], complaint: str) -> None:
    with pytest.raises(flags.UsageError) as caught:
        flags.parse(arguments)
    assert str(caught.value) == complaint


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["--help=false"], ["--help", "--no-such"]])
def test_help_is_found_on_the_way(arguments: list[str]) -> None:
    with pytest.raises(flags.HelpWanted):
        flags.parse(arguments)


def test_deprecated_flags_work_and_are_told() -> None:
    parsed = flags.parse(["--components-path", "x", "--app-ssl"])
    assert parsed.notes == [
        "Flag --components-path has been deprecated, use --resources-path",
        "Flag --app-ssl has been deprecated, use '--app-protocol https|grpcs'",
    ]
    options = flags.settings(flags.parse(["--app-id=a", "--components-path=x", "--app-ssl"]), {}).options
    assert (options.resources_paths, options.app_protocol) == (("x",), "https")


def test_the_usage_aligns_types_and_defaults() -> None:
    lines = flags.usage().splitlines()
    assert lines[0] == "Usage of daprd:"
    protocol = next(line for line in lines if "--app-protocol" in line)
    assert protocol.split(maxsplit=2) == [
        "--app-protocol",
        "string",
        'Protocol for the application: grpc, grpcs, http, https, h2c (default "http")',
    ]
    assert "      --enable-metrics                             Enable prometheus metric (default true)" in lines
    assert not any("components-path" in line for line in lines)


def test_everything_after_the_first_word_can_be_somebody_elses() -> None:
    parsed = flags.parse(["--app-id", "x", "python", "-u", "app.py"], interspersed=False)
    assert (parsed["app-id"], parsed.rest) == ("x", ["python", "-u", "app.py"])
    assert flags.parse(["--app-id", "x", "--", "-u", "a"], interspersed=False).rest == ["-u", "a"]


def meaning(*arguments: str, **environment: str) -> flags.Settings:
    return flags.settings(flags.parse(["--app-id=a", *arguments]), environment)


def test_flags_and_environment_make_options() -> None:
    settings = meaning(
        "--dapr-http-port=1",
        "--dapr-grpc-port=2",
        "--dapr-listen-addresses=127.0.0.1, ::1",
        "--app-port=3",
        "--app-protocol=GRPC",
        "--enable-app-health-check",
        "--app-health-probe-interval=0",
        "--app-health-probe-timeout=300",
        "--max-body-size=1Ki",
        "--resources-path=r",
        "--resources-path=s",
        "--scheduler-host-address=x:1,y:2",
        **ENVIRONMENT,
    )
    options = settings.options
    assert (options.http_port, options.grpc_port, options.app_port) == (1, 2, 3)
    assert options.listen_addresses == ("127.0.0.1", "::1")
    assert options.app_protocol == "grpc"
    assert options.app_health == AppHealth(timeout=0.3)
    assert (options.max_body_size, options.read_buffer_size) == (1024, 4096)
    assert options.resources_paths == ("r", "s")
    assert options.scheduler_host_address == "x:1,y:2"
    assert (options.namespace, options.api_token, options.app_api_token) == ("prod", "t", "a")
    assert (options.redis, settings.virtual_clock) == ("real", False)
    assert (options.environment["APP_ID"], options.environment["DAPR_HTTP_PORT"]) == ("a", "1")


def test_nobody_else_can_call_unless_an_address_says_so() -> None:
    assert meaning().options.listen_addresses == ("127.0.0.1",)
    assert meaning("--dapr-listen-addresses=0.0.0.0").options.listen_addresses == ("0.0.0.0",)


def test_old_size_flags_count_in_their_units() -> None:
    options = meaning("--dapr-http-max-request-size=10", "--dapr-http-read-buffer-size=8").options
    assert (options.max_body_size, options.read_buffer_size) == (10 << 20, 8 << 10)


def test_the_clock_can_be_virtual() -> None:
    assert meaning(FAKESIDECAR_CLOCK="virtual").virtual_clock


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--app-id="], "parameter app-id cannot be empty"),
        (["--app-id=a.b"], "parameter app-id cannot contain dots"),
        (["--dapr-http-port=lots"], 'error parsing dapr-http-port flag: strconv.Atoi: parsing "lots": invalid syntax'),
        (["--dapr-grpc-port="], 'error parsing dapr-grpc-port flag: strconv.Atoi: parsing "": invalid syntax'),
        (["--app-port=x"], 'error parsing app-port: strconv.Atoi: parsing "x": invalid syntax'),
        (["--dapr-public-port=x"], 'error parsing dapr-public-port: strconv.Atoi: parsing "x": invalid syntax'),
        (["--metrics-port=x"], 'failed to parse metrics port: strconv.Atoi: parsing "x": invalid syntax'),
        (["--app-port=3500"], "the 'dapr-http-port' argument value 3500 conflicts with 'app-port'"),
        (["--app-protocol=smoke"], "invalid value for 'app-protocol': smoke"),
        (["--disable-init-endpoints=foo"], "invalid value for 'disable-init-endpoints': foo"),
        (["--mode=floating"], "invalid mode: floating"),
        (
            ["--enable-app-health-check", "--app-health-probe-interval=1", "--app-health-probe-timeout=2000"],
            "value for 'health-probe-timeout' must be smaller than 'health-probe-interval'",
        ),
        (
            ["--max-body-size=x"],
            (
                "invalid value for 'max-body-size' option: quantities must match the regular expression "
                "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            ),
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_daprds_words(arguments: list[str], complaint: str) -> None:
    with pytest.raises(StartupError) as caught:
        meaning(*arguments)
    assert caught.value.message == complaint


def test_an_unknown_value_of_our_own_variables_is_refused() -> None:
    with pytest.raises(StartupError, match="invalid value for FAKESIDECAR_REDIS: fake"):
        meaning(FAKESIDECAR_REDIS="fake")


def test_subtle_crypto_is_served_when_a_variable_says_so() -> None:
    assert not meaning().options.subtle_crypto
    assert meaning(FAKESIDECAR_SUBTLE_CRYPTO="on").options.subtle_crypto
    with pytest.raises(StartupError, match="invalid value for FAKESIDECAR_SUBTLE_CRYPTO: yes"):
        meaning(FAKESIDECAR_SUBTLE_CRYPTO="yes")
