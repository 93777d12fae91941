"""Time and chance as the client uses them. Nothing else in the package waits, reads a clock or draws a number."""

from __future__ import annotations

import asyncio
import random
import threading
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


new_id = uuid.uuid4
"""An id that nobody else has."""


def wait(event: threading.Event, seconds: float) -> bool:
    """Block the calling thread, but not for longer than until the event is set; whether it is."""
    return event.wait(seconds)
