"""Where the metrics and spans of a process are to be seen: a gateway's, and a worker's."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from importlib.metadata import version

from infra.compose.ground import Ground
from infra.metrics import Metrics
from infra.settings import Settings
from infra.telemetry.endpoint import headers_in
from infra.telemetry.pushing import Alert
from infra.telemetry.scraping import scraped
from infra.telemetry.telemetry import Collectors, Telemetry, telemetry


def gateway_telemetry(on: Ground, metrics: Metrics, alert: Alert) -> AbstractContextManager[Telemetry]:
    """What it pushes; its page of metrics is a route."""
    return _pushed(on, metrics, collectors(on.settings), alert)


@contextmanager
def worker_telemetry(on: Ground, metrics: Metrics) -> Generator[str]:
    """What it pushes, and a page of metrics of its own, whose URL this gives; a worker has no spans.

    Raises SettingsError if the page's address is taken.
    """
    settings = on.settings
    to = replace(collectors(settings), traces_url=None)
    with (
        scraped(settings.worker_metrics_host, settings.worker_metrics_port, metrics.registry) as url,
        _pushed(on, metrics, to, _is_logged),
    ):
        yield url


def collectors(settings: Settings) -> Collectors:
    """Raises SettingsError."""
    secret = settings.otlp_headers
    headers = headers_in(secret.get_secret_value()) if secret is not None else {}
    return Collectors(settings.otlp_traces_url, settings.otlp_metrics_url, headers)


def _pushed(on: Ground, metrics: Metrics, to: Collectors, alert: Alert) -> AbstractContextManager[Telemetry]:
    return telemetry(to, metrics, version=version("dits"), clock=on.clock, ids=on.ids, alert=alert)


def _is_logged(*_alert: object) -> None:
    """By the pusher (`metrics.push_failed`); the gateways, which push there too, raise the alert."""
