"""HTTP middleware that counts, and middleware that asks who it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from fakesidecar import Component, Sidecar, VirtualClock
from fakesidecar.resources.configuration import Configuration, Handler
from fakesidecar.resources.errors import StartupError
from fakesidecar.resources.load import Resources
from tests.http_server import serving

ASKED = "/v1.0/metadata"


@contextmanager
def piped(kind: str, metadata: dict[str, str]) -> Iterator[tuple[Sidecar, httpx.Client]]:
    configuration = Configuration(http_pipeline=(Handler("it", kind),))
    component = Component("it", kind, metadata=metadata)
    with (
        Sidecar(
            components=[component], resources=Resources(configuration=configuration), clock=VirtualClock()
        ) as sidecar,
        httpx.Client(base_url=f"http://127.0.0.1:{sidecar.http_port}") as client,
    ):
        yield sidecar, client


def test_so_many_requests_pass_and_no_more_until_time_has_passed() -> None:
    with piped("middleware.http.ratelimit", {"maxRequestsPerSecond": "2"}) as (sidecar, client):
        answers = [client.get(ASKED) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
        last = answers[-1]
        assert last.text == "You have reached maximum request limit."
        assert (last.headers["ratelimit-limit"], last.headers["x-rate-limit-limit"]) == ("2", "2.00")
        assert last.headers["x-rate-limit-request-remote-addr"].startswith("127.0.0.1:")
        assert client.get("/v1.0/healthz").status_code == 204  # another path
        assert isinstance(sidecar.clock, VirtualClock)
        sidecar.clock.advance(0.5)
        assert [client.get(ASKED).status_code for _ in range(2)] == [200, 429]
        sidecar.reset()
        assert client.get(ASKED).status_code == 200


@pytest.mark.parametrize(
    ("kind", "metadata", "told"),
    [
        ("ratelimit", {"maxRequestsPerSecond": "0"}, "metadata property maxRequestsPerSecond must be a positive value"),
        ("ratelimit", {"maxRequestsPerSecond": "x"}, 'strconv.ParseFloat: parsing "x": invalid syntax'),
        ("bearer", {"issuer": "i"}, "metadata property 'audience' is required"),
        ("bearer", {"audience": "a"}, "metadata property 'issuer' is required"),
        (
            "bearer",
            {"audience": "a", "issuer": "http://127.0.0.1:1"},
            "failed to retrieve OpenID Configuration document",
        ),
        ("bearer", {"clientID": "a", "issuerURL": "i", "jwksURL": "http://127.0.0.1:1"}, "failed to fetch JWKS"),
    ],
)
def test_what_is_missing_or_no_good_is_told(kind: str, metadata: dict[str, str], told: str) -> None:
    with pytest.raises(StartupError) as refused, piped(f"middleware.http.{kind}", metadata):
        """Not reached."""
    assert told in str(refused.value)


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "made for a test", "alg": "RS256"})


@pytest.fixture(scope="module")
def issuer(key: RSAKey) -> Iterator[str]:
    """Where an issuer tells of its keys."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            where = f"http://{self.headers['host']}"
            said: Any = {"jwks_uri": f"{where}/keys"}
            if self.path == "/keys":
                said = {"keys": [key.as_dict(private=False)]}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *arguments: Any) -> None:
            """The output of the tests stays clean."""

    with serving(Answers) as port:
        yield f"http://127.0.0.1:{port}"


def test_only_who_brings_a_good_token_passes(key: RSAKey, issuer: str) -> None:
    other = RSAKey.generate_key(2048, {"kid": "made for a test", "alg": "RS256"})
    with piped("middleware.http.bearer", {"issuer": issuer, "audience": "shop"}) as (sidecar, client):
        now = int(sidecar.clock.now())
        good = {"iss": issuer, "aud": "shop", "exp": now + 600}

        def status(claims: dict[str, Any], signed: RSAKey = key, scheme: str = "Bearer") -> int:
            token = jwt.encode({"alg": "RS256", "kid": "made for a test"}, claims, signed)
            return client.get(ASKED, headers={"authorization": f"{scheme} {token}"}).status_code

        passes = [good, {**good, "aud": ["x", "shop"]}, {**good, "exp": now - 60}, {**good, "nbf": now + 60}]
        assert [status(claims) for claims in passes] == [200] * 4
        assert status(good, scheme="bearer") == 200
        refused = [
            {**good, "aud": "x"},
            {**good, "iss": "x"},
            {**good, "exp": now - 400},
            {**good, "nbf": now + 600},
        ]
        assert [status(claims) for claims in refused] == [401] * 4
        assert status(good, signed=other) == 401
        for header in ({}, {"authorization": "Basic abc"}, {"authorization": "Bearer x"}):
            answer = client.get(ASKED, headers=header)
            assert (answer.status_code, answer.text) == (401, "Unauthorized")
        assert isinstance(sidecar.clock, VirtualClock)
        sidecar.clock.advance(700)  # the keys are read again, and time has passed for the token, too
        assert (status(good), status({**good, "exp": now + 1000})) == (200, 200)
        sidecar.clock.advance(300)
        assert status(good) == 401
