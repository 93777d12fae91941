"""`middleware.http.bearer`: only who brings a token of an issuer passes (components-contrib, OpenID Connect)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fakesidecar.components.key_sets import TIMEOUT_SECONDS, KeySet
from fakesidecar.components.middleware import Middleware
from fakesidecar.components.registry import Surroundings, component
from fakesidecar.errors import ComponentError
from fakesidecar.web import Answer, Request, Response

if TYPE_CHECKING:
    from fakesidecar.resources.component import Component

SKEW_SECONDS = 300
"""By how much the clocks of issuers may differ."""
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
UNAUTHORIZED = 401


@component("middleware.http.bearer")
class Bearer(Middleware):
    """Asks for a token of `issuer` for `audience`; its keys are at `jwksURL`, or where the issuer says."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        super().__init__(spec, around)
        self._audience = spec.setting("audience") or spec.setting("clientID")
        self._issuer = spec.setting("issuer") or spec.setting("issuerURL")
        for name, value in (("audience", self._audience), ("issuer", self._issuer)):
            if not value:
                raise ComponentError(f"metadata property '{name}' is required")
        self._set = KeySet(spec.setting("jwksURL") or self._announced(), around.clock)

    def handle(self, request: Request, proceed: Callable[[Request], Answer]) -> Answer:
        if self._set.old:
            return self._after_refresh(request, proceed)
        return self._checked(request, proceed)

    def _checked(self, request: Request, proceed: Callable[[Request], Answer]) -> Answer:
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        if scheme.lower() == "bearer" and self._is_valid(token):
            return proceed(request)
        return Response(UNAUTHORIZED, [("content-type", "text/plain; charset=utf-8")], b"Unauthorized")

    async def _after_refresh(self, request: Request, proceed: Callable[[Request], Answer]) -> Response:
        await asyncio.to_thread(self._set.refresh)
        answer = self._checked(request, proceed)
        return answer if isinstance(answer, Response) else await answer

    def _is_valid(self, token: str) -> bool:
        from joserfc import jwk, jwt
        from joserfc.errors import JoseError

        try:
            keys = jwk.KeySet.import_key_set({"keys": [dict(members) for members in self._set.keys]})
            found = jwt.decode(token, keys, algorithms=ALGORITHMS)
            claims = jwt.JWTClaimsRegistry(
                now=lambda: int(self.around.clock.now()),
                leeway=SKEW_SECONDS,
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "value": self._audience},
            )
            claims.validate(found.claims)
        except (JoseError, ValueError, KeyError):
            return False
        return True

    def _announced(self) -> str:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            return str(self._get(url)["jwks_uri"])
        except (ComponentError, KeyError) as error:
            text = f"failed to retrieve OpenID Configuration document: failed to execute request: {error}"
            raise ComponentError(text) from error

    @staticmethod
    def _get(url: str) -> Any:
        from urllib3 import PoolManager
        from urllib3.exceptions import HTTPError

        with PoolManager(retries=False) as pool:
            try:
                return json.loads(pool.request("GET", url, timeout=TIMEOUT_SECONDS).data)
            except (HTTPError, ValueError) as error:
                raise ComponentError(f'Get "{url}": {error}') from error
