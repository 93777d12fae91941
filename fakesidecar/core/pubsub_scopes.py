"""Which topics of a component an application may publish to and subscribe to (dapr pkg/scopes)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakesidecar.resources.component import Component


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a component's metadata says of topics, for one application."""

    allowed: frozenset[str]
    """Empty: every topic."""
    protected: frozenset[str]
    publishing: frozenset[str] | None
    """None: the application is not mentioned."""
    subscribing: frozenset[str] | None

    def may_publish(self, topic: str) -> bool:
        """Whether the application may publish to a topic."""
        return self._allows(topic, self.publishing)

    def may_subscribe(self, topic: str) -> bool:
        """Whether the application may subscribe to a topic."""
        return self._allows(topic, self.subscribing)

    def _allows(self, topic: str, scoped: frozenset[str] | None) -> bool:
        if self.allowed and topic not in self.allowed:
            return False
        if scoped is None:
            return topic not in self.protected
        return topic in scoped


def scopes_of(spec: Component, app_id: str) -> Scopes:
    """The scopes that a component's metadata has for an application."""
    return Scopes(
        allowed=_topics(spec.setting("allowedTopics")),
        protected=_topics(spec.setting("protectedTopics")),
        publishing=_by_app(spec.setting("publishingScopes")).get(app_id),
        subscribing=_by_app(spec.setting("subscriptionScopes")).get(app_id),
    )


def _topics(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.replace(" ", "").split(",")))


def _by_app(text: str) -> Mapping[str, frozenset[str]]:
    out: dict[str, frozenset[str]] = {}
    for scope in text.replace(" ", "").split(";"):
        app, equals, topics = scope.partition("=")
        if equals:
            out[app] = _topics(topics)
    return out
