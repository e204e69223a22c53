"""Every metric of Dits but the HTTP edge's own, named in one place (docs/metrics.md is generated from it).

The edge may not import infra; it registers its own (`gateway/measures.py`) in the registry it is handed.

Promises: label values are bounded (an outcome, a route's template, a projection's name), never an id, hash,
path, user or key (acceptance: metric_names, I9); children of known labels are bound once, so that counting
is one addition; alert rules may name only what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics import MetricWrapperBase

M = TypeVar("M", bound=MetricWrapperBase)

CONTENT_TYPE = CONTENT_TYPE_LATEST
PATH = "/metrics"
APPEND_SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0)
SERIES_MAX = 2_000
"""Children a labelled metric of open vocabulary may have; later ones count as `other`."""
OTHER = "other"

IDEMPOTENCY_OUTCOMES = ("executed", "replayed", "refused")
COMMIT_OUTCOMES = ("published", "compensated")
VALIDATION_RESULTS = ("passed", "failed")
APPEND_OUTCOMES = ("done", "conflict", "unknown", "failed")
SECURITY_KINDS = ("header_injection", "api_key_bruteforce", "key_leak", "bus_violation")

PAGE_HEAD = """\
# Metrics

Generated from `infra/metrics.py`. `GET /metrics` shows them in Prometheus' text format, beside those of the
process itself (`process_*`). No label holds an id, a hash, a path, a user or a key.

**Every process counts for itself, so scrape them all.**
- A gateway shows its own at its address, with those of the HTTP edge (`dits_http_*`, `dits_ready`,
  `dits_auth_failures_total`; `gateway/measures.py` names them).
- A worker shows its own, among them all of `dits_media_*` and `dits_nle_*`, at `DITS_WORKER_METRICS_HOST` and
  `DITS_WORKER_METRICS_PORT`. Without a port it takes any that is free and logs `metrics_shown` with the whole
  address; give each worker its own where you scrape by a list. No key guards that address: keep it inside.
- `dits up` keeps the same port for its worker, and says both addresses at its start and in `dits status`.

Both push as well where `DITS_OTLP_METRICS_URL` is set.

```yaml
scrape_configs:
  - job_name: dits
    static_configs:
      - targets: ["127.0.0.1:8420"]  # each gateway
      - targets: ["127.0.0.1:9420"]  # each worker, here with DITS_WORKER_METRICS_PORT=9420
```

