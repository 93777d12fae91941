"""Secret stores: what they answer."""

from __future__ import annotations

from collections.abc import Mapping

from dapr_client._response import DaprResponse, Headers


class GetSecretResponse(DaprResponse):
    """A secret: one value or more, by name."""

    __slots__ = ("secret",)

    def __init__(self, secret: Mapping[str, str], headers: Headers = ()) -> None:
        super().__init__(headers)
        self.secret = dict(secret)

    def __repr__(self) -> str:
        # The values are secret, and representations end up in logs.
        return f"GetSecretResponse(secret=<{', '.join(sorted(self.secret))}>)"


class GetBulkSecretResponse(DaprResponse):
    """All secrets of a store that the application may see."""

    __slots__ = ("secrets",)

    def __init__(self, secrets: Mapping[str, Mapping[str, str]], headers: Headers = ()) -> None:
        super().__init__(headers)
        self.secrets = {name: dict(values) for name, values in secrets.items()}

    def __repr__(self) -> str:
        return f"GetBulkSecretResponse(secrets=<{', '.join(sorted(self.secrets))}>)"
