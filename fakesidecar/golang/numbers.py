"""Numbers, durations, times and quantities as Go writes and reads them: strconv, time, Kubernetes' resource package."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, ROUND_UP, Context, Decimal, localcontext

from fakesidecar.golang.error import GoError
from fakesidecar.golang.text import quote

_INTEGER = re.compile(r"[+-]?[0-9]+")
_UNSIGNED = re.compile(r"[0-9]+")
_BOOLEANS = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "FALSE", "false", "False"), False
)


# strconv

_PRINT_PLAIN_BELOW = 6  # %v writes 100000 and 1e+06 (strconv/ftoa.go: precision 6 decides for the shortest form)


def format_float(value: float, verb: str = "v") -> str:
    """Write a float with as few digits as bring it back: verb `v` as fmt prints it, `json` as encoding/json does."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, point = _shortest_digits(value)
    exponent = point - 1
    if verb == "v":
        if exponent < -4 or exponent >= _PRINT_PLAIN_BELOW:
            return sign + _scientific(digits, exponent, width=2)
    elif value != 0 and (abs(value) < 1e-6 or abs(value) >= 1e21):
        return sign + _scientific(digits, exponent, width=1 if exponent < 0 else 2)
    return sign + _plain(digits, point)


def _shortest_digits(value: float) -> tuple[str, str, int]:
    """Split 12.5 into its sign "", its digits "125" and the place of the point 2."""
    sign, numbers, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)
    digits = "".join(map(str, numbers))
    point = len(digits) + exponent
    digits = digits.rstrip("0")
    return "-" if sign else "", digits or "0", point if digits else 1


def _scientific(digits: str, exponent: int, *, width: int) -> str:
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):0{width}d}"


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


def atoi(text: str) -> int:
    """Read a decimal integer of 64 bits as strconv.Atoi does."""
    return _integer("Atoi", text, -(1 << 63), (1 << 63) - 1, _INTEGER)


def parse_int(text: str, bits: int = 64) -> int:
    """Read a signed decimal integer as strconv.ParseInt does."""
    return _integer("ParseInt", text, -(1 << (bits - 1)), (1 << (bits - 1)) - 1, _INTEGER)


def parse_uint(text: str, bits: int = 64) -> int:
    """Read an unsigned decimal integer as strconv.ParseUint does: no sign at all."""
    return _integer("ParseUint", text, 0, (1 << bits) - 1, _UNSIGNED)


def _integer(function: str, text: str, low: int, high: int, pattern: re.Pattern[str]) -> int:
    if not pattern.fullmatch(text):
        raise _number_error(function, text, "invalid syntax")
    # Python refuses to read thousands of digits; whatever has more than twenty after its zeros is out of range anyway.
    digits = text.lstrip("+-").lstrip("0") or "0"
    value = int(digits[:21]) * (-1 if text[0] == "-" else 1)
    if not low <= value <= high:
        raise _number_error(function, text, "value out of range")
    return value


def parse_bool(text: str) -> bool:
    """Read a boolean as strconv.ParseBool does: `1`, `t`, `true`, `TRUE`, `True` and their opposites."""
    try:
        return _BOOLEANS[text]
    except KeyError:
        raise _number_error("ParseBool", text, "invalid syntax") from None


def is_truthy(text: str) -> bool:
    """Whether a text means yes to Dapr, which has its own idea of it; anything else means no (dapr kit/utils)."""
    return text.strip().lower() in ("y", "yes", "true", "t", "on", "1")


def _number_error(function: str, text: str, reason: str) -> GoError:
    return GoError(f"strconv.{function}: parsing {quote(text)}: {reason}")


# time.Duration

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,  # U+03BC, the Greek letter
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_LONGEST = 1 << 63
_AMOUNT = re.compile(r"([0-9]*)(\.?)([0-9]*)")
_UNIT = re.compile(r"[^.0-9]*")


def parse_duration(text: str) -> float:
    """Read a Go duration such as `1h15m30.5s` and give seconds (time.ParseDuration)."""
    return parse_duration_nanoseconds(text) / 1e9


def parse_duration_nanoseconds(text: str) -> int:
    """Read a Go duration to the nanosecond."""
    rest = text
    negative = rest.startswith("-")
    if rest[:1] in ("-", "+"):
        rest = rest[1:]
    if rest == "0":
        return 0
    if not rest:
        raise _invalid_duration(text)
    total = 0
    while rest:
        amount = _AMOUNT.match(rest)
        assert amount is not None
        whole, _, fraction = amount.groups()
        if not whole and not fraction:
            raise _invalid_duration(text)
        whole = whole.lstrip("0") or "0"
        if len(whole) > 19 or int(whole) > _LONGEST:
            raise _invalid_duration(text)
        rest = rest[amount.end() :]
        unit_match = _UNIT.match(rest)
        assert unit_match is not None
        unit = unit_match[0]
        if not unit:
            raise GoError(f"time: missing unit in duration {_time_quote(text)}")
        if unit not in _NANOSECONDS:
            raise GoError(f"time: unknown unit {_time_quote(unit)} in duration {_time_quote(text)}")
        rest = rest[len(unit) :]
        scale = _NANOSECONDS[unit]
        total += int(whole) * scale + _fraction(fraction, scale)
        if total > _LONGEST:
            raise _invalid_duration(text)
    if negative:
        return -total
    if total > _LONGEST - 1:
        raise _invalid_duration(text)
    return total


