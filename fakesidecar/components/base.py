"""What all components have in common, whatever their building block."""

from __future__ import annotations

from abc import ABC
from typing import Any, ClassVar

from fakesidecar.components.registry import ComponentType, Surroundings
from fakesidecar.resources.component import Component


class ComponentBase(ABC):
    """A component that was declared, in its surroundings."""

    component_type: ClassVar[ComponentType]

    blocking = False
    """Whether a call may wait for something outside of this process."""

    def __init__(self, spec: Component, around: Surroundings) -> None:
        self.spec = spec
        self.around = around

    def reset(self) -> None:
        """Forget what was stored, set or held."""

    def snapshot(self) -> Any:
        """What `reset` forgets, as a copy that later changes do not touch; see fakesidecar/snapshots.py."""
        return None

    def restore(self, kept: Any) -> None:
        """Keep what was kept then, and nothing else."""

    def resume(self) -> None:
        """Go on with what was restored: all that the sidecar keeps is as it was by now."""

    def close(self) -> None:
        """Let go of what is outside of this process."""
