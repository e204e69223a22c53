"""What a worker counts of media is to be seen at its own address (acceptance: S4.1-S4.5)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.client import Client, ProblemError, PushOptions
from infra.cli import exits
from infra.dev.laptop import WORKER, WORKER_METRICS_PORT
from infra.dev.ports import Ports
from infra.dev.processes import Child, Launch, wait_until_ready
from tests.collector import Collector, collecting
from tests.e2e.product import Product
from tests.e2e.test_starts import dits
from tests.media import encodes
from tests.media.making import truncated

FAILED = ("dits_media_validation_total", "failed")


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(autouse=True)
def worker_that_is_up(product: Product) -> None:
    """Tests before may have killed it, and its successor may still be starting."""
    wait_until_ready(product.laptop.children[WORKER], lambda: is_shown(product), 30)


def relaunched(product: Product, **environment: str) -> int:
    """A worker that shows its metrics; gives how the one before it ended."""
    code = product.laptop.children[WORKER].stop(20)
    product.laptop.launch(WORKER, **environment)
    wait_until_ready(product.laptop.children[WORKER], lambda: is_shown(product), 30)
    return code


def is_shown(product: Product) -> bool:
    try:
        return httpx.get(product.laptop.worker_metrics_url).is_success
    except httpx.TransportError:
        return False


def counted(product: Product, name: str, *labels: str) -> float:
    """At the worker's address, as Prometheus reads it."""
    text = httpx.get(product.laptop.worker_metrics_url).raise_for_status().text
    samples = (each for family in text_string_to_metric_families(text) for each in family.samples)
    return sum(each.value for each in samples if each.name == name and {*labels} <= {*each.labels.values()})


def push(client: Client, repo: str, place: Path, content: bytes, *raw: str) -> None:
    file = place / "reel.mp4"
    file.write_bytes(content)
    client.push(
        repo, "main", file, message="m", options=PushOptions(root=place, notes=place / "notes", raw=raw)
    )


def test_a_damaged_film_is_counted_where_the_worker_is_scraped(
    product: Product, repo: str, tmp_path: Path
) -> None:
    before, damaged = counted(product, *FAILED), truncated(encodes.fast_start(), 60)
    with product.client() as owner:
        with pytest.raises(ProblemError):
            push(owner, repo, tmp_path, damaged)
        assert counted(product, *FAILED) == before + 1
        push(owner, repo, tmp_path, damaged, "*.mp4")
    assert counted(product, *FAILED) == before + 2


@pytest.mark.long
def test_a_worker_pushes_its_metrics_ends_cleanly_and_is_scraped_at_the_same_address_again(
    product: Product, collector: Collector
) -> None:
    address = product.laptop.worker_metrics_url
    relaunched(
        product, DITS_OTLP_METRICS_URL=f"{collector.url}/v1/metrics", DITS_OTLP_HEADERS="x-tenant=film"
    )
    assert relaunched(product) == 0
    assert product.laptop.worker_metrics_url == address
    assert collector.wrong == []
    assert {"dits_media_validation_total", "dits_nle_projects_total"} & collector.metrics().keys()
    assert collector.headers[-1]["x-tenant"] == "film"


def test_further_workers_take_addresses_of_their_own(product: Product, tmp_path: Path) -> None:
    log = tmp_path / "another.log"
    environment = {**product.laptop.environment, "DITS_WORKER_METRICS_PORT": "0", "DITS_LOG_FORMAT": "json"}
    another = Child(Launch("another worker", (sys.executable, "-m", "infra.cli", "work"), log, environment))
    try:
        wait_until_ready(another, lambda: "metrics_shown" in log.read_text(), 30)
        told = next(json.loads(line) for line in log.read_text().splitlines() if "metrics_shown" in line)
        assert "dits_build_info" in httpx.get(told["url"]).text
    finally:
        assert another.stop(20) == 0


def test_a_worker_whose_address_is_taken_does_not_start(product: Product) -> None:
    ended = dits(
        "work", **{name: text for name, text in product.laptop.environment.items() if "DITS_" in name}
    )
    assert ended.returncode == exits.SETTINGS
    assert f"port {product.laptop.environment[WORKER_METRICS_PORT]}: Address already in use" in ended.stderr


@pytest.mark.long
def test_a_laptop_whose_workers_address_is_taken_does_not_start(product: Product, tmp_path: Path) -> None:
    gateway = Ports(tmp_path / "port.json", say=print).of("gateway")
    ports = {"DITS_GATEWAY_PORT": str(gateway), WORKER_METRICS_PORT: str(product.laptop.port)}
    ended = dits("up", DITS_DATA_DIR=str(tmp_path / "data"), **ports)
    assert ended.returncode != exits.OK
    assert "the worker did not start" in ended.stderr
    assert "choose another DITS_WORKER_METRICS_PORT" in ended.stderr
