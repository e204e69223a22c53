"""Log lines as a machine reads them: JSON, correlated, redacted, the libraries' included (S5.5)."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from infra.logs import configure_logs, correlated, get_logger
from infra.redaction import REDACTED


@pytest.fixture
def sink() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    kept = (root.handlers, root.level)
    stream = io.StringIO()
    configure_logs("info", "json", stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers, root.level = kept


def lines(sink: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(text) for text in sink.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_its_facts(sink: io.StringIO) -> None:
    get_logger("gateway").info("lock_acquired", path="a.mov", token_count=2)
    (line,) = lines(sink)
    assert line.pop("at")
    expected = {"event": "lock_acquired", "level": "info", "logger": "gateway", "path": "a.mov"}
    assert line == expected | {"token_count": 2}


def test_a_line_within_a_request_carries_its_correlation_id(sink: io.StringIO) -> None:
    log = get_logger("gateway")
    with correlated("c-1"):
        log.info("request_answered")
    log.info("worker_started")
    assert [line.get("correlation_id") for line in lines(sink)] == ["c-1", None]


def test_a_line_below_the_level_is_not_written(sink: io.StringIO) -> None:
    get_logger("gateway").debug("chunk_read")
    assert sink.getvalue() == ""


def test_a_traceback_is_redacted_as_well(sink: io.StringIO) -> None:
    try:
        raise ValueError("connect to nats://house:canary@127.0.0.1")
    except ValueError:
        get_logger("worker").exception("worker_failed")
    assert "canary" not in sink.getvalue()
    assert "Traceback" in str(lines(sink)[0]["exception"])


def test_a_librarys_line_takes_the_same_way(sink: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("upgrade refused: Authorization: Bearer %s", "canary.canary")
    (line,) = lines(sink)
    assert (line["logger"], line["level"]) == ("uvicorn.error", "warning")
    assert line["event"] == f"upgrade refused: Authorization: {REDACTED}"


def test_a_librarys_exception_keeps_its_traceback_without_secrets(sink: io.StringIO) -> None:
    try:
        raise OSError("GET /k?X-Amz-Signature=canary")
    except OSError:
        logging.getLogger("urllib3.pool").exception("request failed")
    assert "Traceback" in str(lines(sink)[0]["exception"])
    assert "canary" not in sink.getvalue()


def test_a_line_break_in_a_fact_stays_in_one_line(sink: io.StringIO) -> None:
    get_logger("gateway").warning("version_refused", given="v1\r\nX-Injected: evil")
    assert sink.getvalue().count("\n") == 1
    assert "\r" not in sink.getvalue()


def test_a_pretty_line_hides_secrets_too() -> None:
    stream = io.StringIO()
    configure_logs("info", "pretty", stream=stream)
    get_logger("gateway").info("key_refused", headers={"X-API-Key": "canary"})
    structlog.reset_defaults()
    assert "canary" not in stream.getvalue()
    assert "key_refused" in stream.getvalue()
