"""Crypto providers: keys in all their forms, sets of keys that change, what both doors say of what goes wrong."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from dapr_client import wire
from dapr_testing._inprocess import Channel
from fakesidecar.clock import VirtualClock
from fakesidecar.components.crypto import Sealed
from fakesidecar.components.crypto.keys import Key, parse_key
from fakesidecar.components.crypto.operations import SYMMETRIC, decrypt, encrypt
from fakesidecar.errors import ComponentError, CryptoFailed, CryptoKeyFailed, SubtleCryptoNotBuilt
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.resources.errors import StartupError
from fakesidecar.sidecar import Sidecar

from .doors import HOST, SECONDS, Refused, grpc_call, http_call, http_ok

AES_KEY = bytes(range(32))
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()


def pem(key: Any, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    text: bytes = key.private_bytes(Encoding.PEM, form, NoEncryption())
    return text


def public_pem(key: Any, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    text: bytes = key.public_key().public_bytes(Encoding.PEM, form)
    return text


def jwk(key: bytes = AES_KEY, **more: Any) -> dict[str, Any]:
    return {"kty": "oct", "k": base64.urlsafe_b64encode(key).decode().rstrip("="), **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"aes": AES_KEY, "rsa.pem": pem(RSA), "rsa-public.pem": public_pem(RSA), "ec.pem": pem(EC)}
    for name, content in {**files, "ed.pem": pem(ED25519), "short": b"short"}.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def made(folder: Path, **options: Any) -> Sidecar:
    return Sidecar(
        Options(**options), components=[Component("keys", "crypto.dapr.localstorage", metadata={"path": str(folder)})]
    )


@pytest.fixture
def core(folder: Path) -> Any:
    return made(folder, subtle_crypto=True).core


@pytest.fixture
def sidecar(folder: Path) -> Iterator[Sidecar]:
    with made(folder) as running:
        yield running


def jwks(value: str, **metadata: str) -> Any:
    clock = VirtualClock()
    spec = Component("set", "crypto.dapr.jwks", metadata={"jwks": value, **metadata})
    return Sidecar(components=[spec], clock=clock).core


def round_trip(core: Any, provider: str, key: str, algorithm: str = "A256KW") -> bytes:
    encrypter, decrypter = core.crypto.encrypter(provider, key, algorithm), core.crypto.decrypter(provider)
    document = [encrypter.header, *encrypter.feed(b"some text"), *encrypter.finish()]
    return b"".join([*decrypter.feed(b"".join(document)), *decrypter.finish()])


# --- keys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (AES_KEY, ""),
        (base64.b64encode(AES_KEY), ""),
        (base64.b64encode(AES_KEY) + b"\n\n", ""),
        (base64.b64encode(AES_KEY).rstrip(b"="), ""),
        (base64.urlsafe_b64encode(AES_KEY), ""),
        (json.dumps(jwk()).encode(), ".json"),
        (json.dumps(jwk()).encode(), ""),
    ],
)
def test_a_symmetric_key_is_read_in_any_form(content: bytes, suffix: str) -> None:
    assert parse_key(content, suffix).material == AES_KEY


def test_text_that_could_be_base64_is_taken_for_it() -> None:
    assert parse_key(b"x" * 32).material == base64.b64decode(b"x" * 32)
    assert parse_key(b" " + b"x" * 31).material == b" " + b"x" * 31


def certificate() -> bytes:
    name = x509.Name([])
    start = VirtualClock().time
    builder = x509.CertificateBuilder(name, name, EC.public_key(), 1, start, start)
    return builder.sign(EC, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (pem(RSA), RSA),
        (pem(RSA, PrivateFormat.TraditionalOpenSSL), RSA),
        (public_pem(RSA), RSA),
        (public_pem(RSA, PublicFormat.PKCS1), RSA),
        (pem(EC, PrivateFormat.TraditionalOpenSSL), EC),
        (public_pem(EC), EC),
        (pem(ED25519), ED25519),
        (certificate(), EC),
        (b"a word before\n" + pem(RSA), RSA),
    ],
)
def test_an_asymmetric_key_is_read_from_pem(content: bytes, key: Any) -> None:
    assert parse_key(content, ".pem").public == key.public_key()


@pytest.mark.parametrize(
    ("content", "suffix", "complaint"),
    [
        (b"", "", "key is empty"),
        (b"text", ".pem", "failed to parse PEM encoded key: failed to decode PEM data"),
        (b"-----BEGIN FOO-----\nMIIB\n-----END FOO-----\n", "", "invalid PEM block type FOO"),
        (b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", "", "failed to parse PKCS8 private key: "),
        (b'{"kty":"oct"', ".json", "failed to unmarshal JSON into key hint: unexpected EOF"),
        (b"[]", ".json", "cannot unmarshal array into Go value of type struct { Kty string"),
        (b"{}", "", "invalid key type from JSON ()"),
        (b'{"kty":"nope"}', "", "invalid key type from JSON (nope)"),
        (b'{"kty":"oct"}', "", "(*jwk.symmetricKey): required field k is missing"),
        (b'{"kty":"oct","k":5}', "", "failed to unmarshal JSON into key (*jwk.symmetricKey): "),
        (b'{"kty":"oct","k":"!!"}', "", "failed to unmarshal JSON into key (*jwk.symmetricKey): "),
        (b'{"kty":"RSA","n":"AA","d":"AA"}', "", "(*jwk.rsaPrivateKey): required field e is missing"),
        (b'{"kty":"oct","k":"AAAA","alg":5}', ".json", "failed to decode value for key alg"),
    ],
)
def test_what_is_no_key_is_refused(content: bytes, suffix: str, complaint: str) -> None:
    with pytest.raises(ComponentError) as caught:
        parse_key(content, suffix)
    assert complaint in str(caught.value)


def test_a_key_under_a_password_is_refused() -> None:
    text = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    with pytest.raises(ComponentError, match="invalid PEM block type ENCRYPTED PRIVATE KEY"):
        parse_key(text)


@pytest.mark.parametrize(
    "odd",
    [
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "nope", "x": "AA"},
        {"kty": "RSA", "n": "AA", "e": "AQAB"},
        {"kty": "oct", "k": ""},
    ],
)
def test_a_key_that_nothing_can_be_done_with_is_found_out_when_it_is_used(odd: dict[str, Any]) -> None:
    key = parse_key(json.dumps(odd).encode(), ".json")
    with pytest.raises(ComponentError, match="key type mismatch"):
        encrypt(key, "RSA-OAEP", b"x")


@pytest.mark.parametrize(
    ("purpose", "allowed"),
    [
        ({}, True),
        ({"use": "enc"}, True),
        ({"use": "sig"}, False),
        ({"use": "odd"}, False),
        ({"key_ops": ["wrapKey"]}, True),
        ({"key_ops": ["unwrapKey", "odd"]}, False),
        ({"use": "sig", "key_ops": ["wrapKey"]}, False),
        ({"alg": "A256KW"}, True),
        ({"alg": "A256GCM"}, False),
    ],
)
def test_a_key_is_used_for_what_it_says(purpose: dict[str, Any], allowed: bool) -> None:
    key = parse_key(json.dumps(jwk(**purpose)).encode(), ".json")
    if allowed:
        key.check("wrapKey", "A256KW")
    else:
        with pytest.raises(ComponentError, match="key cannot"):
            key.check("wrapKey", "A256KW")


# --- algorithms --------------------------------------------------------------------------------------------------

NONCES = {"XC20P": 24, "XC20PKW": 24, "C20P": 12, "C20PKW": 12}


@pytest.mark.parametrize("algorithm", sorted(SYMMETRIC))
def test_every_symmetric_algorithm_finds_its_way_back(algorithm: str) -> None:
    key = Key(bytes(range(SYMMETRIC[algorithm][0])))
    nonce = bytes(12 if "GCM" in algorithm else NONCES.get(algorithm, 16))
    plain, associated = bytes(range(24)), b"" if "KW" in algorithm else b"more"
    sealed = encrypt(key, algorithm, plain, nonce, associated)
    assert decrypt(key, algorithm, sealed, nonce, associated) == plain
    damaged = Sealed(sealed.data[:-1] + bytes([sealed.data[-1] ^ 1]), sealed.tag)
    if "CBC" not in algorithm or "HS" in algorithm:
        with pytest.raises(ComponentError):
            decrypt(key, algorithm, damaged, nonce, associated)
    with pytest.raises(ComponentError, match="key type mismatch"):
        encrypt(Key(b"x"), algorithm, plain, nonce)
    with pytest.raises(ComponentError, match="key type mismatch"):
        encrypt(Key(RSA), algorithm, plain, nonce)


def test_known_answers() -> None:
    """RFC 3394 4.6, RFC 7518 B.1, draft-irtf-cfrg-xchacha A.3.1."""
    wrapped = encrypt(
        Key(AES_KEY), "A256KW", bytes.fromhex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f")
    )
    assert wrapped.data.hex() == "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"
    plain = (
        b"A cipher system must not be required to be secret, and it must be able to fall into the hands of the enemy "
        b"without inconvenience"
    )
    nonce = bytes.fromhex("1af38c2dc2b96ffdd86694092341bc04")
    sealed = encrypt(Key(AES_KEY), "A128CBC-HS256", plain, nonce, b"The second principle of Auguste Kerckhoffs")
    assert sealed.tag.hex() == "652c3fa36b0a7c5b3219fab3a30bc1c4"
    key, nonce = bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58))
    sunscreen = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would "
        b"be it."
    )
    sealed = encrypt(Key(key), "XC20P", sunscreen, nonce, bytes.fromhex("50515253c0c1c2c3c4c5c6c7"))
    assert sealed.tag.hex() == "c0875924c1c7987947deafd8780acf49"


@pytest.mark.parametrize("algorithm", ["RSA1_5", "RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"])
def test_what_a_public_key_encrypts_the_private_one_decrypts(core: Any, algorithm: str) -> None:
    subtle = core.crypto.subtle
    sealed = subtle.encrypt("keys", "rsa-public.pem", algorithm, b"some text")
    assert subtle.decrypt("keys", "rsa.pem", algorithm, sealed) == b"some text"
    with pytest.raises(CryptoFailed, match=r"failed to decrypt$"):
        subtle.decrypt("keys", "rsa-public.pem", algorithm, sealed)


@pytest.mark.parametrize(
    ("algorithm", "key", "size"),
    [
        ("RS256", "rsa.pem", 32),
        ("PS384", "rsa.pem", 48),
        ("RS512", "rsa.pem", 64),
        ("ES256", "ec.pem", 32),
        ("EdDSA", "ed.pem", 9),
    ],
)
def test_what_is_signed_is_verified(core: Any, algorithm: str, key: str, size: int) -> None:
    subtle, digest = core.crypto.subtle, bytes(size)
    signature = subtle.sign("keys", key, algorithm, digest)
    assert subtle.verify("keys", key, algorithm, digest, signature)
    assert not subtle.verify("keys", key, algorithm, b"\x01" + digest[1:], signature)
    with pytest.raises(CryptoFailed, match=r"failed to sign$"):
        subtle.sign("keys", "aes", algorithm, digest)
    with pytest.raises(CryptoFailed, match=r"failed to verify signature$"):
        subtle.verify("keys", key, "ES384", digest, signature)


def test_public_keys_are_given_away_and_others_are_not(core: Any) -> None:
    subtle = core.crypto.subtle
    assert subtle.public_key("keys", "rsa.pem") == public_pem(RSA).decode()
    for name in ("rsa.pem", "ec.pem", "ed.pem"):
        said = json.loads(subtle.public_key("keys", name, as_jwk=True))
        assert "d" not in said
        assert (
            parse_key(json.dumps(said).encode(), ".json").public
            == parse_key((core.crypto.provider("keys")._folder / name).read_bytes()).public
        )
    with pytest.raises(CryptoKeyFailed, match="failed to retrieve key aes: key type mismatch"):
        subtle.public_key("keys", "aes")
    with pytest.raises(CryptoKeyFailed, match="failed to retrieve key lost: failed to load key 'lost'"):
        subtle.public_key("keys", "lost")


def test_the_operations_by_themselves_are_not_served_unless_asked_for(folder: Path) -> None:
    with pytest.raises(SubtleCryptoNotBuilt):
        made(folder).core.crypto.subtle.sign("keys", "rsa.pem", "RS256", bytes(32))


def test_both_doors_serve_the_operations(folder: Path) -> None:
    nonce, path = bytes(12), "/v1.0-alpha1/subtlecrypto/keys"
    with made(folder, subtle_crypto=True) as sidecar:
        asked: dict[str, Any] = {"component_name": "keys", "key_name": "aes"}
        sealed = grpc_call(
            sidecar,
            "SubtleEncryptAlpha1",
            plaintext=b"x",
            algorithm="A256GCM",
            nonce=nonce,
            associated_data=b"y",
            **asked,
        )
        said = {"ciphertext": sealed.ciphertext, "tag": sealed.tag, "nonce": nonce, "associatedData": b"y"}
        over_http = {name: base64.b64encode(value).decode() for name, value in said.items()}
        answer = http_ok(sidecar, "POST", f"{path}/decrypt", {"algorithm": "A256GCM", "keyName": "aes", **over_http})
        assert answer == {"plaintext": base64.b64encode(b"x").decode()}
        wrapped = http_ok(
            sidecar, "POST", f"{path}/wrapkey", {"algorithm": "A256KW", "keyName": "aes", "plaintextKey": "A" * 22}
        )
        key = grpc_call(
            sidecar,
            "SubtleUnwrapKeyAlpha1",
            algorithm="A256KW",
            wrapped_key=base64.b64decode(wrapped["wrappedKey"]),
            **asked,
        )
        assert key.plaintext_key == bytes(16)
        signed = http_ok(
            sidecar, "POST", f"{path}/sign", {"algorithm": "RS256", "keyName": "rsa.pem", "digest": "A" * 43}
        )
        verified = {"algorithm": "RS256", "keyName": "rsa.pem", "digest": "A" * 43, **signed}
        assert http_ok(sidecar, "POST", f"{path}/verify", verified) == {"valid": True}
        assert http_ok(sidecar, "POST", f"{path}/getkey", {"name": "rsa.pem"})["publicKey"] == public_pem(RSA).decode()
        with pytest.raises(Refused) as refused:
            grpc_call(sidecar, "SubtleSignAlpha1", algorithm="ROT13", **asked)
        assert refused.value == Refused("INTERNAL", "failed to perform operation: failed to sign")


# --- providers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "metadata", "complaint"),
    [
        ("localstorage", {}, "failed to load metadata: metadata property 'path' is required"),
        (
            "localstorage",
            {"path": "/nowhere"},
            "could not stat path '/nowhere': stat /nowhere: no such file or directory",
        ),
        ("localstorage", {"path": __file__}, f"path '{__file__}' is not a directory"),
        ("jwks", {}, "empty metadata properties"),
        ("jwks", {"jwks": ""}, "failed to load metadata: metadata property 'jwks' is required"),
        ("jwks", {"jwks": "nonsense"}, "failed to init cache: failed to parse property 'location': not a URL"),
        ("jwks", {"jwks": "[]"}, "not a URL, path to local file, or JSON value"),
        ("jwks", {"jwks": '{"keys":5}'}, "not a URL"),
        ("jwks", {"jwks": '{"keys":[{"kty":"oct"}]}'}, "not a URL"),
        ("jwks", {"jwks": "/tmp"}, "not a URL"),
        ("jwks", {"jwks": __file__}, "failed to init cache: failed to parse JWKS file: failed to unmarshal JWK set: "),
        ("jwks", {"jwks": "http://127.0.0.1:1/x"}, "failed to init cache: failed to fetch JWKS: failed to fetch"),
        (
            "jwks",
            {"jwks": "{}", "requestTimeout": "x"},
            "error decoding 'requestTimeout': time: invalid duration \"x\"\nstrconv.ParseInt",
        ),
    ],
)
def test_a_provider_that_is_declared_wrong_does_not_start(type_: str, metadata: dict[str, str], complaint: str) -> None:
    with pytest.raises(StartupError) as caught:
        Sidecar(components=[Component("bad", f"crypto.dapr.{type_}", metadata=metadata)])
    assert complaint in str(caught.value)


def test_the_keys_of_a_set_are_known_by_their_ids() -> None:
    text = json.dumps({"keys": [jwk(kid="one"), jwk(kid="two", alg="A256GCM")]})
    for value in (text, base64.b64encode(text.encode()).decode()):
        core = jwks(value)
        assert round_trip(core, "set", "one") == b"some text"
        with pytest.raises(CryptoFailed, match="key cannot be used with algorithm 'A256KW'"):
            round_trip(core, "set", "two")
        with pytest.raises(CryptoFailed, match="key not found"):
            round_trip(core, "set", "three")


def test_a_single_key_is_a_set_of_one() -> None:
    assert round_trip(jwks(json.dumps(jwk(kid="one"))), "set", "one") == b"some text"


def test_a_set_in_a_file_is_as_the_file_is_now(tmp_path: Path) -> None:
    file = tmp_path / "set.json"
    file.write_text(json.dumps({"keys": [jwk(kid="one")]}))
    core = jwks(str(file))
    file.write_text(json.dumps({"keys": [jwk(kid="two")]}))
    assert round_trip(core, "set", "two") == b"some text"
    file.write_text("{")
    assert round_trip(core, "set", "two") == b"some text"


class Keys(ThreadingHTTPServer):
    """Answers with a set of keys."""

    def __init__(self) -> None:
        self.asked = 0
        self.keys = [jwk(kid="one")]
        super().__init__((HOST, 0), Door)


class Door(BaseHTTPRequestHandler):
    server: Keys

    def do_GET(self) -> None:
        self.server.asked += 1
        body = json.dumps({"keys": self.server.keys}).encode()
        self.send_response(200 if self.server.keys else 503)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (named so by the base class)
        """Nobody wants to know."""


@pytest.fixture
def web() -> Iterator[Keys]:
    with Keys() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_set_at_an_address_is_asked_for_again_after_a_while(web: Keys) -> None:
    core = jwks(f"http://{HOST}:{web.server_port}/keys", minRefreshInterval="1m")
    assert core.blocking("crypto", "set")
    assert round_trip(core, "set", "one") == b"some text"
    web.keys = [jwk(kid="two")]
    core.clock.advance(59)
    assert round_trip(core, "set", "one") == b"some text"
    assert web.asked == 1
    core.clock.advance(1)
    assert round_trip(core, "set", "two") == b"some text"
    assert web.asked == 2
    web.keys = []
    core.clock.advance(60)
    assert round_trip(core, "set", "two") == b"some text"
    assert web.asked == 3


# --- the doors ---------------------------------------------------------------------------------------------------


def converse(sidecar: Sidecar, name: str, *messages: dict[str, Any]) -> bytes:
    """What comes back when these are sent."""
    method = wire.method(wire.DAPR, name)
    with grpc.insecure_channel(f"{HOST}:{sidecar.grpc_port}") as channel:
        call: Any = channel.stream_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        try:
            answers: list[Any] = list(call(iter(method.request(**fields) for fields in messages), timeout=SECONDS))
        except grpc.RpcError as error:
            raise Refused(error.code().name, error.details() or "") from error
    assert [answer.payload.seq for answer in answers] == list(range(len(answers)))
    return b"".join(answer.payload.data for answer in answers)


def put(sidecar: Sidecar, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection(HOST, sidecar.http_port, timeout=SECONDS)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("PUT", f"/v1.0-alpha1/crypto/{path}", body, named)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_what_one_door_encrypts_the_other_decrypts(sidecar: Sidecar) -> None:
    plain = bytes(range(256)) * 1000
    options = {
        "component_name": "keys",
        "key_name": "rsa-public.pem",
        "key_wrap_algorithm": "rsa",
        "decryption_key_name": "rsa.pem",
    }
    document = converse(sidecar, "EncryptAlpha1", {"options": options, "payload": {"data": plain}})
    assert put(sidecar, "keys/decrypt", document) == (200, plain)
    status, document = put(
        sidecar,
        "keys/encrypt",
        plain,
        dapr_key_name="aes",
        dapr_key_wrap_algorithm="aes",
        dapr_omit_decryption_key_name="yes",
    )
    assert status == 200
    options = {"component_name": "keys", "key_name": "aes"}
    assert converse(sidecar, "DecryptAlpha1", {"options": options, "payload": {"data": document}}) == plain


def test_a_body_that_is_too_large_is_refused_before_it_is_believed(folder: Path) -> None:
    with made(folder, max_body_size=1000) as sidecar:
        status, body = put(sidecar, "keys/encrypt", bytes(2000), dapr_key_name="aes", dapr_key_wrap_algorithm="AES")
        assert (status, json.loads(body)) == (500, {"errorCode": "ERROR", "message": "stream too large"})
        status, body = put(sidecar, "keys/decrypt", b"x\n" * 1000)
        assert json.loads(body)["message"] == "failed to perform operation: invalid header: unsupported scheme"


def test_a_client_that_says_nothing_is_not_waited_for(folder: Path) -> None:
    clock = VirtualClock()
    spec = Component("keys", "crypto.dapr.localstorage", metadata={"path": str(folder)})
    method = wire.method(wire.DAPR, "EncryptAlpha1")
    with (
        Sidecar(components=[spec], clock=clock) as sidecar,
        grpc.insecure_channel(f"{HOST}:{sidecar.grpc_port}") as channel,
    ):
        silence = threading.Event()
        opened: Any = channel.stream_stream(method.path)
        call = opened(iter(silence.wait, True), timeout=SECONDS)
        try:
            while not clock.pending():
                assert call.is_active()
            clock.advance(5)
            assert call.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert call.details() == "invalid request: error waiting for first message: context deadline exceeded"
        finally:
            silence.set()


def test_nothing_is_left_waiting_when_a_client_goes(folder: Path) -> None:
    clock = VirtualClock()
    spec = Component("keys", "crypto.dapr.localstorage", metadata={"path": str(folder)})
    channel: Any = Channel(Sidecar(components=[spec], clock=clock).grpc)
    silence = threading.Event()
    call = channel.stream_stream(wire.method(wire.DAPR, "DecryptAlpha1").path)(iter(silence.wait, True))
    assert clock.pending() == 1
    call.cancel()
    assert clock.pending() == 0
    silence.set()


def test_an_unknown_provider_is_named(sidecar: Sidecar) -> None:
    assert http_call(sidecar, "PUT", "/v1.0-alpha1/crypto/lost/decrypt")[1] == {
        "errorCode": "ERR_CRYPTO_PROVIDER_NOT_FOUND",
        "message": "crypto provider lost not found",
    }


def test_keys_may_be_asked_for_over_the_network_while_a_document_comes(web: Keys) -> None:
    spec = Component("set", "crypto.dapr.jwks", metadata={"jwks": f"http://{HOST}:{web.server_port}/"})
    with Sidecar(components=[spec]) as sidecar:
        options = {"component_name": "set", "key_name": "one", "key_wrap_algorithm": "AES"}
        parts = [{"payload": {"data": bytes(50_000), "seq": number}} for number in range(10)]
        document = converse(sidecar, "EncryptAlpha1", {"options": options}, *parts)
        assert put(sidecar, "set/decrypt", document) == (200, bytes(500_000))
