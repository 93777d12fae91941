"""Every secret store, by every way in."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import VARIABLE, Case
from tests.conformance.ways import Refused, Way


def known(case: Case) -> dict[str, str]:
    """The secrets that are there, whatever else is."""
    if case.type == "secretstores.local.env":
        return dict([VARIABLE])
    return {"db": "x", "nested:user": "ann", "nested:password": "y"}


def test_a_secret_is_found_by_its_name(way: Way, case: Case) -> None:
    for name, value in known(case).items():
        assert way.secret("store", name) == {name: value}


def test_all_secrets_are_listed(way: Way, case: Case) -> None:
    found = way.secrets("store")
    assert {name: found[name] for name in known(case)} == {name: {name: value} for name, value in known(case).items()}


def test_an_unknown_store_is_named(way: Way) -> None:
    for ask in (lambda: way.secret("nowhere", "db"), lambda: way.secrets("nowhere")):
        with pytest.raises(Refused, match="failed finding secret store with key nowhere"):
            ask()
