"""One line of comma-separated values as Go's encoding/csv reads it."""

from __future__ import annotations

from fakesidecar.golang.error import GoError


def read_csv_record(text: str) -> list[str]:
    """The fields of the first record of a text."""
    fields: list[str] = []
    rest, column = text, 1
    while True:
        if rest.startswith('"'):
            field, length = _quoted(rest, column)
        else:
            field = rest.partition(",")[0].partition("\n")[0]
            length = len(field)
            if '"' in field:
                raise _parse_error(column + len(field.partition('"')[0].encode()), 'bare " in non-quoted-field')
        fields.append(field)
        if rest[length : length + 1] != ",":
            return fields
        column += len(rest[: length + 1].encode())
        rest = rest[length + 1 :]


def _quoted(text: str, column: int) -> tuple[str, int]:
    """The field in quotes that a text begins with, and how many characters it takes."""
    position, field = 1, ""
    while (end := text.find('"', position)) >= 0:
        field += text[position:end]
        match text[end + 1 : end + 2]:
            case '"':
                field, position = field + '"', end + 2
            case "" | "," | "\n":
                return field, end + 1
            case _:
                break
    else:
        end = len(text)
    raise _parse_error(column + len(text[:end].encode()), 'extraneous or missing " in quoted-field')


def _parse_error(column: int, reason: str) -> GoError:
    return GoError(f"parse error on line 1, column {column}: {reason}")
