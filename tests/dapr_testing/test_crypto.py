"""`dapr_sidecar.crypto`: keys that a test adds, documents by hand, and what was made and opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from dapr_client import DaprClient, DaprGrpcError, DecryptOptions, EncryptOptions
from dapr_testing import DaprSidecar
from fakesidecar import Component
from fakesidecar.errors import ComponentError, CryptoFailed, DocumentError

KEYS = Path(__file__).parents[1] / "parity" / "files" / "crypto" / "keys"
SECRET = b"the secret"

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Alpha:UserWarning"),
    pytest.mark.dapr(
        components=[
            Component("keys", "crypto.in-memory", metadata={"declared": "A" * 43}),
            Component("files", "crypto.dapr.localstorage", metadata={"path": str(KEYS)}),
            Component("set", "crypto.dapr.jwks", metadata={"jwks": str(KEYS / "jwks.json")}),
            Component("vault", "crypto.azure.keyvault", metadata={"vaultName": "shop"}),
        ]
    ),
]

PROVIDERS = ("keys", "files", "set", "vault")


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("kind", "algorithm"), [("AES", "A256KW"), ("RSA", "RSA-OAEP-256")])
def test_a_key_that_is_added_is_used(
    dapr_sidecar: DaprSidecar, dapr_client: DaprClient, provider: str, kind: str, algorithm: str
) -> None:
    dapr_sidecar.crypto.add_key(provider, "mine", kind=kind)  # type: ignore[arg-type]
    document = dapr_client.encrypt(SECRET, EncryptOptions(provider, "mine", algorithm)).read()
    assert dapr_sidecar.crypto.decrypt(provider, document) == SECRET
    mine = dapr_sidecar.crypto.encrypt(provider, "mine", SECRET.decode(), cipher="chacha20-poly1305")
    assert dapr_client.decrypt(mine, DecryptOptions(provider)).read() == SECRET
    done = [(one.name, one.provider, one.key, one.algorithm, one.cipher) for one in dapr_sidecar.crypto.operations]
    assert done == [
        ("encrypt", provider, "mine", algorithm, "AES-GCM"),
        ("decrypt", provider, "mine", algorithm, "CHACHA20-POLY1305"),
    ]
    assert [(one.data, one.size, one.complete) for one in dapr_sidecar.crypto.operations] == [(SECRET, 10, True)] * 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_key_that_is_added_comes_first_until_the_test_ends(dapr_sidecar: DaprSidecar, provider: str) -> None:
    name = {"keys": "declared", "files": "aes256.bin", "set": "aes", "vault": "any"}[provider]
    before = dapr_sidecar.crypto.encrypt(provider, name, SECRET)
    with_another = dapr_sidecar.snapshot()
    dapr_sidecar.crypto.add_key(provider, name, bytes(range(32)))
    with pytest.raises(DocumentError, match="failed to validate the document's signature"):
        dapr_sidecar.crypto.decrypt(provider, before)
    assert dapr_sidecar.crypto.decrypt(provider, dapr_sidecar.crypto.encrypt(provider, name, SECRET)) == SECRET
    dapr_sidecar.restore(with_another)
    assert dapr_sidecar.crypto.decrypt(provider, before) == SECRET
    dapr_sidecar.crypto.add_key(provider, name, bytes(range(32)))
    dapr_sidecar.reset()
    if provider != "vault":  # whose keys are made up, and forgotten
        assert dapr_sidecar.crypto.decrypt(provider, before) == SECRET


def test_the_keys_are_known(dapr_sidecar: DaprSidecar) -> None:
    assert dapr_sidecar.crypto.keys("keys") == ["declared"]
    assert {"aes256.bin", "rsa2048.pem"} <= set(dapr_sidecar.crypto.keys("files"))
    assert {"aes", "rsa"} <= set(dapr_sidecar.crypto.keys("set"))
    dapr_sidecar.crypto.add_key("vault", "mine", (KEYS / "rsa2048.pem").read_text())
    assert dapr_sidecar.crypto.keys("vault") == ["mine"]


def test_what_is_no_key_is_not_added(dapr_sidecar: DaprSidecar) -> None:
    with pytest.raises(ComponentError, match="key is empty"):
        dapr_sidecar.crypto.add_key("keys", "mine", b"")
    with pytest.raises(ComponentError, match="failed to unmarshal JSON"):
        dapr_sidecar.crypto.add_key("keys", "mine", '{"kty": "oct", "k": 7}')
    assert dapr_sidecar.crypto.keys("keys") == ["declared"]
    with pytest.raises(CryptoFailed, match="key not found"):
        dapr_sidecar.crypto.encrypt("keys", "mine", SECRET, algorithm="AES")


def test_what_failed_is_told_apart(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    large = bytes(range(256)) * 1000
    document = bytearray(dapr_sidecar.crypto.encrypt("keys", "declared", large))
    document[-1] ^= 1
    with pytest.raises(DaprGrpcError):
        dapr_client.decrypt(document, DecryptOptions("keys")).read()
    with pytest.raises(DaprGrpcError):
        dapr_client.decrypt(b"nonsense", DecryptOptions("keys")).read()
    damaged, nonsense = dapr_sidecar.crypto.operations
    assert (damaged.complete, damaged.size, damaged.key) == (False, 3 << 16, "declared")
    assert damaged.data == large[: 1 << 16]
    assert (nonsense.complete, nonsense.size, nonsense.key, nonsense.algorithm) == (False, 0, "", "")
