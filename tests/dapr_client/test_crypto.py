"""Both clients encrypt and decrypt whatever they are given, over a port and in process, and lose none of it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dapr_client import DaprClient, DaprGrpcError, DecryptOptions, EncryptOptions, RetryPolicy
from dapr_client.aio import DaprClient as AsyncDaprClient
from dapr_client.crypto import PART_BYTES
from dapr_testing._inprocess import Channel, InProcessRpcError, Outcome
from dapr_testing._inprocess_aio import AioChannel
from fakesidecar import Component, Options, Sidecar

pytestmark = pytest.mark.filterwarnings("ignore:.*Alpha:UserWarning")

TOKEN = "let-me-in"
ENCRYPT = EncryptOptions(component_name="keys", key_name="aes", key_wrap_algorithm="AES")
DECRYPT = DecryptOptions(component_name="keys")
LARGE = bytes(range(251)) * 2000

Open = Callable[[], Any]


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    folder = tmp_path_factory.mktemp("keys")
    key = rsa.generate_private_key(65537, 2048)
    (folder / "rsa.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "aes").write_bytes(bytes(range(32)))
    (folder / "other").write_bytes(bytes(range(1, 33)))
    component = Component("keys", "crypto.dapr.localstorage", metadata={"path": str(folder)})
    with Sidecar(Options(api_token=TOKEN), components=[component]) as running:
        yield running


@pytest.fixture(params=["port", "in process"])
def open_client(request: pytest.FixtureRequest, sidecar: Sidecar, environment: None) -> Open:
    channel = None if request.param == "port" else Channel(sidecar.grpc)
    return lambda: DaprClient(channel=channel)


@pytest.fixture
def dapr(open_client: Open) -> Iterator[DaprClient]:
    with open_client() as client:
        yield client


@pytest.fixture(params=["port", "in process"])
async def aio(request: pytest.FixtureRequest, sidecar: Sidecar, environment: None) -> AsyncIterator[AsyncDaprClient]:
    channel = None if request.param == "port" else AioChannel(sidecar.grpc)
    async with AsyncDaprClient(channel=channel) as client:
        yield client


class Trickle:
    """A file that gives less than it is asked for."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, 1000))


