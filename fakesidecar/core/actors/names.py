"""Names that may stand in an actor's address (dapr pkg/security/names).

What they say of a name that is none is a text; which error it becomes depends on the call.
"""

from __future__ import annotations

from fakesidecar import golang

RESERVED = "dapr.internal."
"""Types with this prefix are the workflow engine's."""


def fault_in_name(name: str) -> str:
    """What is wrong with a type, an id, or the name of a reminder or timer; empty when nothing is."""
    if name in (".", ".."):
        return f"name is a path traversal sequence: {golang.quote(name)}"
    return _fault("name", name, "/\\#?\0")


def fault_in_method(method: str) -> str:
    """What is wrong with a method's name, which may be a path; empty when nothing is."""
    return _fault("method", method, "#?\0")


def _fault(what: str, text: str, forbidden: str) -> str:
    if any(letter in forbidden for letter in text):
        return f"{what} contains forbidden character: {golang.quote(text)}"
    for position, byte in enumerate(text.encode(errors="surrogateescape")):
        if byte < 0x20 or byte == 0x7F:
            return f"{what} contains control character at position {position}: {golang.quote(text)}"
    return ""
