"""Copies of a sidecar, as tests make them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dapr_client import DaprClient
from dapr_testing import DaprSidecar, sidecar


def test_a_test_comes_back_to_where_it_was(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    dapr_sidecar.seed(
        {
            "state": {"statestore": {"7": {"status": "new"}}},
            "secrets": {"secretstore": {"db": "x"}},
            "configuration": {"configstore": {"color": "red"}},
        }
    )
    kept = dapr_sidecar.snapshot()
    for status in ("paid", "sent"):
        dapr_client.save_state("statestore", "7", json.dumps({"status": status}))
        dapr_sidecar.clock.advance(60)
        dapr_sidecar.restore(kept)
        assert json.loads(dapr_client.get_state("statestore", "7").data) == {"status": "new"}
    assert dapr_sidecar.secrets.get("secretstore", "db") == {"db": "x"}
    assert dapr_sidecar.clock.now() == kept.time


def test_a_fork_goes_its_own_way(dapr_sidecar: DaprSidecar) -> None:
    dapr_sidecar.state.put("statestore", "7", "new")
    other = dapr_sidecar.fork()
    with other.client() as dapr:
        assert dapr.get_state("statestore", "7").data == b"new"
        dapr.save_state("statestore", "7", "paid")
    assert dapr_sidecar.state.get("statestore", "7") == b"new"
    assert other.state.get("statestore", "7") == b"paid"
    other.calls.assert_called("state.save", key="7")
    dapr_sidecar.calls.assert_not_called("state.save")
    assert other.grpc_port != dapr_sidecar.grpc_port


def test_files_hold_it(dapr_sidecar: DaprSidecar, tmp_path: Path) -> None:
    (tmp_path / "seed.json").write_text('{"state": {"statestore": {"7": {"status": "new"}}}}')
    dapr_sidecar.seed(tmp_path / "seed.json")
    dapr_sidecar.dump(tmp_path / "kept.json")
    dapr_sidecar.reset()
    assert dapr_sidecar.state.get("statestore", "7") is None
    dapr_sidecar.load(tmp_path / "kept.json")
    assert dapr_sidecar.state.get("statestore", "7") == b'{"status":"new"}'
    with pytest.raises(ValueError, match="nothing can be put into 'lock'"):
        dapr_sidecar.seed({"lock": {}})


def test_a_restart_is_seen_by_clients(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    dapr_client.save_state("statestore", "7", "new")
    dapr_sidecar.restart()
    assert dapr_client.get_state("statestore", "7").data == b"new"
    dapr_sidecar.faults.when("state.save").restart(keep_data=False, applied=True).once()
    with pytest.raises(Exception, match="Socket closed"):
        dapr_client.save_state("statestore", "7", "paid")
    assert dapr_client.get_state("statestore", "7").data == b""


def test_sidecars_share_a_clock(dapr_sidecar: DaprSidecar) -> None:
    dapr_sidecar.clock.advance(5)
    with sidecar(clock=dapr_sidecar.clock) as other:
        other.lock.hold("lockstore", "r", "ann", seconds=60)
        dapr_sidecar.lock.hold("lockstore", "r", "ben", seconds=30)
        dapr_sidecar.clock.advance(45)
        assert other.lock.owner("lockstore", "r") == "ann"
        other.clock.advance(20)
        other.reset()
        assert dapr_sidecar.lock.owner("lockstore", "r") is None
    assert dapr_sidecar.clock.time.second == 10
