"""YAML is read as Go's libraries read it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from fakesidecar.resources._yaml import (
    BOOL,
    INT32,
    TEXT,
    Decoder,
    Document,
    ListOf,
    Struct,
    YamlError,
    compose,
    documents,
    plain_value,
    scalar,
)

SCHEMA = Struct(
    "v1.Thing", {"name": TEXT, "on": BOOL, "count": INT32, "part": Struct("v1.Part", {"tags": ListOf(TEXT)})}
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("yes", True),
        ("off", False),
        ("N", False),
        ("5", 5),
        ("-5", -5),
        ("0x1F", 31),
        ("0777", 511),
        ("0o17", 15),
        ("0b101", 5),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", math.inf),
        ("12:30:45", "12:30:45"),
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        ("0xZZ", "0xZZ"),
        ("_", "_"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_a_plain_scalar_means_what_it_means_in_go(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_yaml_v3_takes_old_words_as_text() -> None:
    assert scalar("yes", old_words=False) == "yes"


def test_quoted_scalars_are_texts_and_anchors_and_merges_work() -> None:
    node = compose("base: &b {x: '5', y: 1}\nmore: {<<: *b, y: 2}\nsame: *b\nday: !!str 2020-01-01")
    assert plain_value(node) == {
        "base": {"x": "5", "y": 1},
        "more": {"x": "5", "y": 2},
        "same": {"x": "5", "y": 1},
        "day": "2020-01-01",
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("this: is: not: yaml", "yaml: mapping values are not allowed in this context"),
        ("a:\n  b: c: d\n", "yaml: line 2: mapping values are not allowed in this context"),
        ("a: [1\n", "yaml: line 1: did not find expected ',' or ']'"),
        ("a: 'x\n", "yaml: line 2: found unexpected end of stream"),
        ("a: *foo\n", "yaml: unknown anchor 'foo' referenced"),
        ('a: "\\q"\n', "yaml: found unknown escape character"),
        ("kind: C\nspec:\n\tx: 1\n", "yaml: line 3: found character that cannot start any token"),
    ],
)
def test_broken_yaml_is_complained_about_as_go_does(text: str, complaint: str) -> None:
    with pytest.raises(YamlError, match=r"^yaml: ") as caught:
        compose(text)
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    ("text", "complaint", "of_v3"),
    [
        (
            '\n\nx: "abc\n\n',
            "yaml: line 5: found unexpected end of stream",
            "yaml: line 3: found unexpected end of stream",
        ),
        (
            "k:\n - a\n  - b\n c: 1\n",
            "yaml: line 3: did not find expected '-' indicator",
            "yaml: line 1: did not find expected '-' indicator",
        ),
    ],
)
def test_the_line_is_where_it_went_wrong_or_where_it_began(text: str, complaint: str, of_v3: str) -> None:
    for v3, expected in ((False, complaint), (True, of_v3)):
        with pytest.raises(YamlError) as caught:
            compose(text, v3=v3)
        assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a\n---\nb\n", [Document("a", 1), Document("b\n", 3)]),
        ("a\n--- # comment\nb", [Document("a", 1), Document("b", 3)]),
        ("a\n---", [Document("a", 1)]),
        ("a\n--- x", []),
        ("---\na", [Document("---\na", 1)]),
        ("", []),
    ],
)
def test_documents_are_split_as_daprd_splits_them(text: str, parts: list[Document]) -> None:
    assert list(documents(text)) == parts


def decode(text: str, *, json: bool = True) -> tuple[Any, Decoder]:
    decoder = Decoder(json=json)
    return decoder.decode(compose(text), SCHEMA), decoder


def test_keys_are_found_in_any_case_and_the_exact_one_wins() -> None:
    assert decode("{NAME: a, Part: {Tags: [x, z]}, unknown: 1}")[0] == {"name": "a", "part": {"tags": ["x", "z"]}}
    assert decode("{name: lower, NAME: upper}")[0] == {"name": "lower"}


def test_numbers_and_booleans_become_texts_where_a_text_is_wanted() -> None:
    assert decode("{name: 5, part: {tags: [true, 1.5]}}")[0] == {"name": "5", "part": {"tags": ["true", "1.5"]}}


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        (
            "part: {tags: a}",
            "json: cannot unmarshal string into Go struct field Part.part.tags of type []string",
            "part.tags is a, line 1",
        ),
        (
            "name: x\non: 'true'",
            "json: cannot unmarshal string into Go struct field Thing.on of type bool",
            "on is true, line 2",
        ),
        (
            "count: 1.5",
            "json: cannot unmarshal number into Go struct field Thing.count of type int32",
            "count is 1.5, line 1",
        ),
    ],
)
def test_a_mismatch_is_told_in_gos_words_and_in_ours(text: str, words: str, hint: str) -> None:
    _, decoder = decode(text)
    assert [(mismatch.in_json_words, mismatch.hint()) for mismatch in decoder.mismatches] == [(words, hint)]


def test_yaml_v3_names_lines_and_cuts_long_values() -> None:
    _, decoder = decode("on: perhaps not\ncount: [1]\nname: 5", json=False)
    assert [mismatch.in_yaml_words for mismatch in decoder.mismatches] == [
        "line 1: cannot unmarshal !!str `perhaps...` into bool",
        "line 2: cannot unmarshal !!seq into int32",
    ]
