"""Workflows: the engine behind the service that workers and clients of workflows speak."""

from fakesidecar.core.workflow.engine import Engine, Start
from fakesidecar.core.workflow.rerun import Asked

__all__ = ["Asked", "Engine", "Start"]
