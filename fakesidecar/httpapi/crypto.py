"""The crypto API over HTTP (dapr pkg/api/http/crypto.go, subtlecrypto.go)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from dapr_client.wire import crypto_pb2
from fakesidecar.components.crypto import Sealed
from fakesidecar.core import Core
from fakesidecar.errors import CryptoFailed, DocumentError, InvalidRequest, PlainError, SegmentDamaged
from fakesidecar.httpapi.bodies import read_message
from fakesidecar.httpapi.registry import route
from fakesidecar.web import Request, Response, json_response

if TYPE_CHECKING:
    from fakesidecar.core.crypto_document import Converter

DOCUMENTS, SUBTLE = "/v1.0-alpha1/crypto/{provider}", "/v1.0-alpha1/subtlecrypto/{provider}"

KEY_NAME = "dapr-key-name"
KEY_WRAP_ALGORITHM = "dapr-key-wrap-algorithm"
CIPHER = "dapr-data-encryption-cipher"
OMIT_DECRYPTION_KEY_NAME = "dapr-omit-decryption-key-name"
DECRYPTION_KEY_NAME = "dapr-decryption-key-name"
TRUE = ("y", "yes", "true", "t", "on", "1")

# --- documents ---------------------------------------------------------------------------------------------------


@route("PUT", f"{DOCUMENTS}/encrypt", call="crypto.encrypt", component="provider")
def encrypt(core: Core, request: Request) -> Response:
    provider = request.params["provider"]
    core.crypto.provider(provider)
    for name in (KEY_NAME, KEY_WRAP_ALGORITHM):
        if not request.header(name):
            raise InvalidRequest(cause=f"missing header '{name}'")
    omit = (request.header(OMIT_DECRYPTION_KEY_NAME) or "").lower() in TRUE
    encrypter = core.crypto.encrypter(
        provider,
        request.header(KEY_NAME) or "",
        request.header(KEY_WRAP_ALGORITHM) or "",
        cipher=request.header(CIPHER) or "",
        key_name="" if omit else request.header(DECRYPTION_KEY_NAME) or None,
    )
    return converted(request, encrypter)


@route("PUT", f"{DOCUMENTS}/decrypt", call="crypto.decrypt", component="provider")
def decrypt(core: Core, request: Request) -> Response:
    return converted(request, core.crypto.decrypter(request.params["provider"], request.header(KEY_NAME) or ""))


def converted(request: Request, converter: Converter) -> Response:
    """What becomes of the body. What goes wrong behind a document's header is told as it is (daprd has begun to answer
    by then, as far as its handler knows)."""
    try:
        parts = [converter.header, *converter.feed(request.body)]
        if request.body_error:
            raise PlainError(message=request.body_error)
        parts += converter.finish()
    except SegmentDamaged as error:
        raise PlainError(message=str(error)) from error
    except DocumentError as error:
        raise CryptoFailed(cause=error) from error
    return Response(200, [("content-type", "application/octet-stream")], b"".join(parts))


# --- the operations by themselves --------------------------------------------------------------------------------


@route("POST", f"{SUBTLE}/getkey", call="crypto.get_key", component="provider")
def get_key(core: Core, request: Request) -> Response:
    asked = read_message(request, crypto_pb2.SubtleGetKeyRequest)
    as_jwk = asked.format == crypto_pb2.SubtleGetKeyRequest.JSON
    key = core.crypto.subtle.public_key(request.params["provider"], asked.name, as_jwk=as_jwk)
    return json_response({"name": asked.name, "publicKey": key})


@route("POST", f"{SUBTLE}/encrypt", call="crypto.subtle_encrypt", component="provider")
def subtle_encrypt(core: Core, request: Request) -> Response:
    asked = read_message(request, crypto_pb2.SubtleEncryptRequest)
    sealed = core.crypto.subtle.encrypt(
        request.params["provider"],
        asked.key_name,
        asked.algorithm,
        asked.plaintext,
        nonce=asked.nonce,
        associated=asked.associated_data,
    )
    return bytes_response(ciphertext=sealed.data, tag=sealed.tag)


@route("POST", f"{SUBTLE}/decrypt", call="crypto.subtle_decrypt", component="provider")
def subtle_decrypt(core: Core, request: Request) -> Response:
    asked = read_message(request, crypto_pb2.SubtleDecryptRequest)
    plain = core.crypto.subtle.decrypt(
        request.params["provider"],
        asked.key_name,
        asked.algorithm,
        Sealed(asked.ciphertext, asked.tag),
        nonce=asked.nonce,
        associated=asked.associated_data,
    )
    return bytes_response(plaintext=plain)


@route("POST", f"{SUBTLE}/wrapkey", call="crypto.wrap_key", component="provider")
def wrap_key(core: Core, request: Request) -> Response:
    asked = read_message(request, crypto_pb2.SubtleWrapKeyRequest)
    sealed = core.crypto.subtle.wrap_key(
        request.params["provider"],
        asked.key_name,
        asked.algorithm,
        asked.plaintext_key,
        nonce=asked.nonce,
        associated=asked.associated_data,
    )
    return bytes_response(wrappedKey=sealed.data, tag=sealed.tag)


@route("POST", f"{SUBTLE}/unwrapkey", call="crypto.unwrap_key", component="provider")
def unwrap_key(core: Core, request: Request) -> Response:
    asked = read_message(request, crypto_pb2.SubtleUnwrapKeyRequest)
    plain = core.crypto.subtle.unwrap_key(
        request.params["provider"],
        asked.key_name,
        asked.algorithm,
        Sealed(asked.wrapped_key, asked.tag),
        nonce=asked.nonce,
        associated=asked.associated_data,
    )
    return bytes_response(plaintextKey=plain)


@route("POST", f"{SUBTLE}/sign", call="crypto.sign", component="provider")
def sign(core: Core, request: Request) -> Response:
    asked = read_message(request, crypto_pb2.SubtleSignRequest)
    signature = core.crypto.subtle.sign(request.params["provider"], asked.key_name, asked.algorithm, asked.digest)
    return bytes_response(signature=signature)


@route("POST", f"{SUBTLE}/verify", call="crypto.verify", component="provider")
def verify(core: Core, request: Request) -> Response:
    asked = read_message(request, crypto_pb2.SubtleVerifyRequest)
    valid = core.crypto.subtle.verify(
        request.params["provider"], asked.key_name, asked.algorithm, asked.digest, asked.signature
    )
    return json_response({"valid": valid})


def bytes_response(**fields: bytes) -> Response:
    """Bytes as protobuf JSON has them; empty ones are left out."""
    return json_response({name: base64.b64encode(value).decode() for name, value in fields.items() if value})
