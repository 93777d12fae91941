"""Dapr's query language, and the store of this project that has it."""

from __future__ import annotations

from typing import Any

import pytest

from fakesidecar import Component, Sidecar
from fakesidecar.components.state import Json, Upsert
from fakesidecar.components.state.query import parse
from fakesidecar.errors import ComponentError, QueryNotSupported

PEOPLE: dict[str, dict[str, Any]] = {
    "1": {"person": {"org": "Dev Ops", "id": 1036.0}, "city": "Seattle", "state": "WA"},
    "2": {"person": {"org": "Hardware", "id": 1028.0}, "city": "Portland", "state": "OR"},
    "3": {"person": {"org": "Finance", "id": 1071.0}, "city": "Sacramento", "state": "CA"},
    "4": {"person": {"org": "Dev Ops", "id": 1042.0}, "city": "Spokane", "state": "WA"},
    "5": {"city": None, "active": True},
}


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("", "unexpected end of JSON input"),
        ("nonsense", "invalid character 'o' in literal null (expecting 'u')"),
        ("[]", "json: cannot unmarshal array into Go value of type query.QueryFields"),
        (
            '{"filter":[]}',
            "json: cannot unmarshal array into Go struct field QueryFields.filter of type map[string]interface {}",
        ),
        (
            '{"page":{"limit":"x"}}',
            "json: cannot unmarshal string into Go struct field Pagination.page.limit of type int",
        ),
        (
            '{"sort":{"key":"a"}}',
            "json: cannot unmarshal object into Go struct field QueryFields.sort of type []query.Sorting",
        ),
        ('{"filter":{"EQ":{"a":1},"IN":{}}}', "filter unit must have a single element"),
        ('{"filter":{"AND":[1,2]}}', "filter unit must be a map"),
        ('{"filter":{"eq":{"a":1}}}', 'unsupported filter "eq"'),
        ('{"filter":{"EQ":1}}', "EQ filter must be a map"),
        ('{"filter":{"GTE":{}}}', "GTE filter must contain a single key/value pair"),
        ('{"filter":{"IN":{"a":1}}}', "IN filter value must be an array"),
        ('{"filter":{"AND":{}}}', "AND filter must be an array"),
        ('{"filter":{"OR":[{"EQ":{"a":1}}]}}', "OR filter must contain at least two entries"),
    ],
)
def test_a_query_that_cannot_be_read_is_told_in_daprs_words(query: str, complaint: str) -> None:
    with pytest.raises(ComponentError) as caught:
        parse(query.encode())
    assert str(caught.value) == f"failed to parse JSON query body: {complaint}"


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("{}", "12345"),
        ("null", "12345"),
        ('{"filter":{}}', "12345"),
        ('{"filter":{"EQ":{"state":"WA"}}}', "14"),
        ('{"filter":{"EQ":{"active":1}}}', ""),
        ('{"filter":{"EQ":{"city":null}}}', "5"),
        ('{"filter":{"NEQ":{"state":"WA"}}}', "23"),
        ('{"filter":{"GT":{"person.id":1036}}}', "34"),
        ('{"filter":{"GTE":{"person.id":1036}}}', "134"),
        ('{"filter":{"LT":{"person.id":1036}}}', "2"),
        ('{"filter":{"LTE":{"person.id":1036}}}', "12"),
        ('{"filter":{"GT":{"person.id":"1036"}}}', ""),
        ('{"filter":{"IN":{"state":["CA","OR"]}}}', "23"),
        ('{"filter":{"AND":[{"EQ":{"state":"WA"}},{"EQ":{"city":"Spokane"}}]}}', "4"),
        ('{"filter":{"OR":[{"EQ":{"state":"CA"}},{"EQ":{"city":"Spokane"}}]}}', "34"),
        ('{"sort":[{"key":"person.id","order":"DESC"}]}', "53412"),
        ('{"sort":[{"key":"state"},{"key":"person.id","order":"DESC"}]}', "32415"),
        ('{"page":{"limit":2}}', "12"),
        ('{"page":{"limit":2,"token":"2"}}', "34"),
        ('{"page":{"limit":2,"token":"4"}}', "5"),
    ],
)
def test_a_query_selects_sorts_and_pages(query: str, keys: str) -> None:
    found, _ = parse(query.encode()).select(PEOPLE.items(), value=lambda entry: entry[1])
    assert "".join(key for key, _ in found) == keys


def test_a_page_has_the_token_of_the_next_one_and_the_last_has_none() -> None:
    sidecar = Sidecar(components=[Component("people", "state.in-memory-query")])
    state = sidecar.core.state
    state.save("people", [Upsert(key, Json(person)) for key, person in PEOPLE.items()])
    state.save("people", [Upsert("text", b"no JSON")])
    pages, token = [], ""
    while True:
        found = state.query("people", b'{"page": {"limit": 2, "token": "%s"}}' % token.encode())
        pages.append([item.key for item in found.items])
        token = found.token
        if not token:
            break
    assert pages == [["1", "2"], ["3", "4"], ["5"]]


def test_a_token_that_is_no_number_is_refused() -> None:
    with pytest.raises(ComponentError, match=r'strconv\.ParseInt: parsing "next": invalid syntax'):
        parse(b'{"page":{"limit":1,"token":"next"}}').select([], value=lambda entry: entry)


def test_a_store_without_queries_says_so() -> None:
    with pytest.raises(QueryNotSupported):
        Sidecar(components=[Component("plain", "state.in-memory")]).core.state.query("plain", b"nonsense")
