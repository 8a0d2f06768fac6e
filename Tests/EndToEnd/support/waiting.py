"""Waiting for something to become true, never for a length of time."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def until(what: str, found: Callable[[], Value], seconds: float = 10) -> Value:
    """Asks until the answer is true and returns it; fails, naming what was waited for, at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s (last seen: {value!r})")
        time.sleep(0.01)
