# Generated from dapr_client/_async/configuration.py by tools/async_to_sync.py. Do not edit.

"""Configuration stores: read items, follow their changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dapr_client._sync.block import Block
from dapr_client._checks import NO_METADATA
from dapr_client._transport import logger
from dapr_client._transport.sync import Stream, Task, call_handler
from dapr_client.configuration import ConfigurationResponse, ConfigurationSubscription, Handler
from dapr_client.errors import DaprError, DaprInternalError
from dapr_client.wire import configuration_pb2


class ConfigurationMethods(Block):
    """What a client can do with configuration stores."""

    def get_configuration(
        self,
        store_name: str,
        keys: Sequence[str],
        config_metadata: Mapping[str, str] | None = NO_METADATA,
        *,
        timeout: float | None = None,
    ) -> ConfigurationResponse:
        """Read items; no keys means all."""
        _named(store_name)
        request = configuration_pb2.GetConfigurationRequest(
            store_name=store_name, keys=keys, metadata=config_metadata or None
        )
        answer, headers = self._transport.unary(
            "GetConfiguration", request, configuration_pb2.GetConfigurationResponse, None, timeout
        )
        return ConfigurationResponse(answer.items, headers)

    def subscribe_configuration(
        self,
        store_name: str,
        keys: Sequence[str],
        handler: Handler | None = None,
        config_metadata: Mapping[str, str] | None = NO_METADATA,
    ) -> ConfigurationSubscription:
        """Follow the changes of items: the handler is called with each, and the subscription knows the newest.

        Without a handler the subscription begins with the items as they are. It ends with unsubscribe_configuration,
        or with the client.
        """
        _named(store_name)
        request = configuration_pb2.SubscribeConfigurationRequest(
            store_name=store_name, keys=keys, metadata=config_metadata or None
        )
        stream = self._transport.server_stream(
            "SubscribeConfiguration", request, configuration_pb2.SubscribeConfigurationResponse
        )
        for first in stream:
            subscription = ConfigurationSubscription(first.id, store_name, tuple(keys))
            if handler is None:
                # Asked after the stream is open, so that no change falls between.
                try:
                    subscription.update(self.get_configuration(store_name, keys, config_metadata))
                except BaseException:
                    stream.close()
                    raise
            following = Task(_follow, subscription, stream, first, handler)
            self._subscriptions[str(subscription)] = (stream, following)
            return subscription
        raise DaprInternalError(f"{store_name} ended the subscription before it told its id")

    def unsubscribe_configuration(
        self,
        store_name: str,
        id: str,  # the official name
        *,
        timeout: float | None = None,
    ) -> bool:
        """End a subscription. False if the sidecar does not know it."""
        request = configuration_pb2.UnsubscribeConfigurationRequest(store_name=store_name, id=str(id))
        answer, _ = self._transport.unary(
            "UnsubscribeConfiguration", request, configuration_pb2.UnsubscribeConfigurationResponse, None, timeout
        )
        if known := self._subscriptions.pop(str(id), None):
            stream, following = known
            stream.close()
            following.join()
        return bool(answer.ok)

    _subscriptions: dict[str, tuple[Stream[Any], Task]]

    def _end_subscriptions(self) -> None:
        """End every subscription of this client."""
        while self._subscriptions:
            _, (stream, following) = self._subscriptions.popitem()
            stream.close()
            following.join()


def _follow(
    subscription: ConfigurationSubscription,
    stream: Stream[configuration_pb2.SubscribeConfigurationResponse],
    first: configuration_pb2.SubscribeConfigurationResponse,
    handler: Handler | None,
) -> None:
    """Read the stream until its end."""
    try:
        _tell(subscription, first, handler)
        for told in stream:
            _tell(subscription, told, handler)
    except DaprError as error:
        if not stream.closed:
            subscription.error = error
            logger.warning("the subscription %s to %s ended: %s", subscription, subscription.store_name, error)


def _tell(
    subscription: ConfigurationSubscription,
    told: configuration_pb2.SubscribeConfigurationResponse,
    handler: Handler | None,
) -> None:
    if not told.items:
        return
    changed = ConfigurationResponse(told.items)
    subscription.update(changed)
    if handler is not None:
        call_handler(handler, told.id, changed)


def _named(store_name: str) -> None:
    if not store_name or not store_name.strip():
        raise ValueError("Config store name cannot be empty to get the configuration")
