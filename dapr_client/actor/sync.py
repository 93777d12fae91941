"""Proxies of actors that block the calling thread, with the same names."""

from __future__ import annotations

from dapr_client._sync.actors import ActorProxy, ActorProxyFactory, DaprActorClientBase, DaprActorHttpClient

__all__ = ["ActorProxy", "ActorProxyFactory", "DaprActorClientBase", "DaprActorHttpClient"]
