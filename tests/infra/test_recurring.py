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

from infra.logs import configure_logs, correlated
from infra.recurring import Recurring
from infra.redaction import REDACTED, Redaction

NAMES = st.sampled_from(["method", "route", "status", "took_ms", "token", "path", "exc_info"])
VALUES = st.one_of(st.text(max_size=12), st.integers(), st.booleans(), st.none(), st.floats(), st.binary())
LINES = st.lists(st.dictionaries(NAMES, VALUES, max_size=4), max_size=6)


@pytest.fixture
def sink() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    kept = (root.handlers, root.level)
    stream = io.StringIO()
    configure_logs("info", "json", stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers, root.level = kept


def ordinary(facts: dict[str, object]) -> object:
    """As the processors make it."""
    line = Redaction()(None, "info", {**facts, "event": "request", "level": "info", "at": "now"})
    return json.loads(json.dumps(line))


@given(LINES)
def test_a_line_says_the_same_as_the_ordinary_way(lines: list[dict[str, object]]) -> None:
    made = Recurring(lambda: "now")
    for facts in [*lines, *lines]:
        text = made.text("request", facts)
        assert text is None or json.loads(text) == ordinary(facts)


@pytest.mark.parametrize("values", [(1, True), (True, 1), (0, False), (1.0, True), ("", None)])
def test_what_is_equal_to_another_word_is_not_taken_for_it(values: tuple[object, object]) -> None:
    made = Recurring(lambda: "now")
    texts = [made.text("request", {"whole": value}) for value in values]
    told = [(text, value) for text, value in zip(texts, values, strict=True) if text is not None]
    assert [json.loads(text)["whole"] for text, _ in told] == [value for _, value in told]
    assert [type(json.loads(text)["whole"]) for text, _ in told] == [type(value) for _, value in told]


@pytest.mark.parametrize("facts", [{"password": 1}, {"given": "Bearer canary.canary"}, {"given": "token=x"}])
def test_what_might_be_a_secret_takes_the_ordinary_way(facts: dict[str, object]) -> None:
    made = Recurring(lambda: "now")
    assert [made.text("request", facts) for _ in range(3)] == [None] * 3


def test_an_id_of_a_request_is_looked_at_on_every_line(sink: io.StringIO) -> None:
    log = structlog.get_logger("gateway")
    for correlation_id in ("c-1", "eyJhbGciOiJub25lIn0.e30."):
        with correlated(correlation_id):
            log.info("request", route="/versions", status=200)
    lines = [json.loads(text) for text in sink.getvalue().splitlines()]
    assert [line["correlation_id"] for line in lines] == ["c-1", REDACTED]
    assert {line["level"] for line in lines} == {"info"}


def test_what_differs_all_the_time_takes_no_more_than_its_share_of_memory() -> None:
    made = Recurring(lambda: "now", heads_max=4)
    texts = [made.text("request", {"route": f"/{number}"}) for number in range(50)]
    assert [json.loads(text)["route"] for text in texts if text] == [f"/{number}" for number in range(50)]
    assert len(made) <= 4