def _fraction(digits: str, scale: int) -> int:
    """Give the nanoseconds behind the point; Go counts them in a float, and stops reading digits at 63 bits."""
    value, divisor = 0, 1.0
    for digit in digits:
        longer = value * 10 + int(digit)
        if value > (_LONGEST - 1) // 10 or longer > _LONGEST:
            break
        value, divisor = longer, divisor * 10
    return int(float(value) * (float(scale) / divisor)) if value else 0


def wrap(seconds: int) -> float:
    """What becomes of so many seconds in a time.Duration, which counts nanoseconds in 64 bits and starts over."""
    return ((seconds * 1_000_000_000 + _LONGEST) % (2 * _LONGEST) - _LONGEST) / 10**9


def _invalid_duration(text: str) -> GoError:
    return GoError(f"time: invalid duration {_time_quote(text)}")


def _time_quote(text: str) -> str:
    """Quote as package time does: it has its own, simpler quoting, byte by byte for what is not ASCII."""
    quoted = []
    for character in text:
        if character in '"\\':
            quoted.append("\\" + character)
        elif " " <= character < "\x80":
            quoted.append(character)
        else:
            quoted.extend(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
    return f'"{"".join(quoted)}"'


def format_duration(seconds: float) -> str:
    """Write seconds as time.Duration prints itself: `1h0m0s`, `1.5s`, `250ms`, `0s`."""
    nanoseconds = round(Decimal(repr(float(seconds))) * 1_000_000_000)
    sign = "-" if nanoseconds < 0 else ""
    nanoseconds = abs(nanoseconds)
    if nanoseconds == 0:
        return "0s"
    for unit, scale in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if nanoseconds < min(scale * 1_000, 1_000_000_000):
            return f"{sign}{_decimal(nanoseconds, scale)}{unit}"
    minutes, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes_left = divmod(minutes, 60)
    text = f"{_decimal(rest, 1_000_000_000)}s"
    if minutes:
        text = f"{minutes_left}m{text}"
    if hours:
        text = f"{hours}h{text}"
    return sign + text


def _decimal(amount: int, scale: int) -> str:
    whole, part = divmod(amount, scale)
    places = len(str(scale)) - 1
    fraction = f"{part:0{places}d}".rstrip("0") if part else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


# time.Time


def format_rfc3339(unix_seconds: float, *, utc: bool = True, nano: bool = False) -> str:
    """Write a time as time.RFC3339 (whole seconds, cut off) or time.RFC3339Nano (no zeros at the end)."""
    exact = Decimal(repr(float(unix_seconds)))
    whole = int(exact.to_integral_value(rounding=ROUND_FLOOR))
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=whole)
    if not utc:
        moment = moment.astimezone()
    fraction = ""
    if nano:
        nanoseconds = min(int((exact - whole) * 1_000_000_000), 999_999_999)
        fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    offset = moment.strftime("%z")
    zone = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:5]}"
    return f"{moment.replace(tzinfo=None).isoformat()[:19]}{fraction}{zone}"


def format_time(unix_seconds: float) -> str:
    """Write a time in UTC as `time.Time` prints itself."""
    date, _, clock = format_rfc3339(unix_seconds, nano=True).removesuffix("Z").partition("T")
    return f"{date} {clock} +0000 UTC"


# k8s.io/apimachinery/pkg/api/resource

_QUANTITY = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([^0-9.].*)?", re.DOTALL)
_SUFFIX = re.compile(r"[eEinumkKMGTP]*[-+]?[0-9]*")
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_QUANTITY_FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_QUANTITY_SUFFIX = "unable to parse quantity's suffix"


def parse_quantity(text: str) -> int:
    """Read a Kubernetes quantity such as `4Mi`, `1500m` or `2e3` as a whole number, rounded up (Quantity.Value)."""
    match = _QUANTITY.fullmatch(text)
    if not text or match is None:
        raise GoError(_QUANTITY_FORMAT)
    sign, whole, fraction, suffix = match[1], match[2], match[3] or "", match[4] or ""
    if not _SUFFIX.fullmatch(suffix):
        raise GoError(_QUANTITY_FORMAT)
    with localcontext(Context(prec=200)):
        value = Decimal(f"{sign}{whole or '0'}.{fraction or '0'}"[:150]) * _multiplier(suffix)
        # A Quantity never leaves 63 bits; what is larger is cut to the largest.
        limit = Decimal((1 << 63) - 1)
        return int(max(-limit, min(limit, value)).to_integral_value(rounding=ROUND_UP))


def _multiplier(suffix: str) -> Decimal:
    if suffix in _DECIMAL:
        return Decimal(10) ** _DECIMAL[suffix]
    if suffix in _BINARY:
        return Decimal(2) ** _BINARY[suffix]
    if suffix[:1] in ("e", "E"):
        try:
            return Decimal(10) ** max(-99, min(99, parse_int(suffix[1:])))
        except GoError:
            raise GoError(_QUANTITY_SUFFIX) from None
    raise GoError(_QUANTITY_SUFFIX)