| name | kind | labels | meaning |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class MetricLine:
    """One metric as the page of metrics tells it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


class Metrics:
    """One registry a process; made by `compose`, handed to whoever counts."""

    def __init__(self, *, version: str, revision: str = "unknown") -> None:
        self.registry = CollectorRegistry()
        self._lines: list[MetricLine] = []
        ProcessCollector(registry=self.registry)
        build = self._gauge("dits_build_info", "Always 1; which build this is.", ("version", "sha"))
        build.labels(version, revision).set(1)
        self._for_commands()
        self._for_the_log()
        self._for_projections()
        self._for_bytes()
        self._for_operators()
        self._for_media()

    def text(self) -> bytes:
        """The exposition that Prometheus reads, of `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def lines(self) -> Sequence[MetricLine]:
        return tuple(self._lines)

    def _for_commands(self) -> None:
        self.idempotency = _bound(
            self._counter("dits_idempotency_total", "What became of commands with a key.", ("outcome",)),
            IDEMPOTENCY_OUTCOMES,
        )
        self.consistency_waits = self._counter(
            "dits_consistency_waits_total", "Reads that waited for a projection to reach a position."
        )

    def _for_the_log(self) -> None:
        appends = self._counter("dits_appends_total", "Appends to the event log.", ("outcome",))
        self.appends = _bound(appends, APPEND_OUTCOMES)
        self.append_seconds = self._histogram(
            "dits_append_duration_seconds", "From sending an append to its durable answer.", APPEND_SECONDS
        )
        self.conflicts = Family(
            self._counter(
                "dits_concurrency_conflicts_total", "Appends that lost a race, by family.", ("aggregate",)
            )
        )
        self.log_bytes = self._gauge("dits_event_log_bytes", "Stored size of the event log.")
        self.log_bytes_max = self._gauge("dits_event_log_limit_bytes", "Where the event log refuses events.")
        self.log_regressed = self._gauge(
            "dits_event_log_regressed", "1 if the log lost or changed a message."
        )

    def _for_media(self) -> None:
        self.media_validation = _bound(
            self._counter("dits_media_validation_total", "Containers looked at by commits.", ("result",)),
            VALIDATION_RESULTS,
        )
        self.unsupported_codecs = self._counter(
            "dits_media_unsupported_codec_total", "Codecs outside the documented set, by file and codec."
        )
        self.sync_warnings = self._counter(
            "dits_media_sync_warnings_total", "Films whose sound and picture differ in length, or have gaps."
        )
        self.hdr_losses = self._counter(
            "dits_media_hdr_loss_total",
            "Derivatives without colour metadata of their originals that could not be put back.",
        )
        self.nle_projects = Family(
            self._counter(
                "dits_nle_projects_total", "Projects of editing programs committed.", ("nle", "supported")
            )
        )

    def _for_projections(self) -> None:
        lag = self._gauge(
            "dits_projection_lag_events", "Messages a projection has still to fold.", ("projection",)
        )
        self.projection_lag = Family(lag)
        parked = self._gauge("dits_projection_parked", "Streams parked by a poison event.", ("projection",))
        self.projection_parked = Family(parked)
        self.refcount_underflow = self._counter(
            "dits_refcount_underflow_total", "Releases of what was not held; refused (I4)."
        )
        self.commits = _bound(
            self._counter("dits_commits_total", "Commit sagas that ended.", ("outcome",)), COMMIT_OUTCOMES
        )
        self.locks_active = self._gauge("dits_locks_active", "Locks held now.")
        self.locks_lapsed = self._counter("dits_locks_stale_cleanup_total", "Locks that ended by expiry.")

    def _for_bytes(self) -> None:
        self.upload_bytes = self._counter("dits_upload_bytes_total", "Bytes taken in, before dedupe.")
        self.upload_interruptions = self._counter(
            "dits_upload_interruptions_total", "Uploads cut off in mid-body."
        )
        self.upload_resumed = self._counter(
            "dits_upload_resumed_total", "Uploads taken up again at an offset."
        )
        self.stored_bytes = self._counter("dits_stored_bytes_total", "Bytes made durable, after dedupe.")
        failures = self._counter(
            "dits_chunk_verify_failures_total", "Objects that read back wrong after a write.", ("location",)
        )
        self.verify_failures = Family(failures)
        self.manifest_corruption = self._counter(
            "dits_manifest_corruption_total", "Manifests whose trailer did not fit their bytes (S1.2)."
        )

    def _for_operators(self) -> None:
        self.log_redactions = self._counter(
            "dits_log_redactions_total", "Secrets cut out of log lines (S5.5)."
        )
        self.security_events = _bound(
            self._counter("dits_security_events_total", "What a security officer wants to see.", ("kind",)),
            SECURITY_KINDS,
        )
        self.alerts = Family(
            self._counter("dits_alerts_total", "Alerts raised for operators.", ("name", "severity"))
        )
        self.signals_dropped = self._counter(
            "dits_signals_dropped_total", "Alerts, incidents and the like that the log never heard of."
        )
        self.circuit_state = Family(
            self._gauge("dits_circuit_state", "0 closed, 1 open, 2 trying whether it may close.", ("name",))
        )
        self.memory_utilization = self._gauge(
            "dits_memory_utilization_ratio", "Memory in use, of what this process may have (V9.3)."
        )
        self.trace_export_failures = self._counter(
            "dits_trace_export_failures_total", "Batches of spans that no collector took (V10.2)."
        )
        self.trace_spans_dropped = self._counter(
            "dits_trace_spans_dropped_total", "Spans neither taken by a collector nor logged instead."
        )
        self.metrics_buffer_dropped = self._counter(
            "dits_metrics_buffer_dropped_total", "Ten-second slots of metrics lost on their way (V10.3)."
        )

    def _counter(self, name: str, meaning: str, labels: tuple[str, ...] = ()) -> Counter:
        self._lines.append(MetricLine(name, "counter", labels, meaning))
        return Counter(name, meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, labels: tuple[str, ...] = ()) -> Gauge:
        self._lines.append(MetricLine(name, "gauge", labels, meaning))
        return Gauge(name, meaning, labels, registry=self.registry)

    def _histogram(
        self, name: str, meaning: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()
    ) -> Histogram:
        self._lines.append(MetricLine(name, "histogram", labels, meaning))
        return Histogram(name, meaning, labels, buckets=buckets, registry=self.registry)


class Family(Generic[M]):
    """A metric whose label values are few but not known beforehand; each child is bound at its first use."""

    def __init__(self, metric: M) -> None:
        self._metric: M = metric
        self._children: dict[tuple[str, ...], M] = {}

    def of(self, *labels: str) -> M:
        child = self._children.get(labels)
        if child is not None:
            return child
        kept = labels if len(self._children) < SERIES_MAX else (OTHER,) * len(labels)
        child = self._children[kept] = self._metric.labels(*kept)
        return child


def _bound(counter: Counter, values: tuple[str, ...]) -> Mapping[str, Counter]:
    return {value: counter.labels(value) for value in values}


def metrics_url(host: str, port: int) -> str:
    """Where a process that listens there shows them."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"


def metrics_page() -> str:
    """`docs/metrics.md`."""
    rows = "".join(
        f"| `{line.name}` | {line.kind} | {', '.join(line.labels)} | {line.meaning} |\n"
        for line in Metrics(version="").lines()
    )
    return PAGE_HEAD + rows
