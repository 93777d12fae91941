"""Judges of what happened: whether a history can be explained by what Dapr promises.

    history = checkers.History(dapr_sidecar.clock.now)
    ann, ben = (history.watch(dapr_sidecar.client(), name) for name in ("ann", "ben"))
    ...  # what ann and ben do, at the same time, while things go wrong
    checkers.linearizable(history)

Each raises `Violation`, an AssertionError whose text is the timeline of a counter-example.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from dapr_client import Concurrency, StateItem, TopicEventResponseStatus, TransactionOperationType
from dapr_client._checks import to_bytes
from dapr_client.pubsub import status_of
from dapr_testing._history import LATE, Done, History

if TYPE_CHECKING:
    from dapr_testing._sidecar import DaprSidecar

__all__ = [
    "History",
    "Violation",
    "at_least_once",
    "exactly_once",
    "linearizable",
    "mutual_exclusion",
    "no_lost_ack",
]

T = TypeVar("T")


class Violation(AssertionError):
    """What happened cannot be explained by what was promised."""


# --- state ----------------------------------------------------------------------------------------------------------

ALONE = ("save_state", "delete_state")
"""Methods whose conflict is about the one key that they name."""
PARTLY = ("save_bulk_state", "delete_bulk_state")
FRESH = "?"
"""The etag of a value that nobody has read yet."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a key holds, as far as a history tells it."""

    value: bytes = b""
    etag: str = ""
    past: frozenset[str] = frozenset()
    """Etags of values that were overwritten: they do not come back while the key exists."""

    def has(self, etag: str) -> bool:
        """Whether the etag of the value may be this one."""
        return self.etag == etag or (self.etag == FRESH and etag not in self.past)

    def written(self, value: bytes | None) -> Held:
        """What is held after a write; None deletes."""
        if value is None:
            return Held()
        return Held(value, FRESH, self.past | ({self.etag} - {"", FRESH}))


@dataclass(frozen=True, slots=True)
class Step:
    """What one call did to one key."""

    done: Done
    kind: str
    """`read`, `write` (of None: delete)."""
    value: bytes | None = None
    etag: str = ""
    first: bool = False
    """A write that is to succeed only where nothing is."""
    expires: bool = False
    """The end of a time to live."""

    def apply(self, held: Held) -> Held | None:
        """What is held afterwards, None when it cannot have happened then."""
        if self.expires:
            return Held()
        if self.done.error is not None and not self.maybe:
            return held if self._may_conflict(held) else None
        if self.kind == "read":
            return self._read(held)
        if self.etag and held.etag and not held.has(self.etag):
            return None
        if self.first and held.etag:
            return None
        known = replace(held, etag=self.etag) if self.etag and held.etag else held
        return known.written(self.value)

    def _read(self, held: Held) -> Held | None:
        if self.value != held.value:
            return None
        if not held.etag or not self.etag:
            return held if held.etag == self.etag else None
        return replace(held, etag=self.etag) if held.has(self.etag) else None

    def _may_conflict(self, held: Held) -> bool:
        """Whether the call may have been refused: any error but a conflict says nothing of what is held."""
        status = getattr(self.done.error, "code", lambda: None)()
        if status is None or status.name != "ABORTED" or self.done.what not in ALONE:
            return True
        return bool((self.etag and held.etag != self.etag) or (self.first and held.etag))

    @property
    def end(self) -> int:
        """When it was over at the latest."""
        return LATE if self.optional else self.done.end

    @property
    def optional(self) -> bool:
        """Whether it may never have happened."""
        return self.expires or self.maybe

    @property
    def maybe(self) -> bool:
        """Whether nobody knows if it was done: of many writes at once, some may have been when the call failed."""
        return self.done.maybe or (self.done.error is not None and self.done.what in PARTLY)


def linearizable(history: History, *, store: str | None = None, initial: dict[str, bytes] | None = None) -> None:
    """Every read and write of a key seems to have happened at one moment between its begin and its end.

    Etags are part of it: a write that named one succeeded only on the value that had it. Calls that failed without a
    decision may have happened at any time since, or never. `initial` has what keys held at the beginning. Whoever
    writes must be part of the history.
    """
    for (name, key), steps in _by_key(history.done).items():
        if store is not None and name != store:
            continue
        start = Held((initial or {})[key], FRESH) if key in (initial or {}) else Held()
        if (stuck := _unexplained(steps, start)) is not None:
            raise Violation(_why(history, name, key, steps, *stuck))


def _by_key(done: Iterable[Done]) -> dict[tuple[str, str], list[Step]]:
    """What was done to each key of each store."""
    steps: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for one in done:
        found = TOUCHES.get(one.what)
        if found is None or (one.what.startswith("get") and not one.ok):
            continue
        for key, step in found(one):
            steps[one.arguments["store_name"], key].append(step)
            if step.kind == "write" and step.value is not None and _lives(one, key):
                steps[one.arguments["store_name"], key].append(Step(one, "write", None, expires=True))
    return steps