class AsyncFile:
    """A file as async libraries have it."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    async def read(self, size: int) -> bytes:
        await asyncio.sleep(0)
        return self._file.read(size)


async def in_parts(data: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(data), 10_000):
        yield data[begin : begin + 10_000]


FORMS: dict[str, Callable[[bytes], Any]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "file": io.BytesIO,
    "trickle": Trickle,
    "list": lambda data: [data[:5], b"", data[5:]],
    "generator": lambda data: (data[begin : begin + 999] for begin in range(0, len(data), 999)),
}

ASYNC_FORMS: dict[str, Callable[[bytes], Any]] = {**FORMS, "async file": AsyncFile, "async parts": in_parts}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("data", [b"", b"x", LARGE], ids=len)
def test_data_in_any_form_come_back(dapr: DaprClient, form: str, data: bytes) -> None:
    document = dapr.encrypt(FORMS[form](data), ENCRYPT).read()
    assert document.startswith(b"dapr.io/enc/v1\n")
    assert dapr.decrypt(FORMS[form](document), DECRYPT).read() == data


@pytest.mark.parametrize("form", ASYNC_FORMS)
@pytest.mark.parametrize("data", [b"", b"x", LARGE], ids=len)
async def test_data_in_any_form_come_back_to_the_async_client(aio: AsyncDaprClient, form: str, data: bytes) -> None:
    make = ASYNC_FORMS[form]
    document = await (await aio.encrypt(make(data), ENCRYPT)).read()
    assert await (await aio.decrypt(make(document), DECRYPT)).read() == data


def test_text_is_encrypted_as_utf8(dapr: DaprClient) -> None:
    document = dapr.encrypt(iter(["grün ", "und blau"]), ENCRYPT).read()
    assert dapr.decrypt(document, DECRYPT).read() == "grün und blau".encode()
    assert dapr.decrypt(dapr.encrypt("ä" * PART_BYTES, ENCRYPT).read(), DECRYPT).read() == ("ä" * PART_BYTES).encode()


def test_an_answer_is_the_data_of_the_next_question(dapr: DaprClient) -> None:
    assert dapr.decrypt(dapr.encrypt(LARGE, ENCRYPT), DECRYPT).read() == LARGE


async def test_an_answer_is_the_data_of_the_next_question_of_the_async_client(aio: AsyncDaprClient) -> None:
    assert await (await aio.decrypt(await aio.encrypt(LARGE, ENCRYPT), DECRYPT)).read() == LARGE


def test_nothing_is_lost_however_it_is_read(dapr: DaprClient) -> None:
    document = dapr.encrypt(LARGE, ENCRYPT).read()
    answer = dapr.decrypt(document, DECRYPT)
    first = answer.read(5), answer.read(0), answer.read(70_000)
    assert [len(part) for part in first] == [5, 0, 70_000]
    iterated = next(answer)
    rest = answer.read()
    assert b"".join([*first, iterated, rest]) == LARGE
    assert (answer.read(), answer.read(3), list(answer)) == (b"", b"", [])
    answer = dapr.decrypt(document, DECRYPT)
    assert b"".join([answer.read(100), *answer]) == LARGE
    answer = dapr.decrypt(document, DECRYPT)
    assert b"".join(iter(lambda: answer.read(12_345), b"")) == LARGE
    assert dapr.decrypt(document, DECRYPT).read(None) == LARGE


async def test_nothing_is_lost_however_it_is_read_by_the_async_client(aio: AsyncDaprClient) -> None:
    document = await (await aio.encrypt(LARGE, ENCRYPT)).read()
    answer = await aio.decrypt(document, DECRYPT)
    first = await answer.read(5), await answer.read(70_000)
    iterated = await anext(answer)
    assert b"".join([*first, iterated, await answer.read()]) == LARGE
    assert await answer.read() == b""
    answer = await aio.decrypt(document, DECRYPT)
    assert await answer.read(100) + b"".join([part async for part in answer]) == LARGE


def test_the_options_are_heeded(dapr: DaprClient) -> None:
    def manifest(**options: Any) -> bytes:
        chosen = EncryptOptions(
            **{"component_name": "keys", "key_name": "aes", "key_wrap_algorithm": "A256KW", **options}
        )
        return dapr.encrypt(b"", chosen).read().split(b"\n")[1]

    assert manifest().startswith(b'{"k":"aes","kw":1,')
    assert manifest(key_name="rsa.pem", key_wrap_algorithm="RSA").startswith(b'{"k":"rsa.pem","kw":5,')
    assert b'"cph":2' in manifest(data_encryption_cipher="chacha20-poly1305")
    assert manifest(omit_decryption_key_name=True).startswith(b'{"kw":1,')
    assert manifest(decryption_key_name="other").startswith(b'{"k":"other",')


def test_what_is_missing_is_told_before_anything_is_sent(dapr: DaprClient) -> None:
    for missing in ("component_name", "key_name", "key_wrap_algorithm"):
        options: Any = {missing: " "}
        with pytest.raises(ValueError, match=f"{missing} name cannot be empty or blank"):
            dapr.encrypt(b"x", replace(ENCRYPT, **options))
    with pytest.raises(ValueError, match="component_name name cannot be empty or blank"):
        dapr.decrypt(b"x", DecryptOptions(component_name=""))
    nonsense: Any = 5
    with pytest.raises(TypeError, match="invalid data type <class 'int'>"):
        dapr.encrypt(nonsense, ENCRYPT)


@pytest.mark.filterwarnings("default")
def test_an_alpha_api_says_so(dapr: DaprClient) -> None:
    with pytest.warns(UserWarning, match="The Encrypt API is an Alpha version"):
        document = dapr.encrypt(b"x", ENCRYPT).read()
    with pytest.warns(UserWarning, match="The Decrypt API is an Alpha version"):
        dapr.decrypt(document, DECRYPT).close()


def test_a_refusal_is_raised_where_the_answer_is_read(dapr: DaprClient) -> None:
    answer = dapr.encrypt(b"x", EncryptOptions("keys", "lost", "AES"))
    with pytest.raises(DaprGrpcError, match="failed to load key 'lost'"):
        answer.read()
    document = dapr.encrypt(LARGE, ENCRYPT).read()
    with pytest.raises(DaprGrpcError, match="failed to validate the document's signature"):
        dapr.decrypt(document, DecryptOptions("keys", "other")).read()


def test_what_was_read_before_the_damage_is_right(dapr: DaprClient) -> None:
    document = bytearray(dapr.encrypt(LARGE, ENCRYPT).read())
    document[len(document) // 2] ^= 1
    answer = dapr.decrypt(document, DECRYPT)
    assert answer.read(3 * 65536) == LARGE[: 3 * 65536]
    with pytest.raises(DaprGrpcError, match="error processing segment 3: failed to decrypt segment"):
        answer.read()


class Broken(Exception):
    """The disk is gone."""


def broken() -> Iterator[bytes]:
    yield LARGE
    raise Broken


def test_what_goes_wrong_with_the_data_is_raised_as_it_is(dapr: DaprClient) -> None:
    with pytest.raises(Broken):
        dapr.encrypt(broken(), ENCRYPT).read()
    numbers: Any = [b"x", 5]
    with pytest.raises(TypeError, match="invalid data type <class 'int'>"):
        dapr.encrypt(numbers, ENCRYPT).read()
    with pytest.raises(TypeError, match="a sync client takes no async data"):
        dapr.encrypt(in_parts(b"x"), ENCRYPT).read()  # type: ignore[arg-type]  # that is the point


async def test_what_goes_wrong_with_the_data_of_the_async_client_is_raised_as_it_is(aio: AsyncDaprClient) -> None:
    with pytest.raises(Broken):
        await (await aio.encrypt(broken(), ENCRYPT)).read()


async def test_a_refusal_reaches_the_async_client_while_it_is_sending(aio: AsyncDaprClient) -> None:
    for data in (b"x", LARGE):
        with pytest.raises(DaprGrpcError, match="failed to load key 'lost'"):
            await (await aio.encrypt(data, EncryptOptions("keys", "lost", "AES"))).read()
    document = await (await aio.encrypt(LARGE, ENCRYPT)).read()
    with pytest.raises(DaprGrpcError, match="failed to validate the document's signature"):
        await (await aio.decrypt(document, DecryptOptions("keys", "other"))).read()


def counted(limit: int) -> tuple[list[int], Iterator[bytes]]:
    """Data without end, and how much of it was taken."""
    taken = [0]

    def give() -> Iterator[bytes]:
        while taken[0] < limit:
            taken[0] += 1
            yield bytes(PART_BYTES)

    return taken, give()


def test_no_more_is_taken_than_is_read(open_client: Open) -> None:
    taken, data = counted(1000)
    with open_client() as client:
        answer = client.encrypt(data, ENCRYPT)
        answer.read(10)
        read = 0
        for part in answer:
            read += len(part)
            assert taken[0] * PART_BYTES - read < 10 << 20
        assert taken[0] == 1000


def test_an_answer_that_is_closed_takes_no_more(dapr: DaprClient) -> None:
    taken, data = counted(100_000)
    with dapr.encrypt(data, ENCRYPT) as answer:
        answer.read(200_000)
    dapr.close()
    assert taken[0] < 1000


async def test_no_more_is_taken_than_is_read_by_the_async_client(aio: AsyncDaprClient) -> None:
    taken, data = counted(1000)
    async with await aio.encrypt(data, ENCRYPT) as answer:
        read = 0
        async for part in answer:
            read += len(part)
            assert taken[0] * PART_BYTES - read < 10 << 20
    assert taken[0] == 1000


class Refusal:
    """A call that a sidecar did not take."""

    def __next__(self) -> Any:
        raise InProcessRpcError(Outcome(grpc.StatusCode.UNAVAILABLE, "not now"))

    def cancel(self) -> bool:
        return False


class Unsteady(Channel):
    """A channel whose first calls fail, when the first of their data is taken."""

    def __init__(self, sidecar: Sidecar, failures: int) -> None:
        super().__init__(sidecar.grpc)
        self.failures = failures

    def stream_stream(self, *arguments: Any, **keywords: Any) -> Any:
        opened = super().stream_stream(*arguments, **keywords)

        def call(requests: Iterator[Any], *more: Any) -> Any:
            if not self.failures:
                return opened(requests, *more)
            self.failures -= 1
            next(requests)
            return Refusal()

        return call


def test_only_data_that_are_there_at_once_are_sent_again(sidecar: Sidecar) -> None:
    def client(failures: int) -> DaprClient:
        policy = RetryPolicy(max_attempts=3, sleep=lambda seconds: None)
        return DaprClient(channel=Unsteady(sidecar, failures), retry_policy=policy, api_token=TOKEN)

    with client(2) as dapr:
        document = dapr.encrypt(LARGE, ENCRYPT).read()
        assert dapr.decrypt(iter([document]), DECRYPT).read() == LARGE
    with client(1) as dapr, pytest.raises(DaprGrpcError, match="not now"):
        dapr.encrypt(iter([LARGE]), ENCRYPT).read()
