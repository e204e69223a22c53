"""A worker's metrics on their own address: shown to whoever asks, whatever other callers do."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from domain.errors import SettingsError
from infra.clock import SystemClock
from infra.metrics import CONTENT_TYPE, Metrics, metrics_url
from infra.telemetry.scraping import END_S, LOOK_S, scraped

HOST = "127.0.0.1"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(version="0.1.0")


@pytest.fixture
def url(metrics: Metrics) -> Iterator[str]:
    with scraped(HOST, 0, metrics.registry) as url:
        yield url


def asked(url: str, path: str = "/metrics", method: str = "GET") -> tuple[int, str, str]:
    """Status, media type, body."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()


def test_what_is_counted_is_seen_at_the_address(metrics: Metrics, url: str) -> None:
    metrics.media_validation["failed"].inc()
    status, media_type, body = asked(url)
    assert (status, media_type.partition(";")[0]) == (200, CONTENT_TYPE.partition(";")[0])
    assert 'dits_media_validation_total{result="failed"} 1.0' in body


def test_nothing_but_the_metrics_is_shown(url: str) -> None:
    assert [asked(url, path)[0] for path in ("/", "/metrics/", "/health", "/../metrics")] == [404] * 4
    assert asked(url, method="POST")[0] == 501


def test_a_caller_who_breaks_off_or_says_nonsense_stands_in_nobodys_way(url: str) -> None:
    place = (HOST, urlsplit(url).port or 0)
    for words in (b"", b"GET /metr", b"\x16\x03\x01\x00\n\n", b"G" * 70_000):
        with socket.create_connection(place) as line:
            line.sendall(words)
    assert asked(url)[0] == 200


def test_a_caller_who_says_nothing_is_left_after_a_while(url: str) -> None:
    with socket.create_connection((HOST, urlsplit(url).port or 0)):
        assert asked(url)[0] == 200


def test_a_taken_address_is_refused_with_its_reason(metrics: Metrics, url: str) -> None:
    port = urlsplit(url).port or 0
    with (
        pytest.raises(SettingsError, match=f"{HOST} port {port}: Address already in use"),
        scraped(HOST, port, metrics.registry),
    ):
        pass


def test_an_address_that_is_none_is_refused(metrics: Metrics) -> None:
    with (
        pytest.raises(SettingsError, match=r"metrics cannot be shown at 192\.0\.2\.1 port 0"),
        scraped("192.0.2.1", 0, metrics.registry),
    ):
        pass


def test_it_ends_soon_and_its_address_is_free_again(metrics: Metrics) -> None:
    clock = SystemClock()
    with scraped(HOST, 0, metrics.registry) as url:
        assert asked(url)[0] == 200
        began_ms = clock.monotonic_ms()
    assert clock.monotonic_ms() - began_ms <= (LOOK_S + END_S) * 1_000
    with scraped(HOST, urlsplit(url).port or 0, metrics.registry) as again:
        assert again == url


def test_an_address_of_the_newer_kind_is_written_in_brackets() -> None:
    assert metrics_url("::1", 9_100) == "http://[::1]:9100/metrics"
