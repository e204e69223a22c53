"""Log lines, metrics and events are held against the table, and a sign that did not come is told."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.scenarios.api.signs import (
    Happened,
    event_findings,
    log_findings,
    metric_findings,
    samples_of,
    warnings_in,
)

LINES = [
    {"event": "request", "log_level": "info", "consumer": "anonymous"},
    {"event": "security.header_injection", "log_level": "warning", "source": "header"},
    {"event": "rejected", "log_level": "error", "logger": "audit"},
]
PAGE = """\
# TYPE dits_negotiation counter
dits_negotiation_total{outcome="ok",source="header"} %s
# TYPE dits_versions gauge
dits_versions{status="current"} 1
# TYPE dits_swap_seconds histogram
dits_swap_seconds_count 2
dits_swap_seconds_sum 0.5
"""
BEFORE = samples_of(text_string_to_metric_families(PAGE % 1))
AFTER = samples_of(text_string_to_metric_families(PAGE % 2))
HAPPENED = [Happened("VersionStatusChanged", {"from": "current", "to": "sunset", "revision": 2})]


@pytest.mark.parametrize(
    "held",
    [
        {"level": "INFO", "event": "request", "fields": {"consumer": "anonymous"}},
        {"level": "WARNING", "event": "security.header_injection", "fields": ["source"]},
        {"event": "security.header_injection", "logger": "security"},
        {"logger": "audit"},
        "WARNING",
        "security",
    ],
)
def test_a_line_that_was_logged_is_found(held: Any) -> None:
    assert log_findings(held, LINES) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"level": "ERROR", "event": "request"},
        {"level": "INFO", "event": "other"},
        {"event": "request", "fields": {"consumer": "ann"}},
        {"event": "request", "fields": ["status"]},
        {"event": "request", "logger": "security"},
        "CRITICAL",
        "other",
        "none",
        {"level": "none beyond the access line"},
    ],
)
def test_a_line_that_was_not_logged_is_missed(broken: Any) -> None:
    assert log_findings(broken, LINES)


def test_an_access_line_alone_is_quiet() -> None:
    assert log_findings({"level": "none beyond the access line"}, LINES[:1]) == []
    warned = {"event": "registry.size_soft_limit", "log_level": "warning"}
    assert warnings_in([*LINES, warned, {**warned, "log_level": "info"}]) == 1


@pytest.mark.parametrize(
    "held", ["dits_negotiation_total{outcome=ok}", "dits_versions", "dits_versions{status}"]
)
def test_a_counter_that_grew_is_seen(held: str) -> None:
    assert metric_findings([held], BEFORE, AFTER) == []


@pytest.mark.parametrize(
    "broken",
    [
        "dits_negotiation_total{outcome=conflict}",
        "dits_versions{kind}",
        "dits_swap_seconds",
        "dits_other_total",
    ],
)
def test_a_counter_that_stood_still_is_told(broken: str) -> None:
    assert metric_findings([broken], BEFORE, AFTER)
    assert metric_findings(["dits_negotiation_total"], BEFORE, BEFORE)


@pytest.mark.parametrize(
    "held",
    [
        ["VersionStatusChanged"],
        ["VersionStatusChanged{from: current, to: sunset}"],
        [{"VersionStatusChanged": {"revision": 2}}],
        ["SecurityIncidentRecorded from the 11th attempt"],
        1,
    ],
)
def test_an_event_that_was_recorded_is_found(held: Any) -> None:
    assert event_findings(held, HAPPENED) == []


@pytest.mark.parametrize(
    "broken",
    [
        ["RegistryLoaded"],
        ["VersionStatusChanged{to: current}"],
        ["VersionStatusChanged{actor: ann}"],
        [],
        0,
        2,
    ],
)
def test_an_event_that_was_not_recorded_is_missed(broken: Any) -> None:
    assert event_findings(broken, HAPPENED)


def test_an_event_on_reload_is_missed_after_a_reload_only() -> None:
    wanted = ["RegistryReloadRejected on reload"]
    assert event_findings(wanted, HAPPENED) == []
    assert event_findings(wanted, HAPPENED, reloaded=True)
