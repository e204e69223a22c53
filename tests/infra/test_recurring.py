"""Lines that come again say what the ordinary way writes, and show as little (S5.5, I9)."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from gateway.access import EVENT, NAMES, AccessLine, logged
from infra.logs import access_log, configure_logs, correlated
from infra.recurring import HEADS_MAX, Recurring
from infra.redaction import REDACTED

ID = "94c1e1f7-fab8-4623-84cc-6fafb428465e"
USUAL = AccessLine("GET", "/versions", None, 200, whole=True, consumer="ann", api_version="v2")
WORDS = st.sampled_from(["GET", "/repos/{repo}", "Bearer canary", "token=canary", 'a"b', "ß", "x" * 200])
LINES = st.builds(AccessLine, WORDS, WORDS, WORDS | st.none(), st.integers(), st.booleans(), WORDS, WORDS)


@pytest.fixture
def sink() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    kept = (root.handlers, root.level)
    stream = io.StringIO()
    configure_logs("info", "json", stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers, root.level = kept


def written(sink: io.StringIO) -> list[dict[str, object]]:
    lines = [json.loads(text) for text in sink.getvalue().splitlines()]
    sink.truncate(sink.seek(0))
    assert all(line.pop("at") for line in lines)
    return lines


def test_a_line_is_what_the_ordinary_way_writes(sink: io.StringIO) -> None:
    tell = access_log("info", "json", logged, NAMES, stream=sink)

    @given(LINES, st.sampled_from([ID, "c.1~2", "eyJhbGciOiJub25lIn0.e30.", "dits_ABCDEFGHIJKLMNOP"]))
    def same(line: AccessLine, correlation_id: str) -> None:
        with correlated(correlation_id):
            for way in (logged, tell, tell):
                way(line, correlation_id, 669, 1)
        ordinary, *ours = written(sink)
        assert ours == [ordinary, ordinary]
        assert "canary" not in str(ordinary)

    same()


def test_an_id_of_a_request_is_looked_at_on_every_line(sink: io.StringIO) -> None:
    tell = access_log("info", "json", logged, NAMES, stream=sink)
    for correlation_id in (ID, "eyJhbGciOiJub25lIn0.e30.", ID):
        tell(USUAL, correlation_id, 1, 1)
    assert [line["correlation_id"] for line in written(sink)] == [ID, REDACTED, ID]


@pytest.mark.parametrize(("level", "style"), [("warning", "json"), ("info", "pretty")])
def test_the_ordinary_way_is_taken_where_lines_are_not_json_or_not_wanted(level: str, style: str) -> None:
    assert access_log(level, style, logged, NAMES) is logged  # type: ignore[arg-type]


def test_what_differs_all_the_time_takes_no_more_than_its_share_of_memory() -> None:
    lines: list[str] = []
    tell: Recurring[AccessLine] = Recurring(
        EVENT, NAMES, lambda *_: None, write=lines.append, at=lambda: "now"
    )
    for number in range(2 * HEADS_MAX + 10):
        tell(USUAL._replace(route=f"/{number}"), ID, 1, 1)
    assert [json.loads(line)["route"] for line in lines] == [f"/{n}" for n in range(2 * HEADS_MAX + 10)]
    assert len(tell) <= HEADS_MAX
