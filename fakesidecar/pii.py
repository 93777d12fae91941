"""Takes what is private out of a text: `mail <EMAIL_ADDRESS> please` (aavaz-ai/pii-scrubber, which Dapr uses).

Every pattern is looked for in the whole text. Where two finds overlap the one that begins first stands; nothing is
replaced inside of links. That a phone number may be any four digits is upstream's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


def _ipv6(ipv4: str) -> str:
    """The forms of an IPv6 address by how many groups stand in front of `::`."""
    group = "[0-9A-Fa-f]{1,4}"
    forms = [rf"(?:{group}:){{7}}(?:{group}|:)", rf"(?:{group}:){{6}}(?::{group}|{ipv4}|:)"]
    for count in range(5, 0, -1):
        rest = rf"(?::{group}){{1,{7 - count}}}|(?::{group}){{0,{5 - count}}}:{ipv4}|:"
        forms.append(rf"(?:{group}:){{{count}}}(?:{rest})")
    forms.append(rf":(?:(?::{group}){{1,7}}|(?::{group}){{0,5}}:{ipv4}|:)")
    return rf"(?:{'|'.join(forms)})(?:%.+)?\s*"


_OCTET = "(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)"
_IPV4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
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
    ("IP", _IPV4),
    ("IP", _ipv6(_IPV4)),
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
    rank: int
    name: str


@cache
def _patterns() -> tuple[list[tuple[str, re.Pattern[str]]], list[re.Pattern[str]]]:
    private = [(name, re.compile(pattern, re.ASCII)) for name, pattern in PRIVATE]
    return private, [re.compile(pattern, re.ASCII) for pattern in LINKS]


def scrub(text: str) -> str:
    """The text with `<NAME>` for everything that is private."""
    private, links = _patterns()
    kept = [match.span() for link in links for match in link.finditer(text)]
    out: list[str] = []
    end = 0
    for found in _without_overlaps(_find(text, private)):
        if any(start < found.end and found.start < stop for start, stop in kept):
            continue
        out += (text[end : found.start], f"<{found.name}>")
        end = found.end
    return "".join((*out, text[end:]))


def _find(text: str, private: list[tuple[str, re.Pattern[str]]]) -> list[_Found]:
    found = []
    for rank, (name, pattern) in enumerate(private):
        if name == "EMAIL_ADDRESS" and "@" not in text:
            continue  # the pattern is slow to find that out
        found += [_Found(*match.span(), rank, name) for match in pattern.finditer(text)]
    return sorted(found, key=lambda one: (one.start, -one.end, -one.rank))


def _without_overlaps(found: list[_Found]) -> list[_Found]:
    """Drop what is inside of what came before, and cut what begins there."""
    out: list[_Found] = []
    for one in found:
        if out and one.end <= out[-1].end:
            continue
        if out and one.start < out[-1].end:
            one.start = out[-1].end
        out.append(one)
    return out
