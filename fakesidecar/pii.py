"""Takes what is private out of a text: `mail <EMAIL_ADDRESS> please` (aavaz-ai/pii-scrubber, which Dapr uses).

Every pattern is looked for in the whole text; of two finds that overlap the one that begins first stands, and nothing
is replaced inside of links. Much of it is odd, and as upstream has it: any four digits are a phone number, and finds
that touch each other leave a character between them, or all that follows untouched.
"""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache


def _ipv6() -> str:
    """The forms of an IPv6 address by how many groups stand in front of `::`."""
    octet = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
    ipv4 = rf"(?:{octet}(?:\.{octet}){{3}})"
    group = "[0-9A-Fa-f]{1,4}"
    forms = [rf"(?:{group}:){{7}}(?:{group}|:)", rf"(?:{group}:){{6}}(?::{group}|{ipv4}|:)"]
    for count in range(5, 0, -1):
        rest = rf"(?::{group}){{1,{7 - count}}}|(?::{group}){{0,{5 - count}}}:{ipv4}|:"
        forms.append(rf"(?:{group}:){{{count}}}(?:{rest})")
    forms.append(rf":(?:(?::{group}){{1,7}}|(?::{group}){{0,5}}:{ipv4}|:)")
    return rf"(?:{'|'.join(forms)})(?:%.+)?\s*"


_OCTET = "(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)"
_IPV4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_IPV6 = _ipv6()
_EXCHANGE = "(?:[2-9]1[02-9]|[2-9][02-8]1|[2-9][02-8][02-9])"
_SEPARATOR = r"\s*(?:[.-]\s*)?"

PRIVATE: tuple[tuple[str, str], ...] = (
    (
        "STREET_ADDRESS",
        (
            r"(?i)\d{1,4} [\w\s]{1,20}(?:street|st|avenue|ave|road|rd|highway|hwy|square|sq|trail|trl|drive|dr|court|ct"
            r"|park|parkway|pkwy|circle|cir|boulevard|blvd)\W?"
        ),
    ),
    ("CREDIT_CARD", r"(?:\d{4}[- ]?){3}\d{4}|\d{15,16}"),
    (
        "PHONE_NUMBER",
        (
            rf"(?i)(?:(?:\+?1{_SEPARATOR})?(?:\(\s*{_EXCHANGE}\s*\)|{_EXCHANGE}){_SEPARATOR})?"
            rf"(?:[2-9]1[02-9]|[2-9][02-9]1|[2-9][02-9]{{2}}){_SEPARATOR}[0-9]{{4}}"
            r"(?:\s*(?:#|x\.?|ext\.?|extension)\s*(?:\d+)?)"
        ),
    ),
    (
        "PHONE_NUMBER",  # the slashes and `gm` are upstream's: a pattern of JavaScript, taken with its delimiters
        (
            r"/(?:\+?\d{1,3}[-.\s*]?)?(?:\d\s?){8,11}"
            r"|(?:\+?\d{1,3}[-.\s*]?)?(?:\(?\d{2,3}\)?[-.\s*]?)?\d{2,3}[-.\s*]?\d{2,6}"
            r"|(?:\(\+?\d{1,2}\)|\+?\d{1,2})\s*\d{2}\s*\d{3}\s*\d{4}/gm"
        ),
    ),
    (
        "EMAIL_ADDRESS",
        r"(?i)[a-z0-9!#$%&'*+/=?^_{|.}~-]+@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]*[a-z0-9])?",
    ),
    ("IP", f"{_IPV4}|{_IPV6}"),
    ("ZIP_CODE", r"\b\d{5}(?:[-\s]\d{4})?\b"),
    ("PO_BOX", r"(?i)P\.? ?O\.? Box \d+"),
    ("US_SSN", r"\d{3}-\d{2}-\d{4}"),
    ("ISBN", r"(?:\d-?){9}[\dxX]"),
    ("ISBN", r"(?:\d-?){12}[\dxX]"),
    ("MAC_ADDRESS", r"(?:[a-fA-F0-9]{2}[:-]){5}[a-fA-F0-9]{2}"),
    ("IBAN", r"[A-Z]{2}\d{2}[A-Z0-9]{4}\d{7}[A-Z\d]{0,16}"),
)
"""What is private, in upstream's order."""

_IN_PARENTHESES = r"\((?:[^\s()<>]|\([^\s()<>]+\))*\)"
LINKS = (
    rf"https?://[a-z0-9.\-]+[.](?:[^\s()<>]|{_IN_PARENTHESES})+(?:{_IN_PARENTHESES}|[^\s!()\[\]{{}};:'\".,<>?])",
    r"(?:git|ssh|https?|git@[\w.]+):(?://)?[\w.@:/\-~]+\.git/?",
)
"""What stays as it is, whatever it contains."""


@dataclass(slots=True)
class _Found:
    start: int
    end: int
    name: str = ""


@cache
def _patterns() -> tuple[list[tuple[str, re.Pattern[str]]], list[tuple[str, re.Pattern[str]]]]:
    return (
        [(name, re.compile(pattern, re.ASCII)) for name, pattern in PRIVATE],
        [("", re.compile(pattern, re.ASCII)) for pattern in LINKS],
    )


def scrub(text: str) -> str:
    """The text with `<NAME>` for what is private."""
    private, links = _patterns()
    return _replace(text.encode(), _outside(_apart(_find(text, private)), _find(text, links)))


def _find(text: str, patterns: list[tuple[str, re.Pattern[str]]]) -> list[_Found]:
    """All finds by where they begin, the longest first, of equal ones the last; places are those of the bytes."""
    found = []
    place = _places(text)
    for name, pattern in patterns:
        if name == "EMAIL_ADDRESS" and "@" not in text:
            continue  # the pattern is slow to find that out
        found += [_Found(place(match.start()), place(match.end()), name) for match in pattern.finditer(text)]
    found.reverse()
    return sorted(found, key=lambda one: (one.start, -one.end))


def _places(text: str) -> Callable[[int], int]:
    """From places of characters to places of bytes."""
    if text.isascii():
        return lambda place: place
    places = [0, *itertools.accumulate(len(character.encode()) for character in text)]
    return places.__getitem__


def _apart(found: list[_Found]) -> list[_Found]:
    """Drop what ends inside of the find before it, and let what only begins there begin a byte behind its end.

    That byte stays in the text. What is dropped still counts as the find before the next one.
    """
    out = found[:1]
    for before, one in itertools.pairwise(found):
        if one.start <= before.end:
            if one.end <= before.end:
                continue
            one.start = before.end + 1
        out.append(one)
    return out


def _outside(found: list[_Found], links: list[_Found]) -> list[_Found]:
    """Leave out what touches a link."""
    left = deque(found)
    out = []
    for link in links:
        while left and left[0].end < link.start:
            out.append(left.popleft())
        while left and left[0].start <= link.end:
            left.popleft()
    return [*out, *left]


def _replace(text: bytes, found: list[_Found]) -> str:
    """Put names in place of finds; the first that begins inside of the one before it is the end of all replacing."""
    out: list[bytes] = []
    end = 0
    for one in found:
        if one.start < end or one.start >= len(text):
            break
        out += (text[end : one.start], f"<{one.name}>".encode())
        end = one.end
    return b"".join((*out, text[end:])).decode(errors="replace")
