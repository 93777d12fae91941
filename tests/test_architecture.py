"""Who may import whom, and what an import may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("dapr_client", "fakesidecar", "dapr_testing")
ALLOWED = {
    "dapr_client": ("dapr_client",),
    "fakesidecar": ("fakesidecar", "dapr_client.wire"),
    "dapr_testing": PACKAGES,
}
"""Of our own packages, what each may import."""

HEAVY = ("aiohttp", "fakeredis", "redis", "cryptography", "yaml", "click", "rich", "hypothesis")
"""Imported on first use only."""


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_what_they_may(package: str) -> None:
    allowed = ALLOWED[package]
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in files(package)
        for line, name in imported(path)
        if name.partition(".")[0] in PACKAGES and not any(name == one or name.startswith(f"{one}.") for one in allowed)
    ]
    assert wrong == []


def test_the_core_and_its_components_know_nothing_of_the_doors() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for part in ("core", "components")
        for path in files(f"fakesidecar/{part}")
        for line, name in imported(path)
        if name.startswith(("fakesidecar.grpcapi", "fakesidecar.httpapi"))
    ]
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_imports_the_official_package(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in files(package)
        for line, name in imported(path)
        if name.partition(".")[0] == "dapr"
    ]
    assert wrong == []


def test_no_test_fakes_our_own_code() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in files("tests")
        for line, name in imported(path)
        if name.startswith("unittest.mock")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "module", ["dapr_client", "dapr_client.aio", "fakesidecar", "dapr_testing", "dapr_testing.plugin"]
)
def test_an_import_brings_nothing_heavy(module: str) -> None:
    code = f"import sys, pytest; before = set(sys.modules); import {module}; print(*set(sys.modules) - before)"
    out = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    brought = {name.partition(".")[0] for name in out.stdout.split()}
    heavy = {*HEAVY, "pytest"} | ({"grpc", "google"} if module.startswith("dapr_testing") else set())
    assert brought & heavy == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_error_is_a_frozen_dataclass(package: str) -> None:
    """Whoever passes an error on sets its traceback: `contextlib` does, and futures, and pytest."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for path in files(package)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith(("Error", "Exception")) for base in node.bases)
        and any("frozen=True" in ast.unparse(decorator) for decorator in node.decorator_list)
    ]
    assert wrong == []
