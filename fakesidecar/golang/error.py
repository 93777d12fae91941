"""The one exception of this package: a Go error is its text."""

from __future__ import annotations


class GoError(ValueError):
    """Go returned an error; `str()` is the text that Go would print."""
