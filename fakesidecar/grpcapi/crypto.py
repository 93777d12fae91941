"""The crypto API over gRPC (dapr pkg/api/grpc/crypto.go, subtlecrypto.go)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dapr_client.wire import crypto_pb2
from fakesidecar.components.crypto import Sealed
from fakesidecar.core import Core
from fakesidecar.errors import CryptoFailed, DocumentError, InvalidRequest
from fakesidecar.grpcapi.registry import Context, Stream, serves

if TYPE_CHECKING:
    from fakesidecar.core.crypto_document import Converter, Decrypter, Encrypter

FIRST_MESSAGE_SECONDS = 5.0

# --- documents ---------------------------------------------------------------------------------------------------


@serves("EncryptAlpha1", call="crypto.encrypt", component="options.component_name", target="options.key_name")
def encrypt(core: Core, stream: Stream) -> None:
    _Encryption(core, stream)


@serves("DecryptAlpha1", call="crypto.decrypt", component="options.component_name", target="options.key_name")
def decrypt(core: Core, stream: Stream) -> None:
    _Decryption(core, stream)


class _Conversion(ABC):
    """A stream that is answered with what becomes of it, as it comes."""

    response: type[Any]

    def __init__(self, core: Core, stream: Stream) -> None:
        self._core = core
        self._stream = stream
        self._converter: Converter | None = None
        self._expected = 0
        self._sent = 0
        stream.paced, stream.blocking = True, core.crypto.waits()
        stream.on_message, stream.on_half_close = self._receive, self._end
        self._waiting = core.clock.call_later(FIRST_MESSAGE_SECONDS, self._miss_first)
        stream.on_close = self._waiting.cancel

    @abstractmethod
    def _begin(self, options: Any) -> Converter:
        """Begin as the options say."""

    def _miss_first(self) -> None:
        self._stream.fail(InvalidRequest(cause="error waiting for first message: context deadline exceeded"))

    def _receive(self, message: Any) -> None:
        if self._converter is None:
            self._waiting.cancel()
            self._converter = self._admit(message)
        elif message.HasField("options"):
            self._refuse_options()
        if message.HasField("payload"):
            if message.payload.seq != self._expected:
                raise CryptoFailed(
                    cause=f"invalid sequence number received: {message.payload.seq} (expected: {self._expected})"
                )
            self._expected += 1
            self._send(self._converter.feed(message.payload.data))

    def _admit(self, first: Any) -> Converter:
        if not first.HasField("options"):
            raise InvalidRequest(cause="first message does not contain the required options")
        return self._begin(first.options)

    def _refuse_options(self) -> None:
        raise CryptoFailed(cause="options found in non-leading message")

    def _end(self) -> None:
        if self._converter is None:
            raise CryptoFailed(cause="error receiving the first message: EOF")
        self._send(self._converter.finish())
        self._stream.finish()

    def _send(self, chunks: Iterable[bytes]) -> None:
        try:
            for chunk in chunks:
                message = self.response()
                message.payload.data, message.payload.seq = chunk, self._sent
                self._sent += 1
                self._stream.send(message)
        except DocumentError as error:
            raise CryptoFailed(cause=error) from error


class _Encryption(_Conversion):
    response = crypto_pb2.EncryptResponse

    def _begin(self, options: crypto_pb2.EncryptRequestOptions) -> Encrypter:
        if not options.key_name:
            raise InvalidRequest(cause="missing property 'keyName' in the options message")
        if not options.key_wrap_algorithm:
            raise InvalidRequest(cause="missing property 'keyWrapAlgorithm' in the options message")
        encrypter = self._core.crypto.encrypter(
            options.component_name,
            options.key_name,
            options.key_wrap_algorithm,
            cipher=options.data_encryption_cipher,
            key_name="" if options.omit_decryption_key_name else options.decryption_key_name or None,
        )
        self._send([encrypter.header])
        return encrypter


class _Decryption(_Conversion):
    response = crypto_pb2.DecryptResponse

    def _begin(self, options: crypto_pb2.DecryptRequestOptions) -> Decrypter:
        self._decrypter = self._core.crypto.decrypter(options.component_name, options.key_name)
        return self._decrypter

    def _refuse_options(self) -> None:
        if not self._decrypter.opened:
            self._send(self._decrypter.finish())  # what is said then is that the header does not end
        super()._refuse_options()


# --- the operations by themselves --------------------------------------------------------------------------------


@serves("SubtleGetKeyAlpha1", call="crypto.get_key", component="component_name", target="name")
def get_key(core: Core, request: crypto_pb2.SubtleGetKeyRequest, context: Context) -> crypto_pb2.SubtleGetKeyResponse:
    as_jwk = request.format == crypto_pb2.SubtleGetKeyRequest.JSON
    key = core.crypto.subtle.public_key(request.component_name, request.name, as_jwk=as_jwk)
    return crypto_pb2.SubtleGetKeyResponse(name=request.name, public_key=key)


@serves("SubtleEncryptAlpha1", call="crypto.subtle_encrypt", component="component_name", target="key_name")
def subtle_encrypt(
    core: Core, request: crypto_pb2.SubtleEncryptRequest, context: Context
) -> crypto_pb2.SubtleEncryptResponse:
    sealed = core.crypto.subtle.encrypt(
        request.component_name,
        request.key_name,
        request.algorithm,
        request.plaintext,
        nonce=request.nonce,
        associated=request.associated_data,
    )
    return crypto_pb2.SubtleEncryptResponse(ciphertext=sealed.data, tag=sealed.tag)


@serves("SubtleDecryptAlpha1", call="crypto.subtle_decrypt", component="component_name", target="key_name")
def subtle_decrypt(
    core: Core, request: crypto_pb2.SubtleDecryptRequest, context: Context
) -> crypto_pb2.SubtleDecryptResponse:
    plain = core.crypto.subtle.decrypt(
        request.component_name,
        request.key_name,
        request.algorithm,
        Sealed(request.ciphertext, request.tag),
        nonce=request.nonce,
        associated=request.associated_data,
    )
    return crypto_pb2.SubtleDecryptResponse(plaintext=plain)


@serves("SubtleWrapKeyAlpha1", call="crypto.wrap_key", component="component_name", target="key_name")
def wrap_key(
    core: Core, request: crypto_pb2.SubtleWrapKeyRequest, context: Context
) -> crypto_pb2.SubtleWrapKeyResponse:
    sealed = core.crypto.subtle.wrap_key(
        request.component_name,
        request.key_name,
        request.algorithm,
        request.plaintext_key,
        nonce=request.nonce,
        associated=request.associated_data,
    )
    return crypto_pb2.SubtleWrapKeyResponse(wrapped_key=sealed.data, tag=sealed.tag)


@serves("SubtleUnwrapKeyAlpha1", call="crypto.unwrap_key", component="component_name", target="key_name")
def unwrap_key(
    core: Core, request: crypto_pb2.SubtleUnwrapKeyRequest, context: Context
) -> crypto_pb2.SubtleUnwrapKeyResponse:
    plain = core.crypto.subtle.unwrap_key(
        request.component_name,
        request.key_name,
        request.algorithm,
        Sealed(request.wrapped_key, request.tag),
        nonce=request.nonce,
        associated=request.associated_data,
    )
    return crypto_pb2.SubtleUnwrapKeyResponse(plaintext_key=plain)


@serves("SubtleSignAlpha1", call="crypto.sign", component="component_name", target="key_name")
def sign(core: Core, request: crypto_pb2.SubtleSignRequest, context: Context) -> crypto_pb2.SubtleSignResponse:
    signature = core.crypto.subtle.sign(request.component_name, request.key_name, request.algorithm, request.digest)
    return crypto_pb2.SubtleSignResponse(signature=signature)


@serves("SubtleVerifyAlpha1", call="crypto.verify", component="component_name", target="key_name")
def verify(core: Core, request: crypto_pb2.SubtleVerifyRequest, context: Context) -> crypto_pb2.SubtleVerifyResponse:
    valid = core.crypto.subtle.verify(
        request.component_name, request.key_name, request.algorithm, request.digest, request.signature
    )
    return crypto_pb2.SubtleVerifyResponse(valid=valid)
