"""The core: the building blocks, in Python's terms, without I/O.

The doors unpack requests, call here and pack the answers; `core.state.get("store", "key")` is all there is to
it. One lock guards what is kept in this process, and is held for microseconds; components that wait for
something outside of it (a real Redis) are called without the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from fakesidecar.app import app_of
from fakesidecar.call import Onion
from fakesidecar.components.registry import Surroundings
from fakesidecar.core.actors import ActorsBlock
from fakesidecar.core.app_health import AppHealthCheck
from fakesidecar.core.bindings import BindingsBlock
from fakesidecar.core.configuration import ConfigurationBlock
from fakesidecar.core.conversation import ConversationBlock
from fakesidecar.core.crypto import CryptoBlock
from fakesidecar.core.health import Health
from fakesidecar.core.invocation import InvocationBlock
from fakesidecar.core.jobs import JobsBlock
from fakesidecar.core.lock import LockBlock
from fakesidecar.core.metadata import MetadataBlock
from fakesidecar.core.middleware import AppPipeline, MiddlewareBlock
from fakesidecar.core.outbox import Outbox
from fakesidecar.core.pubsub import PubSubBlock
from fakesidecar.core.resiliency import KINDS, Policies, guard
from fakesidecar.core.secrets import SecretsBlock
from fakesidecar.core.state import StateBlock
from fakesidecar.core.workflow import Engine
from fakesidecar.faults.engine import Faults
from fakesidecar.interceptors.recording import Recording
from fakesidecar.neighbours import Neighbours
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.resources.load import Resources
from fakesidecar.trace import Tracer


class Block(Protocol):
    """A building block that holds components."""

    def add(self, spec: Component, component: Any, /) -> None:
        """Load a component under its name."""

    def blocking(self, name: str) -> bool:
        """Whether calls to the component of that name may wait for something outside of this process."""

    def reset(self) -> None:
        """Forget what was stored; components stay."""

    def close(self) -> None:
        """Let go of everything outside of this process."""


class Core:
    """All building blocks of one sidecar."""

    def __init__(
        self, options: Options, resources: Resources, around: Surroundings, neighbours: Neighbours | None = None
    ) -> None:
        self.options = options
        self.resources = resources
        self.settings = resources.configuration
        self.tracer = Tracer(self.settings.tracing, around.ids)
        self.app_id = options.app_id
        self.around = around
        self.clock = around.clock
        self.onion = Onion()
        self.recording = Recording(self.onion, self.clock)
        self.faults = Faults(self)
        self.faults.on_fault = self.recording.note
        self.on_restart: Callable[[bool], None] = lambda keep_data: None
        """What happens when a fault plan, or a client, has the sidecar start again, with its data or without."""
        self.on_shutdown: Callable[[bool], None] = lambda force: None
        """What happens when somebody asks the sidecar to end, by force or not."""
        self._lock = threading.RLock()
        self.health = Health(self.app_id)
        self.resiliency = Policies(resources.resiliencies, around.clock, around.ids)
        self.metadata = MetadataBlock(self, resources)
        self.secrets = SecretsBlock(self, self.settings.secret_scopes)
        self.outbox = Outbox(self)
        self.state = StateBlock(self)
        self.configuration = ConfigurationBlock(self)
        self.lock = LockBlock(self)
        self.bindings = BindingsBlock(self)
        self.crypto = CryptoBlock(self)
        self.pubsub = PubSubBlock(self)
        self.conversation = ConversationBlock(self)
        self.middleware = MiddlewareBlock()
        self.workflow = Engine(self)
        self.app = app_of(options, around.clock, self.faults)
        """The way to the application, None when there is none."""
        if self.app is not None and not self.app.is_grpc and (handlers := self.settings.app_http_pipeline):
            self.app.transport = AppPipeline(self.app.transport, lambda: self.middleware.pipeline(handlers))
        checked = options.app_health
        self.app_health = AppHealthCheck(self.app, checked, around.clock) if self.app and checked else None
        """Whether the application is well, None when nobody looks."""
        self.neighbours = neighbours or Neighbours()
        self.invocation = InvocationBlock(self)
        self.jobs = JobsBlock(self)
        self.actors = ActorsBlock(self)
        self.blocks: dict[str, Block] = {
            "secrets": self.secrets,
            "state": self.state,
            "configuration": self.configuration,
            "lock": self.lock,
            "bindings": self.bindings,
            "crypto": self.crypto,
            "pubsub": self.pubsub,
            "conversation": self.conversation,
            "middleware": self.middleware,
            "actors": self.actors,
            "workflow": self.workflow,
        }
        """By the name that the block's files have in every layer; in the order in which they start."""
        self.more_to_keep: dict[str, Any] = {
            "metadata": self.metadata,
            "jobs": self.jobs,
            "resiliency": self.resiliency,
        }
        """What keeps something and holds no components."""
        self.components: list[tuple[Component, Any]] = []
        """What is loaded, in order."""

    def guard(self, blocking: bool) -> AbstractContextManager[Any]:
        """The lock for a component that lives in this process, nothing for one that waits for another."""
        return nullcontext() if blocking else self._lock

    def add(self, spec: Component, component: Any) -> None:
        """Give a component, ready to be used, to its building block."""
        block = component.component_type.block
        if block in KINDS:
            guard(component, self.resiliency.component(spec.name, KINDS[block], "Outbound"))
        self.blocks[block].add(spec, component)
        self.components.append((spec, component))

    def blocking(self, block: str, component: str) -> bool:
        """Whether a call to a component may wait for something outside of this process."""
        owner = self.blocks.get(block)
        return owner is not None and owner.blocking(component)

    def reset(self) -> None:
        """Forget all that was stored, locked, subscribed to or set, and every fault plan; components stay."""
        self.recording.clear()
        self.faults.clear()
        self.forget()

    def forget(self) -> None:
        """Forget all that was stored, locked, subscribed to or set."""
        with self._lock:
            self.metadata.reset()
            self.resiliency.reset()
            self.jobs.reset()
            self.outbox.close()
            for block in self.blocks.values():
                block.reset()
            self.outbox.start()

    def close(self) -> None:
        """Let go of everything outside of this process."""
        self.outbox.close()
        for block in reversed(self.blocks.values()):  # whoever keeps something in a store before the store
            block.close()
        self.around.redis.close()
