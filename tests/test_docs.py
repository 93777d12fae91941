"""The examples of the documentation run as they are printed."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

import dapr_client
import dapr_testing
import fakesidecar

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> list[object]:
    return [
        pytest.param(block, id=f"{page.stem}-{number}")
        for page in PAGES
        for number, block in enumerate(BLOCK.findall(page.read_text()), start=1)
    ]


@pytest.fixture(scope="module", autouse=True)
def everything_is_imported() -> None:
    """Modules that an example is the first to import would be imported again by the next one (pytester puts
    `sys.modules` back), and their classes would be there twice."""
    for package in (dapr_client, dapr_testing, fakesidecar):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)


@pytest.mark.parametrize("code", examples())
def test_an_example_runs(code: str, pytester: pytest.Pytester) -> None:
    if "def test_" not in code:
        exec(compile(code, "example", "exec"), {"__name__": "example"})
        return
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(test_example=code)
    outcome = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "ignore::UserWarning").parseoutcomes()
    assert outcome == {"passed": len(re.findall(r"^ *(?:async )?def test_", code, re.MULTILINE))}
