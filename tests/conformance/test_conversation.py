"""The model that needs none, by every way in."""

from __future__ import annotations

import pytest

from .ways import Refused, Said, Way

TOOLS = {"weather": ["days", "city"], "time": []}


def test_it_says_what_it_was_told(way: Way) -> None:
    assert way.say("store", ["one", "two  words"]) == "one\ntwo  words"
    assert way.ask("store", ["one", "two"]) == Said("one\ntwo")
    assert way.ask("store", ["grün\n"]).text == "grün\n"


def test_it_calls_every_tool(way: Way) -> None:
    for choice in (None, "auto", "required", "time"):
        assert way.ask("store", ["well?"], tools=TOOLS, choice=choice) == Said(
            "well?", (("weather", "city,days"), ("time", "")), "tool_calls"
        )


def test_what_is_private_is_kept_from_it(way: Way) -> None:
    text = "write to ann@example.com from 192.168.0.1"
    assert way.say("store", [text], scrub=True) == "write to <EMAIL_ADDRESS> from <IP>"
    assert way.say("store", [text], scrub_reply=True) == "write to <EMAIL_ADDRESS> from <IP>"
    assert way.say("store", [text]) == text


def test_what_makes_no_sense_is_refused(way: Way) -> None:
    with pytest.raises(Refused, match="nowhere"):
        way.say("nowhere", ["x"])
    with pytest.raises(Refused, match="nowhere"):
        way.ask("nowhere", ["x"])
    for converse in (way.say, way.ask):
        with pytest.raises(Refused, match="inputs"):
            converse("store", [])
    with pytest.raises(Refused, match="tool choice"):
        way.ask("store", ["x"], choice="required")
    with pytest.raises(Refused, match="tool choice"):
        way.ask("store", ["x"], tools=TOOLS, choice="guess")
