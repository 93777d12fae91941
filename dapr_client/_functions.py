"""What the functions of users take and return, whatever their annotations name."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, get_type_hints

if sys.version_info >= (3, 14):
    from annotationlib import Format

    def signature_of(function: Callable[..., Any]) -> inspect.Signature:
        """The parameters of a function, of which some may be annotated with what only type checkers see."""
        # Annotations are evaluated when they are read (PEP 649), which must not fail for who wants the names only.
        return inspect.signature(function, annotation_format=Format.FORWARDREF)

else:
    signature_of = inspect.signature


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The types that a function is annotated with; none where they cannot be resolved."""
    try:
        return get_type_hints(function)
    except Exception:  # they may name what exists for type checkers alone, in any expression
        return {}
