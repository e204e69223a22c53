"""What an answer leaves beside itself: log lines, metrics, events; is it what the table says?

Promises: pure over what was gathered; a sign that did not come is told together with those that did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client.metrics_core import Metric

from tests.scenarios.api.bodies import Findings
from tests.scenarios.api.words import ABSENT, Known, fits

LEVELS = ("debug", "info", "warning", "error", "critical")
ACCESS_LINE = "request"
LOUD_FROM = LEVELS.index("info")
EVENT = re.compile(r"([A-Z][A-Za-z]+)(?:\{([^}]*)\})?(?: (.+))?")
METRIC = re.compile(r"([a-z_:]+)(?:\{([^}]*)\})?")
PAIR = re.compile(r"\s*([\w-]+)\s*(?:[:=]\s*(.*?))?\s*")
OF_VERSIONS = ("registry", "version")
ON_RELOAD = "on reload"
SHOWN_MAX = 12

Line = Mapping[str, Any]
Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass(frozen=True, slots=True)
class Happened:
    """An event as the log of events tells it."""

    name: str
    facts: Mapping[str, Any]


# ------------------------------------------------------------------ log lines
def log_findings(wanted: Any, lines: Sequence[Line]) -> Findings:
    """`WARNING`, `security`, `none`, or {level, event, fields, logger}: a line that fits is there."""
    if isinstance(wanted, str):
        is_level = wanted.lower() in LEVELS or is_none(wanted)
        wanted = {"level" if is_level else "logger": wanted}
    level = str(wanted.get("level", ""))
    if is_none(level):
        return quiet_findings(lines)
    if any(_line_fits(wanted, line) for line in lines):
        return []
    return [f"no log line fits {wanted!r}; there were {_shown_lines(lines)}"]


def quiet_findings(lines: Sequence[Line]) -> Findings:
    """Nothing but access lines."""
    loud = [line for line in lines if line.get("event") != ACCESS_LINE and _rank(line) >= LOUD_FROM]
    return [f"nothing was to be logged: {_shown_lines(loud)}"] if loud else []


def warnings_in(lines: Sequence[Line]) -> int:
    """Of what concerns versions."""
    loud = [line for line in lines if _rank(line) >= LEVELS.index("warning")]
    return sum(str(line.get("event")).startswith(OF_VERSIONS) for line in loud)


def is_none(wanted: Any) -> bool:
    """`none`, or a level of none: nothing but access lines may be there."""
    level = wanted.get("level", "") if isinstance(wanted, Mapping) else wanted
    return str(level).lower().partition(" ")[0] == "none"


def _line_fits(wanted: Mapping[str, Any], line: Line) -> bool:
    level = str(wanted.get("level", line.get("log_level", ""))).lower()
    if level != line.get("log_level") or wanted.get("event", line.get("event")) != line.get("event"):
        return False
    logger = wanted.get("logger")
    if logger is not None and logger != _logger(line):
        return False
    fields = wanted.get("fields", ())
    if not isinstance(fields, Mapping):
        return all(name in line for name in fields)
    known = Known(named=lambda name: line.get(name, ABSENT))
    return all(name in line and fits(str(value), line[name], known) for name, value in fields.items())


def _logger(line: Line) -> str:
    """By its name, else by its event's first word: `security.header_injection`."""
    return str(line.get("logger") or str(line.get("event", "")).partition(".")[0])


def _rank(line: Line) -> int:
    level = str(line.get("log_level", "info"))
    return LEVELS.index(level) if level in LEVELS else LOUD_FROM


def _shown_lines(lines: Sequence[Line]) -> str:
    return "; ".join(f"{line.get('log_level')} {line.get('event')}" for line in lines[-SHOWN_MAX:]) or "none"


# ------------------------------------------------------------------ metrics
def samples_of(families: Iterable[Metric]) -> Samples:
    """What `/metrics` shows, as its registry collects it."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def metric_findings(wanted: Sequence[str], before: Samples, after: Samples) -> Findings:
    """`name{label=value}`: a counter has grown; of anything else there is a sample."""
    return [told for each in wanted if (told := _metric_finding(each, before, after))]


def _metric_finding(wanted: str, before: Samples, after: Samples) -> str:
    match = METRIC.fullmatch(wanted)
    if match is None:
        return f"{wanted!r} names no metric"
    name, labels = match[1], _pairs(match[2])
    counted = [each for each in (name, f"{name}_count") if any(key[0] == each for key in after)]
    if not counted:
        return f"no metric {name}"
    there = [key for key in after if key[0] == counted[0] and _labelled(dict(key[1]), labels)]
    if not there:
        return f"no sample of {wanted}"
    grows = counted[0].endswith(("_total", "_count"))
    if grows and sum(after[key] - before.get(key, 0.0) for key in there) <= 0:
        return f"{wanted} did not grow"
    return ""


def _labelled(labels: Mapping[str, str], wanted: Mapping[str, str | None]) -> bool:
    return all(name in labels and value in (None, labels[name]) for name, value in wanted.items())


# ------------------------------------------------------------------ events
def event_findings(wanted: Any, happened: Sequence[Happened], *, reloaded: bool = False) -> Findings:
    """A list of `Name{fact: value}`, each of which was recorded; none if it is empty; n: that many."""
    if isinstance(wanted, int):
        return [] if len(happened) == wanted else [f"{wanted} events expected: {_shown_events(happened)}"]
    if not wanted:
        return [f"no event expected: {_shown_events(happened)}"] if happened else []
    return [
        f"no event fits {each!r}; there were {_shown_events(happened)}"
        for each in wanted
        if _applies(each, reloaded=reloaded) and not any(_event_fits(each, event) for event in happened)
    ]


def _applies(wanted: Any, *, reloaded: bool) -> bool:
    """`X from the 11th attempt` says when: only a case written by hand gets there."""
    if isinstance(wanted, Mapping):
        return True
    match = EVENT.fullmatch(str(wanted))
    return match is not None and (match[3] is None or (reloaded and match[3] == ON_RELOAD))


def _event_fits(wanted: Any, event: Happened) -> bool:
    if isinstance(wanted, Mapping):
        name, facts = next(iter(wanted.items()))
        pairs = {key: None if value is None else str(value) for key, value in (facts or {}).items()}
    else:
        match = EVENT.fullmatch(str(wanted))
        assert match is not None
        name, pairs = match[1], _pairs(match[2])
    if name != event.name:
        return False
    known = Known(named=lambda name: event.facts.get(name, ABSENT))
    return all(
        key in event.facts and (value is None or fits(value, event.facts[key], known))
        for key, value in pairs.items()
    )


def _shown_events(happened: Sequence[Happened]) -> str:
    return (
        "; ".join(f"{event.name}{dict(event.facts)!r}" for event in happened[-SHOWN_MAX:])[:1_000] or "none"
    )


def _pairs(text: str | None) -> dict[str, str | None]:
    return dict(_split(text)) if text else {}


def _split(text: str) -> Iterator[tuple[str, str | None]]:
    for part in text.split(","):
        if match := PAIR.fullmatch(part):
            yield match[1], match[2]