def _write(one: Done, key: str, value: Any, etag: str | None, options: Any) -> tuple[str, Step]:
    first = options is not None and options.concurrency is Concurrency.first_write and not etag
    return key, Step(one, "write", None if value is None else to_bytes(value), etag or "", first)


def _saved(one: Done) -> Iterator[tuple[str, Step]]:
    said = one.arguments
    yield _write(one, said["key"], said["value"], said.get("etag"), said.get("options"))


def _deleted(one: Done) -> Iterator[tuple[str, Step]]:
    said = one.arguments
    yield _write(one, said["key"], None, said.get("etag"), said.get("options"))


def _saved_all(one: Done) -> Iterator[tuple[str, Step]]:
    for item in one.arguments["states"]:
        yield _write(one, item.key, item.value, item.etag, item.options)


def _deleted_all(one: Done) -> Iterator[tuple[str, Step]]:
    for item in one.arguments["states"]:
        if isinstance(item, StateItem):
            yield _write(one, item.key, None, item.etag, item.options)
        else:
            yield _write(one, item, None, None, None)


def _transacted(one: Done) -> Iterator[tuple[str, Step]]:
    for step in one.arguments["operations"]:
        gone = step.operation_type is TransactionOperationType.delete
        yield _write(one, step.key, None if gone else step.data, step.etag, None)


def _got(one: Done) -> Iterator[tuple[str, Step]]:
    yield one.arguments["key"], Step(one, "read", one.answer.data, one.answer.etag)


def _got_all(one: Done) -> Iterator[tuple[str, Step]]:
    for item in one.answer.items:
        if not item.error:
            yield item.key, Step(one, "read", item.data, item.etag)


TOUCHES: dict[str, Callable[[Done], Iterator[tuple[str, Step]]]] = {
    "save_state": _saved,
    "delete_state": _deleted,
    "save_bulk_state": _saved_all,
    "delete_bulk_state": _deleted_all,
    "execute_state_transaction": _transacted,
    "get_state": _got,
    "get_bulk_state": _got_all,
}
"""What the methods of a client do to which keys."""


def _lives(one: Done, key: str) -> bool:
    """Whether what was written has a time to live."""
    said = one.arguments
    items = [*said.get("states", ()), *said.get("operations", ())]
    given = [said.get("state_metadata"), *(item.metadata for item in items if getattr(item, "key", None) == key)]
    return any("ttlInSeconds" in (metadata or {}) for metadata in given)


def _unexplained(steps: Sequence[Step], start: Held) -> tuple[list[Step], Held] | None:
    """The longest order in which the steps may have happened, and what is held then; None when it is all of them.

    A depth-first search that looks at no state twice (Wing and Gong, with Lowe's memory).
    """
    every = (1 << len(steps)) - 1
    needed = sum(1 << number for number, step in enumerate(steps) if not step.optional)
    seen: set[tuple[int, Held]] = set()
    best: tuple[list[Step], Held] = [], start
    stack: list[tuple[int, Held, tuple[Step, ...]]] = [(0, start, ())]
    while stack:
        chosen, held, order = stack.pop()
        if chosen & needed == needed:
            return None
        if len(order) > len(best[0]):
            best = list(order), held
        left = [number for number in range(len(steps)) if (every & ~chosen) >> number & 1]
        horizon = min((steps[number].end for number in left), default=LATE)
        for number in reversed(left):
            step = steps[number]
            if step.done.begin > horizon:
                continue
            after = step.apply(held)
            state = chosen | 1 << number, after
            if after is not None and state not in seen:
                seen.add((chosen | 1 << number, after))
                stack.append((chosen | 1 << number, after, (*order, step)))
    return best


def _why(history: History, store: str, key: str, steps: Sequence[Step], order: list[Step], held: Held) -> str:
    about = list({id(step.done): step.done for step in steps}.values())
    marks = {step.done.begin: f"{number}." for number, step in enumerate(order, 1)}
    last = "nothing" if not held.etag else repr(held.value)
    return (
        f"{key!r} of {store!r} is not what it would be if every call had happened at one moment\n"
        f"{history.timeline(marks, about)}\n"
        f"the numbers in front are the longest order that can be; then {key!r} holds {last}, and no other call fits"
    )


# --- effects --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def exactly_once(
    sidecar: DaprSidecar, observe: Callable[[], T], change: Callable[[T], T], *, failures: bool = True
) -> Iterator[None]:
    """What the block does has its effect once, however often its calls were tried.

    `observe` tells what is there, without anything going wrong; `change` what is to be there afterwards. A block that
    raises may have had the effect or not (`failures=False`: it must not have had it), but not more than once.
    """
    before = observe()
    began = len(sidecar.calls)
    try:
        yield
    except Exception as error:
        _judge(sidecar, began, observe(), [before, change(before)] if failures else [before], error)
        raise
    _judge(sidecar, began, observe(), [change(before)], None)


