"""Time and chance as the client uses them. Nothing else in the package waits, reads a clock or draws a number."""

from __future__ import annotations

import asyncio
import random
import time
import uuid

monotonic = time.monotonic
"""Seconds that only grow."""

sleep = time.sleep
"""Block the calling thread."""

async_sleep = asyncio.sleep
"""Suspend the calling task."""

unit_interval = random.random
"""A number in [0, 1)."""


def new_id() -> str:
    """An id that nobody else has."""
    return str(uuid.uuid4())
