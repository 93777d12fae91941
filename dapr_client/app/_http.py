"""The application's side over HTTP: the routes that a sidecar calls, for a web framework to serve."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from dapr_client._checks import NO_METADATA
from dapr_client.app._callbacks import BulkSubscribe, Rule, Topic, Topics
from dapr_client.pubsub import TopicEventResponse, TopicEventResponseStatus, status_of

F = TypeVar("F", bound=Callable[..., Any])

VERBS = ("GET", "POST", "PUT", "DELETE", "PATCH")


class HttpCallbacks(ABC):
    """Adds Dapr's routes to an application; functions are written as the framework wants them, and stay as they are."""

    def __init__(self) -> None:
        self._topics = Topics()
        self._route("/dapr/subscribe", ("GET",), self._subscriptions_endpoint())

    @abstractmethod
    def _route(self, path: str, verbs: Sequence[str], function: Callable[..., Any]) -> None:
        """Serve these verbs of a path with a function of the framework's kind, and answer with `told` of its result."""

    @abstractmethod
    def _subscriptions_endpoint(self) -> Callable[..., Any]:
        """A function of the framework's kind that answers with `subscriptions()`."""

    @abstractmethod
    def _accepting_endpoint(self) -> Callable[..., Any]:
        """A function of the framework's kind that answers 200 without a body."""

    def subscriptions(self) -> list[dict[str, Any]]:
        """What `GET /dapr/subscribe` answers."""
        return [_as_json(topic) for topic in self._topics]

    def subscribe(
        self,
        pubsub: str,
        topic: str,
        metadata: Mapping[str, str] | None = NO_METADATA,
        route: str | None = None,
        dead_letter_topic: str | None = None,
        *,
        rule: Rule | None = None,
        bulk_subscribe: BulkSubscribe | None = None,
    ) -> Callable[[F], F]:
        """Have a function handle the events of a topic, by POST; with a rule, those that it matches.

        The route is `/events/{pubsub}/{topic}` (with a rule, the function's name follows) unless it is given. The
        function may return a TopicEventResponse; what else it returns is the framework's.
        """

        def register(function: F) -> F:
            default = f"/events/{pubsub}/{topic}" + (f"/{function.__name__}" if rule else "")
            path = route or default
            subscribed = self._topics.topic(pubsub, topic, metadata, dead_letter_topic)
            subscribed.bulk = bulk_subscribe or subscribed.bulk
            if rule is None:
                subscribed.add(None, "", function)
                subscribed.default_path = path
            else:
                subscribed.add(rule, path, function)
            self._route(path, ("POST",), function)
            return function

        return register

    def method(self, name: str, *, verbs: Sequence[str] = VERBS) -> Callable[[F], F]:
        """Have a function answer invocations of a method: requests to `/{name}`."""
        return self._at(f"/{name}", verbs)

    def binding(self, name: str, *, route: str | None = None) -> Callable[[F], F]:
        """Have a function take what an input binding delivers, by POST; the route is `/{name}` unless it is given."""
        path = route or f"/{name}"
        # The sidecar asks with OPTIONS whether the application wants the binding.
        self._route(path, ("OPTIONS",), self._accepting_endpoint())
        return self._at(path, ("POST",))

    def job_event(self, name: str) -> Callable[[F], F]:
        """Have a function called when a job is due: POST to `/job/{name}`."""
        return self._at(f"/job/{name}", ("POST",))

    def configuration(self, store: str, key: str) -> Callable[[F], F]:
        """Have a function called when a key changes that was subscribed to over HTTP."""
        return self._at(f"/configuration/{store}/{key}", ("POST",))

    def health_check(self, path: str = "/healthz") -> Callable[[F], F]:
        """Have a function asked for the application's health."""
        return self._at(path, ("GET",))

    def _at(self, path: str, verbs: Sequence[str]) -> Callable[[F], F]:
        def register(function: F) -> F:
            self._route(path, verbs, function)
            return function

        return register


def told(returned: Any) -> Any:
    """What a handler returned, as JSON can say it: a TopicEventResponse becomes `{"status": "SUCCESS"}`."""
    if isinstance(returned, TopicEventResponse | TopicEventResponseStatus):
        return {"status": status_of(returned).name.upper()}
    return returned


def _as_json(topic: Topic) -> dict[str, Any]:
    found: dict[str, Any] = {"pubsubname": topic.pubsub, "topic": topic.name, "metadata": dict(topic.metadata)}
    if topic.rules:
        rules = [{"match": rule.match, "path": path} for rule, path in topic.rules]
        found["routes"] = {"rules": rules} | ({"default": topic.default_path} if topic.default_path else {})
    else:
        found["route"] = topic.default_path
    if topic.dead_letter_topic:
        found["deadLetterTopic"] = topic.dead_letter_topic
    if topic.bulk is not None:
        found["bulkSubscribe"] = {
            "enabled": True,
            "maxMessagesCount": topic.bulk.max_messages_count,
            "maxAwaitDurationMs": topic.bulk.max_await_duration_ms,
        }
    return found