def _judge(sidecar: DaprSidecar, began: int, after: Any, allowed: list[Any], error: Exception | None) -> None:
    if after in allowed:
        return
    wanted = " or ".join(map(repr, allowed))
    ended = "it ended well" if error is None else f"it raised {type(error).__name__}"
    raise Violation(f"there is {after!r}, not {wanted} ({ended})\n{sidecar.calls.timeline(since=began)}") from error


# --- events ---------------------------------------------------------------------------------------------------------

TAKEN = (TopicEventResponseStatus.success, TopicEventResponseStatus.drop)


def at_least_once(history: History, *, topic: str | None = None, subscribers: Iterable[str] | None = None) -> None:
    """Every event whose publishing ended well was delivered to every subscriber, and nothing that nobody published.

    Events are told apart by their data and, between deliveries, by their ids. `subscribers` are the names given to
    `History.handler`; without them, all that anything was delivered to.
    """
    published, maybe = _published(history, topic)
    got: dict[str, dict[bytes, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in _deliveries(history, topic):
        got[one.who][to_bytes(one.arguments["data"])].add(one.arguments["id"])
    for who in subscribers if subscribers is not None else list(got):
        for data, count in published.items():
            if len(got[who][data]) < count:
                raise Violation(
                    f"{who} was to be given {data!r} {count} time(s), and was given {len(got[who][data])}\n{history!r}"
                )
        for data in got[who]:
            if data not in published and data not in maybe:
                raise Violation(f"{who} was given {data!r}, which nobody published\n{history!r}")


def no_lost_ack(history: History, *, topic: str | None = None, retried: bool = True) -> None:
    """What a subscriber took was not delivered to it again; what it did not take was (`retried`)."""
    last: dict[tuple[str, str], Done] = {}
    for one in _deliveries(history, topic):
        before = last.get((one.who, one.arguments["id"]))
        if before is not None and _taken(before):
            raise Violation(f"{one.who} was given again what it had taken: {one.arguments['id']}\n{history!r}")
        last[one.who, one.arguments["id"]] = one
    for (who, id), one in last.items():
        if retried and one.end != LATE and not _taken(one):
            raise Violation(f"{who} did not take {id}, and was not given it again\n{history!r}")


def _taken(one: Done) -> bool:
    return one.ok and (one.answer is None or status_of(one.answer) in TAKEN)


def _deliveries(history: History, topic: str | None) -> list[Done]:
    return [one for one in history.of("deliver") if topic in (None, one.arguments["topic_name"])]


def _published(history: History, topic: str | None) -> tuple[dict[bytes, int], set[bytes]]:
    """How often data was published for certain, and what may have been."""
    certain: dict[bytes, int] = defaultdict(int)
    maybe: set[bytes] = set()
    for one in history.of("publish_event", "publish_events"):
        said = one.arguments
        if topic not in (None, said["topic_name"]):
            continue
        failed = {entry.entry_id for entry in getattr(one.answer, "failed_entries", ())}
        for item in said["data"] if one.what == "publish_events" else [said["data"]]:
            data = to_bytes(getattr(item, "event", item))
            if one.ok and not failed:
                certain[data] += 1
            elif one.maybe or failed:
                maybe.add(data)
    return certain, maybe


# --- locks ----------------------------------------------------------------------------------------------------------


def mutual_exclusion(history: History) -> None:
    """Nobody was given a lock that somebody else held for certain, and no two were inside at the same time.

    Who was given a lock holds it from the end of that call until it begins to unlock it, or until the lease is over.
    """
    held: dict[tuple[str, str], list[Done]] = defaultdict(list)
    for one in history.of("try_lock"):
        if one.ok and one.answer.success:
            held[one.arguments["store_name"], one.arguments["resource_id"]].append(one)
    for (_, resource), leases in held.items():
        for first in leases:
            for second in leases:
                if _locked_over(history, first, second):
                    raise Violation(
                        f"{second.who} was given {resource!r} while {first.who} held it\n"
                        f"{history.timeline({first.begin: '=>', second.begin: '=>'})}"
                    )
    _alone(history)


def _locked_over(history: History, first: Done, second: Done) -> bool:
    owner = first.arguments["lock_owner"]
    if owner == second.arguments["lock_owner"] or second.begin < first.end:
        return False
    released = min(
        (
            one.begin
            for one in history.of("unlock")
            if one.arguments["lock_owner"] == owner
            and one.arguments["resource_id"] == first.arguments["resource_id"]
            and one.end > first.end
        ),
        default=LATE,
    )
    return second.end < released and second.ended < first.started + first.arguments["expiry_in_seconds"]


def _alone(history: History) -> None:
    sections = history.of("inside")
    for number, first in enumerate(sections):
        for second in sections[number + 1 :]:
            same = first.arguments == second.arguments and first.who != second.who
            if same and second.begin < first.end and first.begin < second.end:
                raise Violation(
                    f"{first.who} and {second.who} were inside {first.arguments['resource_id']!r} at the same time\n"
                    f"{history.timeline({first.begin: '=>', second.begin: '=>'})}"
                )
