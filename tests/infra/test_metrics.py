"""Metrics: one place names them, labels stay few, what is counted is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra import metrics as all_metrics
from infra.metrics import SERIES_MAX, Metrics, metrics_page

ROOT = Path(__file__).parents[2]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(version="0.1.0")


def shown(metrics: Metrics, sample: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(sample, labels)


def test_what_is_counted_is_shown(metrics: Metrics) -> None:
    metrics.idempotency["replayed"].inc()
    metrics.alerts.of("log_full", "critical").inc()
    assert shown(metrics, "dits_idempotency_total", outcome="replayed") == 1
    assert shown(metrics, "dits_alerts_total", name="log_full", severity="critical") == 1


def test_an_outcome_that_never_happened_is_shown_as_zero(metrics: Metrics) -> None:
    assert shown(metrics, "dits_commits_total", outcome="compensated") == 0


def test_a_child_is_bound_once(metrics: Metrics) -> None:
    assert metrics.conflicts.of("branch") is metrics.conflicts.of("branch")


def test_labels_beyond_the_limit_count_as_other(metrics: Metrics) -> None:
    for number in range(SERIES_MAX + 3):
        metrics.conflicts.of(f"family-{number}").inc()
    assert shown(metrics, "dits_concurrency_conflicts_total", aggregate="other") == 3


def test_two_processes_parts_do_not_share_a_registry() -> None:
    first, second = Metrics(version="1"), Metrics(version="1")
    first.upload_bytes.inc(5)
    assert shown(second, "dits_upload_bytes_total") == 0


def test_the_exposition_can_be_read_back(metrics: Metrics) -> None:
    families = {family.name for family in text_string_to_metric_families(metrics.text().decode())}
    assert {line.name.removesuffix("_total") for line in metrics.lines()} <= families


def test_every_metric_begins_with_our_name_and_ends_in_its_unit(metrics: Metrics) -> None:
    for line in metrics.lines():
        assert line.name.startswith("dits_")
        assert (line.kind == "counter") == line.name.endswith("_total")


def test_the_page_of_metrics_is_the_modules() -> None:
    assert (ROOT / "docs/metrics.md").read_text() == metrics_page()
    assert all_metrics.__doc__
