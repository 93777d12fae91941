"""What Go writes and reads, as facts: from its source, and compared with Go 1.26 on random inputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf import any_pb2, duration_pb2, json_format, struct_pb2, timestamp_pb2
from hypothesis import given
from hypothesis import strategies as st

from dapr_client.wire import ai_pb2, jobs_pb2, lock_pb2
from fakesidecar import golang
from fakesidecar.golang import ANY, BOOL, INT32, TEXT, Field, GoError, ListOf, MapOf, Number, Optional, Struct

texts = st.text(st.characters(exclude_categories=["Cs"]))
floats = st.floats(allow_nan=False, allow_infinity=False)
documents: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | floats | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
)


def refusal(call: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(GoError) as caught:
        call(*arguments)
    return str(caught.value)


@given(documents)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert golang.unmarshal(golang.marshal(value)) == value


@given(documents)
def test_the_first_value_is_read_whatever_follows(value: Any) -> None:
    assert golang.decode_first(golang.marshal(value) + b" }") == value


@given(documents)
def test_written_json_is_json_to_python(value: Any) -> None:
    assert json.loads(golang.marshal(value), parse_int=float) == value


@given(st.binary() | texts.map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (golang.unmarshal, golang.decode_first):
        with suppress(GoError):
            golang.marshal(read(data))


NOT_JSON = [
    (b"", "unexpected end of JSON input", "EOF"),
    (b" ", "unexpected end of JSON input", "EOF"),
    (b"{", "unexpected end of JSON input", "unexpected EOF"),
    (b'"a', "unexpected end of JSON input", "unexpected EOF"),
    (b"tr", "invalid character ' ' in literal true (expecting 'u')", "unexpected EOF"),
    (b"1.", "invalid character ' ' after decimal point in numeric literal", "unexpected EOF"),
    (b"nonsense", "invalid character 'o' in literal null (expecting 'u')", None),
    (b"{nonsense}", "invalid character 'n' looking for beginning of object key string", None),
    (b"words", "invalid character 'w' looking for beginning of value", None),
    (b'{"a"}', "invalid character '}' after object key", None),
    (b'{"a":1]', "invalid character ']' after object key:value pair", None),
    (b"[1}", "invalid character '}' after array element", None),
    (b'"\n"', "invalid character '\\n' in string literal", None),
    (b'"\\x"', "invalid character 'x' in string escape code", None),
    (b'"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape", None),
    (b"-a", "invalid character 'a' in numeric literal", None),
    (b"1e+a", "invalid character 'a' in exponent of numeric literal", None),
    (b"'", r"invalid character '\'' looking for beginning of value", None),
    ("é".encode(), "invalid character 'Ã' looking for beginning of value", None),
    (b"[" * 10_001, "invalid character '[' exceeded max depth", None),
    (b"NaN", "invalid character 'N' looking for beginning of value", None),
]


@pytest.mark.parametrize(("data", "whole", "first"), NOT_JSON)
def test_what_is_no_json_is_refused_in_gos_words(data: bytes, whole: str, first: str | None) -> None:
    assert refusal(golang.unmarshal, data) == whole
    assert refusal(golang.decode_first, data) == (first or whole)


def test_text_behind_the_document_is_refused_by_unmarshal_only() -> None:
    assert refusal(golang.unmarshal, b"1 x") == "invalid character 'x' after top-level value"
    assert golang.decode_first(b"truex") is True


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a":1,"a":2}', {"a": 2.0}),
        (b"12345678901234567890", 12345678901234567000.0),
        (b'"\xff\xc3"', "��"),
        (b'"\\ud83d\\ude00\\ud83d\\u0041\\ude00"', "😀�A�"),
        (b'"\\/\\b"', "/\b"),
        (b"[" * 5000 + b"]" * 5000, None),
    ],
)
def test_what_becomes_of_a_document(data: bytes, value: Any) -> None:
    read = golang.unmarshal(data)
    assert value is None or read == value


def test_a_number_too_large_for_a_float_is_refused() -> None:
    text = "json: cannot unmarshal number 1e400 into Go value of type float64"
    assert refusal(golang.unmarshal, b'[1e400, {"a": 1e500}]') == text


def test_numbers_keep_their_text_on_demand() -> None:
    read = golang.decode_first(b'{"n": [12345678901234567890, 1.50]}', use_number=True)
    assert read == {"n": [Number("12345678901234567890"), Number("1.50")]}
    assert golang.marshal(read) == b'{"n":[12345678901234567890,1.50]}'


OPTIONS = Struct("state.SetStateOption", (Field("concurrency", TEXT), Field("consistency", TEXT)))
SET_REQUEST = Struct(
    "state.SetRequest",
    (
        Field("key", TEXT),
        Field("value", ANY),
        Field("etag", Optional(TEXT)),
        Field("metadata", MapOf(TEXT)),
        Field("options", OPTIONS),
    ),
)


def test_a_struct_takes_names_in_any_case_and_leaves_zeros() -> None:
    read = golang.unmarshal_into(
        b'[{"KEY": "k", "Etag": "1", "value": null, "other": 1, "options": null}]', ListOf(SET_REQUEST)
    )
    assert read == [
        {
            "key": "k",
            "value": None,
            "etag": "1",
            "metadata": None,
            "options": {"concurrency": "", "consistency": ""},
        }
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"{}", "value of type []state.SetRequest"),
        (b'[{"key": {}}]', "struct field SetRequest.key of type string"),
        (b'[{"etag": {}}]', "struct field SetRequest.etag of type string"),
        (b'[{"metadata": {"a": {}}}]', "struct field SetRequest.metadata of type string"),
        (b'[{"options": {"concurrency": {}}}]', "struct field SetStateOption.options.concurrency of type string"),
    ],
)
def test_what_does_not_fit_a_struct_is_named(data: bytes, text: str) -> None:
    assert refusal(golang.unmarshal_into, data, ListOf(SET_REQUEST)) == f"json: cannot unmarshal object into Go {text}"


def test_the_first_misfit_is_the_one_that_is_told() -> None:
    shape = Struct("p.T", (Field("a", INT32), Field("b", BOOL)))
    text = "json: cannot unmarshal number 1.5 into Go struct field T.a of type int32"
    assert refusal(golang.unmarshal_into, b'{"a": 1.5, "b": "x"}', shape) == text
    assert refusal(golang.decode_first, b"", shape) == "EOF"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, 1.5]}, b'{"a":[true,null,1.5],"b":1}'),
        ("<&>\u2028\b\f\x01\x7f\udcff", rb'"\u003c\u0026\u003e\u2028\b\f\u0001' + b"\x7f" + rb'\ufffd"'),
        (1e20, b"100000000000000000000"),
        (1e21, b"1e+21"),
        (1e-7, b"1e-7"),
        (1e-10, b"1e-10"),
        (-0.0, b"-0"),
        (5e-324, b"5e-324"),
        (b"\xff\x00", b'"/wA="'),
    ],
)
def test_json_as_encoding_json_writes_it(value: Any, text: bytes) -> None:
    assert golang.marshal(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": "<&>", "a": 1.0}, b'{"b":"<&>","a":1}'),
        (0.12345678, b"0.123457"),
        (-1.5, b"-1.5"),
        (1e-7, b"0"),
        (-0.0, b"0"),
        (83886078.1234567, b"83886078.123457"),
        (83886080.1234567, b"83886080.1234567"),
        ("\b\n\x01", rb'"\u0008\n\u0001"'),
    ],
)
def test_json_as_jsoniter_writes_it(value: Any, text: bytes) -> None:
    assert golang.marshal_fastest(value) == text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('a"b\\', r'"a\"b\\"'),
        ("\a\x00\x7fé\u2028\U0001f600", r'"\a\x00\x7fé\u2028😀"'),
        (b"\xff", r'"\xff"'),
        ("\U000e0001", r'"\U000e0001"'),
    ],
)
def test_a_quoted_text(text: str | bytes, quoted: str) -> None:
    assert golang.quote(text) == quoted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": None, "a": 1.0}, "map[a:1 b:<nil>]"),
        ([1.0, "two", False], "[1 two false]"),
        (b"v1", "[118 49]"),
        (100000.0, "100000"),
        (1e6, "1e+06"),
        (123456789.0, "1.23456789e+08"),
        (0.00001, "1e-05"),
    ],
)
def test_a_value_as_v_prints_it(value: Any, text: str) -> None:
    assert golang.sprint(value) == text


@pytest.mark.parametrize(
    ("read", "text", "error"),
    [
        (golang.atoi, "soon", 'strconv.Atoi: parsing "soon": invalid syntax'),
        (golang.atoi, "", 'strconv.Atoi: parsing "": invalid syntax'),
        (golang.atoi, "1_0", 'strconv.Atoi: parsing "1_0": invalid syntax'),
        (golang.atoi, "9223372036854775808", 'strconv.Atoi: parsing "9223372036854775808": value out of range'),
        (golang.parse_int, "1.5", 'strconv.ParseInt: parsing "1.5": invalid syntax'),
        (golang.parse_uint, "+1", 'strconv.ParseUint: parsing "+1": invalid syntax'),
        (golang.parse_bool, "yes", 'strconv.ParseBool: parsing "yes": invalid syntax'),
        (golang.parse_duration, "1d", 'time: unknown unit "d" in duration "1d"'),
        (golang.parse_duration, "3600", 'time: missing unit in duration "3600"'),
        (golang.parse_duration, "an hour", 'time: invalid duration "an hour"'),
        (golang.parse_duration, "9223372036854775808ns", 'time: invalid duration "9223372036854775808ns"'),
        (golang.parse_duration, "1é", r'time: unknown unit "\xc3\xa9" in duration "1\xc3\xa9"'),
        (golang.query_unescape, "a%zz+b", 'invalid URL escape "%zz"'),
        (golang.path_unescape, "%4", 'invalid URL escape "%4"'),
        (golang.query_unescape, "%+a", 'invalid URL escape "%+a"'),
        (golang.parse_quantity, "1x", golang.numbers._QUANTITY_FORMAT),
        (golang.parse_quantity, "1e", "unable to parse quantity's suffix"),
    ],
)
def test_what_cannot_be_read_is_refused_in_gos_words(read: Callable[[str], Any], text: str, error: str) -> None:
    assert refusal(read, text) == error


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (golang.atoi, "-007", -7),
        (golang.parse_bool, "T", True),
        (golang.parse_duration, "-1h15m30.5s", -4530.5),
        (golang.parse_duration, "0", 0.0),
        (golang.parse_duration, ".5s1µs", 0.500001),
        (golang.parse_quantity, "4Mi", 4 << 20),
        (golang.parse_quantity, "1500m", 2),
        (golang.parse_quantity, "2e3", 2000),
        (golang.query_unescape, "a+%C3%A9", "a é"),
        (golang.path_unescape, "a+%2F", "a+/"),
        (golang.canonical_header_key, "x-forwarded-FOR", "X-Forwarded-For"),
        (golang.canonical_header_key, "no token", "no token"),
    ],
)
def test_what_is_read(read: Callable[[str], Any], text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (3600, "1h0m0s"), (90.5, "1m30.5s"), (-0.25, "-250ms"), (0.0000015, "1.5µs"), (1e-9, "1ns")],
)
def test_a_duration_prints_itself(seconds: float, text: str) -> None:
    assert golang.format_duration(seconds) == text


@given(st.integers(-(10**15), 10**15))
def test_a_printed_duration_is_read_back(microseconds: int) -> None:
    seconds = microseconds / 1e6
    assert golang.parse_duration(golang.format_duration(seconds)) == pytest.approx(seconds)


def test_times_are_written_in_rfc3339() -> None:
    assert golang.format_rfc3339(1_700_000_000.75) == "2023-11-14T22:13:20Z"
    assert golang.format_rfc3339(1_700_000_000.123456, nano=True) == "2023-11-14T22:13:20.123456Z"
    assert golang.format_rfc3339(1_700_000_000, nano=True) == "2023-11-14T22:13:20Z"


LOCK_ERRORS = [
    (b"nonsense", "syntax error (line 1:1): invalid value nonsense"),
    (b"[]", "syntax error (line 1:1): unexpected token ["),
    (b"null", "syntax error (line 1:1): unexpected token null"),
    (b"", "syntax error (line 1:1): unexpected token "),
    (b'{"resourceId": 5}', "(line 1:16): invalid value for string field resourceId: 5"),
    (b'{"expiryInSeconds": 1.5}', "(line 1:21): invalid value for int32 field expiryInSeconds: 1.5"),
    (b'{"resourceId": "a"', "unexpected EOF"),
    (b'{"resourceId" "a"', 'syntax error (line 1:15): unexpected character ", missing ":" after field name'),
    (b'{"a": 1,\n "resourceId": "\\x"}', 'syntax error (line 2:16): invalid escape code "\\\\x" in string'),
    (b'{"resourceId": "a", "resource_id": "b"}', '(line 1:21): duplicate field "resource_id"'),
    (b"{} 1", "syntax error (line 1:4): unexpected token 1"),
]


@pytest.mark.parametrize(("data", "text"), LOCK_ERRORS)
def test_protojson_says_where_it_stopped(data: bytes, text: str) -> None:
    assert refusal(golang.parse_protojson, data, lock_pb2.TryLockRequest()) == f"proto: {text}"


def test_protojson_fills_a_message() -> None:
    request = lock_pb2.TryLockRequest()
    golang.parse_protojson(
        b'{"resource_id": "r", "other": [{}], "lockOwner": null, "expiryInSeconds": "1.50e1"}', request
    )
    assert request == lock_pb2.TryLockRequest(resource_id="r", expiry_in_seconds=15)


def test_protojson_knows_googles_types() -> None:
    value, wrapped = struct_pb2.Value(), any_pb2.Any()
    golang.parse_protojson(b'{"a": [1, null, {"b": "c"}]}', value)
    assert json_format.MessageToDict(value) == {"a": [1.0, None, {"b": "c"}]}
    golang.parse_protojson(b'{"@type": "type.googleapis.com/google.protobuf.Value", "value": "v"}', wrapped)
    assert struct_pb2.Value.FromString(wrapped.value).string_value == "v"
    duration, moment = duration_pb2.Duration(), timestamp_pb2.Timestamp()
    golang.parse_protojson(b'"-1.5s"', duration)
    assert (duration.seconds, duration.nanos) == (-1, -500_000_000)
    golang.parse_protojson(b'"2023-11-14T23:13:20.5+01:00"', moment)
    assert (moment.seconds, moment.nanos) == (1_700_000_000, 500_000_000)
    assert refusal(golang.parse_protojson, b'"1m"', duration) == (
        'proto: (line 1:1): invalid google.protobuf.Duration value "1m"'
    )


def test_protojson_names_types_as_dapr_does() -> None:
    message = ai_pb2.ConversationMessage()
    text = 'proto: (line 1:15): error parsing "ofSystem", '
    text += "oneof dapr.proto.runtime.v1.ConversationMessage.message_types is already set"
    assert refusal(golang.parse_protojson, b'{"ofUser":{}, "ofSystem":{}}', message) == text
    assert refusal(golang.parse_protojson, b'{"repeats":-1}', jobs_pb2.Job()) == (
        "proto: (line 1:12): invalid value for uint32 field repeats: -1"
    )


def test_protojson_refuses_an_unknown_type_and_a_time_out_of_range() -> None:
    text = 'proto: (line 1:11): unable to resolve "nope": "not found"'
    assert refusal(golang.parse_protojson, b'{"@type": "nope"}', any_pb2.Any()) == text
    data = b'"9999-12-31T22:13:20-23:59"'
    text = f"proto: (line 1:1): google.protobuf.Timestamp value out of range: {data.decode()}"
    assert refusal(golang.parse_protojson, data, timestamp_pb2.Timestamp()) == text


@pytest.mark.parametrize(
    ("text", "position"),
    [
        (b"!!!!", 0),
        (b"A", 0),
        (b"AB", 0),
        (b"ABCDE", 4),
        (b"ABCD=", 4),
        (b"A===", 1),
        (b"AB=", 3),
        (b"AB=C", 2),
        (b"AB==X", 4),
        (b"ABC=D", 4),
        (b"ABCD\n!", 5),
    ],
)
def test_base64_is_refused_where_go_stops_reading(text: bytes, position: int) -> None:
    with pytest.raises(golang.GoError, match=f"^illegal base64 data at input byte {position}$"):
        golang.decode_base64(text)


def test_base64_passes_over_line_ends() -> None:
    assert golang.decode_base64(b"c29\r\ntZQ==\n") == b"some"
