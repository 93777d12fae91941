"""Base classes for `unittest`, with a sidecar as new in every test."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from dapr_testing._servers import POOL
from dapr_testing._settings import settings
from dapr_testing._sidecar import DaprSidecar

if TYPE_CHECKING:
    from dapr_client import DaprClient
    from dapr_client.aio import DaprClient as AioDaprClient


class _WithSidecar(unittest.TestCase):
    dapr_options: ClassVar[Mapping[str, Any]] = {}
    """What the sidecar is to be, as `dapr_testing.sidecar` is told."""
    dapr_sidecar: DaprSidecar
    """The sidecar of this test; code under test finds it by its environment."""
    _passed = False

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Run the test while the sidecar is in use."""
        view = DaprSidecar(POOL.get(settings(**self.dapr_options)))
        with view.in_use(passed=lambda: False):
            self.dapr_sidecar = view
            self.addCleanup(self._check)  # the first that is added is the last that is done
            return super().run(result)

    def _callTestMethod(self, method: Callable[[], Any]) -> None:  # noqa: N802  # unittest's name
        super()._callTestMethod(method)  # type: ignore[misc]  # typeshed has no private names
        self._passed = True

    def _check(self) -> None:
        if self._passed:
            self.dapr_sidecar.check()


class DaprTestCase(_WithSidecar):
    """A `unittest.TestCase` with `self.dapr_sidecar` and `self.dapr_client`."""

    @property
    def dapr_client(self) -> DaprClient:
        """A client of the sidecar."""
        return self.dapr_sidecar.client()


class AsyncDaprTestCase(_WithSidecar, unittest.IsolatedAsyncioTestCase):
    """A `unittest.IsolatedAsyncioTestCase` with `self.dapr_sidecar` and `self.dapr_client` for asyncio."""

    @property
    def dapr_client(self) -> AioDaprClient:
        """A client of the sidecar for asyncio."""
        return self.dapr_sidecar.aio_client()
