"""The settings of the client: assigned value, else environment variable, else default.

    from dapr_client.conf import settings

    settings.DAPR_GRPC_PORT            # 50001, or what DAPR_GRPC_PORT says
    settings.DAPR_GRPC_PORT = 50010    # from now on, whatever the environment says

A setting is looked up each time it is read; a client reads them when it is made.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

Value = str | int | float | None

DEFAULTS: Mapping[str, Value] = MappingProxyType(
    {
        "HTTP_APP_PORT": 3000,
        "GRPC_APP_PORT": 3010,
        "DAPR_API_TOKEN": None,
        "DAPR_HTTP_ENDPOINT": None,
        "DAPR_GRPC_ENDPOINT": None,
        "DAPR_RUNTIME_HOST": "127.0.0.1",
        "DAPR_HTTP_PORT": 3500,
        "DAPR_GRPC_PORT": 50001,
        "DAPR_API_VERSION": "v1.0",
        "DAPR_HEALTH_TIMEOUT": 60,
        "DAPR_API_MAX_RETRIES": 0,
        "DAPR_API_TIMEOUT_SECONDS": None,
        "DAPR_API_METHOD_INVOCATION_PROTOCOL": "http",
        "DAPR_HTTP_TIMEOUT_SECONDS": 60,
        "DAPR_GRPC_MAX_INBOUND_MESSAGE_SIZE_BYTES": 0,
        "DAPR_CONVERSATION_TOOLS_MAX_ENUM_ITEMS": 100,
        "DAPR_CONVERSATION_TOOLS_LARGE_ENUM_BEHAVIOR": "string",
    }
)
"""Every setting and what it is when nobody says otherwise. The type of the default is the type of the setting."""


class Settings:
    """The settings, each looked up when it is read."""

    if TYPE_CHECKING:
        HTTP_APP_PORT: int
        GRPC_APP_PORT: int
        DAPR_API_TOKEN: str | None
        DAPR_HTTP_ENDPOINT: str | None
        DAPR_GRPC_ENDPOINT: str | None
        DAPR_RUNTIME_HOST: str
        DAPR_HTTP_PORT: int
        DAPR_GRPC_PORT: int
        DAPR_API_VERSION: str
        DAPR_HEALTH_TIMEOUT: float
        DAPR_API_MAX_RETRIES: int
        DAPR_API_TIMEOUT_SECONDS: float | str | None
        DAPR_API_METHOD_INVOCATION_PROTOCOL: str
        DAPR_HTTP_TIMEOUT_SECONDS: float
        DAPR_GRPC_MAX_INBOUND_MESSAGE_SIZE_BYTES: int
        DAPR_CONVERSATION_TOOLS_MAX_ENUM_ITEMS: int
        DAPR_CONVERSATION_TOOLS_LARGE_ENUM_BEHAVIOR: str
    else:

        def __getattr__(self, name: str) -> Value:
            # Reached only when nobody assigned the attribute.
            if name not in DEFAULTS:
                raise AttributeError(f"there is no setting {name}")
            return _from_environment(name, DEFAULTS[name])

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *DEFAULTS})


def _from_environment(name: str, default: Value) -> Value:
    text = os.environ.get(name)
    if not text:
        return default
    if default is None:
        return text
    try:
        return type(default)(text)
    except ValueError as error:
        raise ValueError(f"Invalid value for {name}: {text!r}") from error


settings = Settings()
"""The settings of this process."""


def grpc_address(settings: Settings = settings) -> str:
    """Where the sidecar's gRPC door is."""
    return settings.DAPR_GRPC_ENDPOINT or f"{_in_url(settings.DAPR_RUNTIME_HOST)}:{settings.DAPR_GRPC_PORT}"


def http_url(settings: Settings = settings) -> str:
    """Where the sidecar's HTTP door is, without a slash at the end."""
    endpoint = settings.DAPR_HTTP_ENDPOINT or f"http://{_in_url(settings.DAPR_RUNTIME_HOST)}:{settings.DAPR_HTTP_PORT}"
    return endpoint.rstrip("/")


def api_url(settings: Settings = settings) -> str:
    """Where the HTTP API begins: `http://127.0.0.1:3500/v1.0`."""
    return f"{http_url(settings)}/{settings.DAPR_API_VERSION}"


def api_timeout(settings: Settings = settings) -> float | None:
    """The deadline of a call in seconds; None for none."""
    seconds = settings.DAPR_API_TIMEOUT_SECONDS
    if seconds is None:
        return None
    try:
        return float(seconds)
    except ValueError as error:
        raise ValueError(f"Invalid value for DAPR_API_TIMEOUT_SECONDS: {seconds!r}") from error


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
