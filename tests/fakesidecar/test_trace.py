"""W3C trace context and baggage, as daprd reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakesidecar.trace import NO_SPAN, BrokenBaggage, Span, parse_baggage, parse_span, parse_state

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize("flags", ["00", "01", "02", "ff", "0102"])
def test_a_traceparent_comes_back_as_it_was_sent(flags: str) -> None:
    span = parse_span(f"00-{TRACE}-{SPAN}-{flags}")
    assert span == Span(TRACE, SPAN, int(flags[:2], 16))
    assert span.traceparent == f"00-{TRACE}-{SPAN}-{flags[:2]}"


@pytest.mark.parametrize("parent", [f"cc-{TRACE}-{SPAN}-09", f"cc-{TRACE}-{SPAN}-09-more"])
def test_versions_to_come_are_read_as_the_one_there_is(parent: str) -> None:
    assert parse_span(parent).traceparent == f"00-{TRACE}-{SPAN}-09"


@pytest.mark.parametrize(
    "parent",
    [
        "nonsense",
        "00-0af7-b7ad-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-0g",
        f"00-{TRACE}-{SPAN}-1",
        "",
        None,
    ],
)
def test_a_broken_traceparent_is_none(parent: str | None) -> None:
    assert parse_span(parent, "a=1") is NO_SPAN
    assert NO_SPAN.traceparent == f"00-{'0' * 32}-{'0' * 16}-00"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a=1,b=2", "a=1,b=2"),
        ("a=1, b=2 ,,c=3", "a=1,b=2,c=3"),
        ("a@b=1", "a@b=1"),
        ("a=1,a=2", ""),
        ("A=1", ""),
        ("1a=1", ""),
        ("a=", ""),
        ("=1", ""),
        ("a=1,b", ""),
        ("a=x\ty", ""),
        (",".join(f"k{number}=v" for number in range(33)), ""),
    ],
)
def test_a_tracestate_is_taken_whole_or_not_at_all(text: str, read: str) -> None:
    assert parse_state(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("user=ann,level=3", "user=ann,level=3"),
        ("user=ann;scope=all,x=a%20b", "user=ann;scope=all,x=a%20b"),
        (" a = 1 ,b= 2", "a=1,b=2"),
        ("a=1,a=2", "a=2"),
        ("a=b=c", "a=b=c"),
        ("a=%E4", "a=%EF%BF%BD"),
        ("a=1;p=x;q", "a=1;p=x;q"),
        ("a=1;", "a=1;"),
        ("a=1;p=", "a=1;p="),
    ],
)
def test_baggage_is_read_member_by_member(text: str, read: str) -> None:
    assert parse_baggage(text) == read


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nonsense", 'invalid baggage list-member: "nonsense"'),
        ("a=1,", 'invalid baggage list-member: ""'),
        ("=1", 'invalid key: ""'),
        ("a b=1", 'invalid key: "a b"'),
        ("a/b=1", 'invalid key: "a/b"'),
        ("a=b c", 'invalid value: "b c"'),
        ('a="x"', 'invalid value: "\\"x\\""'),
        ("a=%zz", 'invalid value: invalid URL escape "%zz"'),
        ("a=1;=x", 'invalid baggage list-member property: "=x"'),
        ("a=1; p p=2", 'invalid baggage list-member property: " p p=2"'),
        ("x" * 9000, "baggage-string too large: 9000"),
        (",".join(f"k{number}=v" for number in range(65)), "too many list-members in baggage-string"),
    ],
)
def test_broken_baggage_says_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(BrokenBaggage) as caught:
        parse_baggage(text)
    assert str(caught.value) == complaint


@given(st.text())
def test_whatever_baggage_is_taken_is_taken_again(text: str) -> None:
    try:
        read = parse_baggage(text)
    except BrokenBaggage:
        return
    assert parse_baggage(read) == read
