"""What a whole run tells: which calls saw a failure; and test classes of `unittest`."""

from __future__ import annotations

import pytest

from dapr_testing import AsyncDaprTestCase, DaprSidecar, DaprTestCase
from tests.dapr_testing.test_plugin import run

SUITE = """
    def test_saved(dapr_sidecar, dapr_client):
        dapr_sidecar.faults.when("state.save").lose_reply().once()
        try:
            dapr_client.save_state("statestore", "k", "v")
        except Exception:
            dapr_client.save_state("statestore", "k", "v")

    def test_read(dapr_client):
        dapr_client.get_state("statestore", "k")

    def test_unlike(dapr_client):
        try:
            dapr_client.delete_state("statestore", "k", etag="1")
        except Exception:
            pass
"""


@pytest.mark.parametrize("more", [(), ("-n", "2")], ids=["alone", "with workers"])
def test_error_paths_are_reported_and_enforced(pytester: pytest.Pytester, more: tuple[str, ...]) -> None:
    if more:
        pytest.importorskip("xdist")
    pytester.makepyfile(SUITE)
    outcome = run(pytester, "--dapr-error-coverage=report", *more)
    outcome.stdout.fnmatch_lines(
        [
            "*Dapr error paths*",
            "state.delete       1 call(s)  *",
            "state.get          1 call(s)  -",
            "state.save         2 call(s)  reset after × 1",
            "*of 3 operations saw a failure: *",
            "never: *state.get",
        ]
    )
    assert outcome.ret == 0
    assert run(pytester, "--dapr-error-coverage=50", *more).ret == 0
    outcome = run(pytester, "--dapr-error-coverage=100%", *more)
    outcome.stdout.fnmatch_lines(["FAILED: 100% was to be reached"])
    assert outcome.ret == 1


def test_a_percentage_is_a_number(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    assert run(pytester, "--dapr-error-coverage=most").ret == pytest.ExitCode.USAGE_ERROR


# --- unittest ---


class TestWithUnittest(DaprTestCase):
    dapr_options = {"app_id": "shop"}  # noqa: RUF012  # as people write it

    def setUp(self) -> None:
        self.dapr_sidecar.state.put("statestore", "k", "v")

    def test_it_is_there(self) -> None:
        self.assertEqual(self.dapr_client.get_state("statestore", "k").data, b"v")  # noqa: PT009
        self.assertEqual(self.dapr_sidecar.app_id, "shop")  # noqa: PT009


class TestWithAsyncUnittest(AsyncDaprTestCase):
    async def test_it_is_there(self) -> None:
        assert (await self.dapr_client.get_state("statestore", "k")).data == b""


def test_classes_of_unittest_check_their_plans(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from dapr_testing import DaprTestCase

        class TestIt(DaprTestCase):
            def test_idle(self):
                self.dapr_sidecar.faults.when("state.save").reset()

            def test_fails(self):
                self.dapr_sidecar.faults.when("state.save").reset()
                assert "the real reason" == ""
        """
    )
    outcome = run(pytester)
    outcome.assert_outcomes(failed=2)
    outcome.stdout.fnmatch_lines(["*FaultNotNeeded: nothing happened by the plan*"])
    outcome.stdout.fnmatch_lines(["*2 failed*"])


def test_the_log_of_the_fake_is_that_of_the_process(dapr_sidecar: DaprSidecar) -> None:
    assert dapr_sidecar.log() == ""
