"""Time that passes by itself, where a test wants it."""

from __future__ import annotations

import threading

import pytest

from fakesidecar import SystemClock, VirtualClock


def test_a_clock_that_advances_by_itself() -> None:
    clock = VirtualClock()
    rang = threading.Event()
    start = clock.now()

    def ring() -> None:
        clock.call_later(3600, rang.set)

    clock.call_later(86400, ring)
    with clock.auto_advance():
        assert rang.wait(10)
    assert clock.now() - start == 86400 + 3600
    clock.call_later(1, rang.clear)
    assert rang.is_set()


def test_it_waits_for_what_is_under_way() -> None:
    clock = VirtualClock()
    rang = threading.Event()
    clock.begin()
    clock.call_later(1, rang.set)
    with clock.auto_advance(pause=0.0001):
        assert not rang.wait(0.02)
        clock.end()
        assert rang.wait(10)


def test_time_that_passes_in_a_call_moves_the_clock() -> None:
    clock = VirtualClock()
    start = clock.now()
    clock.pass_time(5)
    clock.pass_time(0)
    clock.pass_time(-1)
    assert clock.now() == start + 5
    before = SystemClock().now()
    SystemClock().pass_time(0.001)
    assert SystemClock().now() > before


def test_time_that_passes_while_somebody_moves_the_clock_is_not_added() -> None:
    clock = VirtualClock()
    start, passed = clock.now(), []

    def work() -> None:
        clock.pass_time(5)
        passed.append(clock.now() - start)
        clock.end()

    def ring() -> None:
        clock.begin()
        threading.Thread(target=work).start()

    clock.call_later(1, ring)
    clock.advance(60)
    assert passed == [6]
    assert clock.now() == start + 60


@pytest.mark.parametrize(("reset", "shown"), [(False, 36), (True, 0)])
def test_time_that_passes_goes_on_when_the_other_is_through(reset: bool, shown: float) -> None:
    clock = VirtualClock()
    start = clock.now()
    clock.advance(30)
    passing = threading.Thread(target=clock.pass_time, args=(5,))
    clock.call_later(1, passing.start)
    with clock._moving:
        clock.advance(1)
        while clock.pending() == 0:
            pass
        if reset:
            clock.reset()
    passing.join(10)
    assert clock.now() == start + shown


@pytest.mark.parametrize(("due", "reached"), [(None, True), (7, True), (5, False), (3, False)])
def test_a_leap_is_made_over_nothing(due: float | None, reached: bool) -> None:
    clock = VirtualClock()
    start = clock.now()
    if due is not None:
        clock.call_later(due, lambda: None)
    assert clock.leap_to(start + 5) is reached
    assert clock.now() == start + (5 if reached else 0)
    clock.begin()
    assert not clock.leap_to(start + 6)
    assert clock.leap_to(start)
