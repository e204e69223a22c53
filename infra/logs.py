"""Logs: one line of JSON a fact (pretty on a terminal), ours and the libraries', with secrets taken out last.

Promises: every line of a request carries its correlation id; redaction is the last step before rendering
(S5.5, I9), for lines of uvicorn, nats-py and urllib3 as well; an event name is a constant in the past tense.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Generator, MutableMapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal, TextIO, cast

import structlog
from pydantic_core import PydanticSerializationError, to_json
from structlog.typing import FilteringBoundLogger, Processor

from domain.ports import Clock
from infra.clock import SystemClock
from infra.recurring import Recurring, Told, Words
from infra.redaction import Redaction

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "pretty"]

CHATTY_LIBRARIES = ("urllib3", "nats", "asyncio", "uvicorn.access", "minio")
"""Below warning they tell of every connection; our own lines tell what matters."""
SOURCE = "_source"
"""Carries the logger's name to the line; structlog keeps the word `logger` for itself until then."""

SECOND, NO_TIME = timedelta(seconds=1), timedelta(0)

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def configure_logs(
    level: Level = "info",
    style: Format = "auto",
    *,
    stream: TextIO | None = None,
    count_redactions: Callable[[int], object] = lambda _: None,
) -> None:
    """Called once, by whoever starts a process; `stream` is standard error if not given."""
    sink = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    redaction = Redaction(count_redactions)
    structlog.configure(
        processors=_processors(redaction, pretty=_is_pretty(style, sink)),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(sink),
        cache_logger_on_first_use=stream is None,
    )
    _take_over_the_libraries(number)


def get_logger(name: str) -> FilteringBoundLogger:
    """`name` is the module's; a line then is `log.info("lock_acquired", path=path)`."""
    return cast("FilteringBoundLogger", structlog.get_logger(**{SOURCE: name}))


def access_log(
    level: Level,
    style: Format,
    ordinary: Told[Words],
    names: Sequence[str],
    *,
    stream: TextIO | None = None,
) -> Told[Words]:
    """How the lines of requests are written: with the same settings as `configure_logs`.

    `names` are those of the words that such a line has; `ordinary` writes it as any other line.
    """
    sink = stream or sys.stderr
    if level not in {"debug", "info"} or _is_pretty(style, sink):
        return ordinary
    write = structlog.WriteLogger(sink).msg
    return Recurring("request", names, ordinary, write=write, at=TimeText(SystemClock()))


@contextmanager
def correlated(correlation_id: str) -> Generator[None]:
    """Every line within carries the id, also in tasks and threads that copy the context."""
    with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
        yield


def _processors(redaction: Redaction, *, pretty: bool) -> list[Processor]:
    render: Processor = structlog.dev.ConsoleRenderer(colors=True) if pretty else _as_json
    return [
        structlog.contextvars.merge_contextvars,
        _name_the_logger,
        structlog.processors.add_log_level,
        partial(_stamped, TimeText(SystemClock())),
        structlog.processors.format_exc_info,  # to text before redaction, so that it is looked at
        redaction,
        render,
    ]


def _name_the_logger(
    _logger: object, _method: str, line: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    if SOURCE in line:
        line["logger"] = line.pop(SOURCE)
    return line


def _stamped(
    time: Callable[[], str], _logger: object, _method: str, line: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    line["at"] = time()
    return line


class TimeText:
    """The time as RFC 3339 has it. A second's text is made once: it is most of what the whole takes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made = datetime.min.replace(tzinfo=UTC), ""
        """A second and its text: one thing, because lines come from many threads."""

    def __call__(self) -> str:
        now = self._clock.now()
        second, text = self._made
        if not NO_TIME <= now - second < SECOND:
            second = now.replace(microsecond=0)
            text = second.replace(tzinfo=None).isoformat()
            self._made = second, text
        return f"{text}.{now.microsecond:06d}Z"


def _as_json(_logger: object, _method: str, line: MutableMapping[str, object]) -> str:
    """Four times as fast as the standard library's, which still takes what is no Unicode text."""
    try:
        return to_json(line, inf_nan_mode="constants").decode()
    except PydanticSerializationError:
        return _encode(line)


def _is_pretty(style: Format, sink: TextIO) -> bool:
    return style == "pretty" or (style == "auto" and sink.isatty())


class _Bridge(logging.Handler):
    """Sends the libraries' lines through our processors."""

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, object] = {"exc_info": record.exc_info} if record.exc_info else {}
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        get_logger(record.name).log(level, record.getMessage().strip(), **facts)


def _take_over_the_libraries(number: int) -> None:
    root = logging.getLogger()
    root.handlers = [_Bridge()]
    root.setLevel(number)
    for name in CHATTY_LIBRARIES:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
