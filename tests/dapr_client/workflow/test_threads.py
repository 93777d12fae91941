"""How many threads do what there is to do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dapr_client.workflow._threads import SHORT, Gate, Outbox, Pool

SECONDS = 10.0
NEVER = 3600.0
"""A patience that does not end while a test runs."""


@contextmanager
def pool(threads: int, patience: float) -> Iterator[Pool]:
    made = Pool("test pool", threads, patience)
    try:
        yield made
    finally:
        assert made.close(SECONDS)


def test_jobs_that_wait_for_each_other_are_done_at_once() -> None:
    together = threading.Barrier(4)
    ended = threading.Semaphore(0)

    def job() -> None:
        together.wait(SECONDS)
        ended.release()

    with pool(4, 0.0) as made:
        for _ in range(8):
            made.submit(job)
        assert all(ended.acquire(timeout=SECONDS) for _ in range(8))


def test_no_more_than_so_many_are_done_at_once() -> None:
    inside, go_on, ended = threading.Semaphore(0), threading.Semaphore(0), threading.Semaphore(0)

    def job() -> None:
        inside.release()
        go_on.acquire()
        ended.release()

    with pool(2, 0.0) as made:
        for _ in range(3):
            made.submit(job)
        assert inside.acquire(timeout=SECONDS)
        assert inside.acquire(timeout=SECONDS)
        assert len(made._threads) == 2
        assert not inside.acquire(blocking=False)
        for _ in range(3):
            go_on.release()
        assert all(ended.acquire(timeout=SECONDS) for _ in range(3))


def test_short_jobs_are_done_in_order_by_one_thread_at_a_time() -> None:
    done: list[int] = []
    ended = threading.Event()
    with pool(4, NEVER) as made:
        for number in range(100):
            made.submit(done.append, number)
        made.submit(ended.set)
        assert ended.wait(SECONDS)
    assert done == list(range(100))


def test_a_job_behind_one_that_does_not_end_is_done_by_another_thread() -> None:
    go_on, ended = threading.Event(), threading.Event()
    with pool(2, 0.001) as made:
        made.submit(lambda: go_on.wait(SECONDS))
        made.submit(ended.set)
        assert ended.wait(SECONDS)
        go_on.set()


def test_jobs_that_wait_get_a_second_thread() -> None:
    together = threading.Barrier(2)
    ended = threading.Event()

    def waits() -> None:
        threading.Event().wait(2 * SHORT)

    with pool(2, NEVER) as made:
        for job in (waits, waits, together.wait, together.wait, ended.set):
            made.submit(job)
        assert ended.wait(SECONDS)


def test_an_idle_pool_does_the_next_job() -> None:
    with pool(2, NEVER) as made:
        for _ in range(20):
            ended = threading.Event()
            made.submit(ended.set)
            assert ended.wait(SECONDS)


def test_a_pool_that_closes_forgets_what_waits() -> None:
    began, go_on = threading.Event(), threading.Event()
    done: list[int] = []
    made = Pool("test pool", 1)

    def first() -> None:
        began.set()
        go_on.wait(SECONDS)

    made.submit(first)
    assert began.wait(SECONDS)
    made.submit(lambda: done.append(1))
    assert not made.close(0.0)
    go_on.set()
    assert made.close(SECONDS)
    made.submit(lambda: done.append(2))
    assert done == []


def test_a_job_that_takes_long_holds_up_others_once() -> None:
    go_on = threading.Event()
    with pool(2, 0.001) as made:
        made.submit(lambda: go_on.wait(SECONDS))
        for patience in (0.001, NEVER, NEVER):
            ended = threading.Event()
            made._patience = patience
            made.submit(ended.set)
            assert ended.wait(SECONDS)
        go_on.set()


def test_gates_leave_threads_to_each_other() -> None:
    inside, go_on, ended = threading.Semaphore(0), threading.Event(), threading.Event()

    def blocks() -> None:
        inside.release()
        go_on.wait(SECONDS)

    with pool(3, 0.0) as made:
        one, other = Gate(2, made), Gate(1, made)
        for _ in range(4):
            made.submit(one.do, blocks)
        assert inside.acquire(timeout=SECONDS)
        assert inside.acquire(timeout=SECONDS)
        made.submit(other.do, ended.set)
        assert ended.wait(SECONDS)
        assert not inside.acquire(blocking=False)
        go_on.set()
        assert inside.acquire(timeout=SECONDS)
        assert inside.acquire(timeout=SECONDS)


def test_who_has_entered_a_gate_leaves_it_for_the_next() -> None:
    done: list[int] = []
    ended = threading.Event()
    with pool(1, NEVER) as made:
        gate = Gate(1, made)
        gate.enter(done.append, 1)
        gate.enter(done.append, 2)
        gate.enter(ended.set)
        assert done == [1]
        gate.leave()
        gate.leave()
        assert ended.wait(SECONDS)
    assert done == [1, 2]


def test_a_job_that_fails_does_not_end_the_pool() -> None:
    ended = threading.Event()
    with pool(1, NEVER) as made:
        made.submit(lambda: 1 / 0)
        made.submit(ended.set)
        assert ended.wait(SECONDS)


def test_an_outbox_sends_so_much_at_once() -> None:
    sent: list[int] = []
    outbox = Outbox(2)
    for number in range(4):
        outbox.put(sent.append, number)
    assert sent == [0, 1]
    outbox.answered()
    assert sent == [0, 1, 2]
    assert not outbox.wait(0.0)
    for _ in range(3):
        outbox.answered()
    assert sent == [0, 1, 2, 3]
    assert outbox.wait(0.0)


def test_answers_that_come_at_once_do_not_pile_up() -> None:
    sent: list[int] = []
    outbox = Outbox(1)

    def send(number: int) -> None:
        sent.append(number)
        outbox.answered()

    outbox.put(sent.append, -1)
    for number in range(5000):
        outbox.put(send, number)
    outbox.answered()
    assert sent == list(range(-1, 5000))
    assert outbox.wait(0.0)
