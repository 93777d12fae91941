"""What became of a sidecar's comparison with the recordings: per scenario, as text, as a table, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from . import tables
from .player import RECORDINGS, Played, expected_answers, load, play
from .values import Json, masked


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scenario went."""

    scenario: str
    equal: tuple[str, ...]
    explained: tuple[str, ...]
    """Different for a reason that is listed."""
    differences: tuple[str, ...]
    """Every difference that nobody explains, a line each."""
    failure: str | None

    @property
    def total(self) -> int:
        """The exchanges of the scenario."""
        return len(expected_answers(load(self.scenario)))

    @property
    def summary(self) -> str:
        reasons = f", {len(self.explained)} explained" if self.explained else ""
        stopped = f"; stopped by {self.failure}" if self.failure else ""
        return f"{self.scenario:24} {len(self.equal):4} of {self.total:4} equal{reasons}{stopped}"


def outcome_of(scenario: str, command: Sequence[str]) -> Outcome:
    """Play a scenario."""
    played = play(load(scenario), command)
    asked = played.exchanges.values()
    explained = tuple(one.id for one in asked if (scenario, one.id) in tables.differences() and not one.equal)
    return Outcome(
        scenario,
        equal=tuple(one.id for one in asked if one.equal),
        explained=explained,
        differences=tuple(line for one in asked if one.id not in explained for line in one.differences),
        failure=played.failure,
    )


def record(scenario: str, command: Sequence[str]) -> str:
    """Write what this sidecar answers into the recording."""
    recording = load(scenario)
    played = play(recording, command)
    missing = [one.id for one in played.exchanges.values() if not one.reached]
    if played.failure or missing:
        return f"{scenario}: NOT recorded, {played.failure or 'not reached: ' + ', '.join(missing)}"
    for step in recording["steps"]:
        if step["do"] == "metadata":
            step["answer"] = {door: _answer(played, f"{step['id']}.{door}") for door in step["answer"]}
        elif "id" in step:
            step["answer"] = _answer(played, step["id"])
    (RECORDINGS / f"{scenario}.json").write_text(
        json.dumps(recording, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return f"{scenario}: {len(played.exchanges)} recorded"


def _answer(played: Played, id_: str) -> Json:
    """What was answered; where it is equal to what was recorded, the recording stays as it is."""
    one = played.exchanges[id_]
    return one.expected if one.equal else masked(one.actual, one.masks)


def percentage(outcomes: Sequence[Outcome]) -> str:
    """How many of the exchanges are equal."""
    total, equal = sum(one.total for one in outcomes), sum(len(one.equal) for one in outcomes)
    return f"{equal} of {total} equal, {100 * equal / total:.2f} %" if total else "nothing played"


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a Markdown table."""
    lines = ["| scenario | exchanges | equal | differ, explained |", "|---|--:|--:|--:|"]
    for one in outcomes:
        lines.append(f"| {one.scenario} | {one.total} | {len(one.equal)} | {len(one.explained)} |")
    return "\n".join([*lines, "", percentage(outcomes)])


def as_json(outcomes: Sequence[Outcome]) -> Json:
    """The outcome of every exchange."""
    words = {}
    for one in outcomes:
        known = dict.fromkeys(one.equal, "equal") | dict.fromkeys(one.explained, "explained")
        words[one.scenario] = {id_: known.get(id_, "different") for id_ in expected_answers(load(one.scenario))}
    return words
