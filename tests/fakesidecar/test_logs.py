"""Log lines look as daprd's."""

from __future__ import annotations

import json
import logging

from fakesidecar.logs import DaprFormatter

RECORD = logging.makeLogRecord(
    {"name": "fakesidecar.runtime.loader.disk", "levelno": logging.WARNING, "msg": 'no "%s"\n', "args": ("x",)}
)
RECORD.created = 1700000000.5


def line(*, as_json: bool = False, app_id: str = "shop") -> str:
    formatter = DaprFormatter(app_id, "1", as_json=as_json)
    formatter._common["instance"] = "host"
    return formatter.format(RECORD)


def test_a_text_line_quotes_what_needs_it() -> None:
    assert line() == (
        'time="2023-11-14T22:13:20.5Z" level=warning msg="no \\"x\\"\\n" '
        "app_id=shop instance=host scope=dapr.runtime.loader.disk type=log ver=1"
    )


def test_an_app_id_is_only_named_when_there_is_one() -> None:
    assert "app_id" not in line(app_id="")


def test_a_json_line_has_the_same_fields() -> None:
    assert json.loads(line(as_json=True)) == {
        "time": "2023-11-14T22:13:20.5Z",
        "level": "warning",
        "msg": 'no "x"\n',
        "app_id": "shop",
        "instance": "host",
        "scope": "dapr.runtime.loader.disk",
        "type": "log",
        "ver": "1",
    }
