"""A gateway process, put together: the core behind its circuits, and what stands around it.

Promises: what requests need of a server is asked through its circuit (V7.5), what reads the log by itself is
not; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial

from domain.ports import Clock, Ids
from gateway.access import NAMES, logged
from gateway.answers import BucketAnswers
from gateway.app import create_app
from gateway.archive import PostgresArchive
from gateway.around import Around
from gateway.auth import PEPPER_BYTES, KeyDigests
from gateway.bus import BusDoor
from gateway.caller import Directory
from gateway.circuit import Circuit
from gateway.content import Content
from gateway.core import Core, Limits
from gateway.guarded import GuardedAnswers, GuardedLeases, GuardedLog, GuardedPool
from gateway.history import History
from gateway.issuer_keys import IssuerKeys
from gateway.measures import Measures
from gateway.oauth import Issuer, Tokens
from gateway.pressure import MemoryUse, Pressure
from gateway.reading import PostgresReading
from gateway.sent import SentChunks
from gateway.server import GatewayServer, Listening
from gateway.signals import SignalCounts, Signals
from gateway.tracing import Tracer, passed_on
from gateway.versions.telling import Teller, VersionMeasures
from gateway.versions.wishes import BuiltIn
from infra.compose.ground import Ground, messages
from infra.compose.telemetry import gateway_telemetry
from infra.dev.secret_files import write_private
from infra.eventlog.answers import AnswerBucket
from infra.eventlog.counters import JetStreamCounters
from infra.eventlog.leases import JetStreamLeases
from infra.eventlog.opening import OpenedJetStream
from infra.jwks import HttpKeySource
from infra.logs import access_log
from infra.memory_use import ProcessMemory
from infra.metrics import Metrics
from infra.objects.pipeline import StorePipeline
from infra.process import favour_the_loop
from infra.settings import Settings
from infra.telemetry.telemetry import Telemetry
from infra.versions_file import BackupFile, WatchedFile
from projections.refcounts.queries import LivePresence

VERSIONS_BACKUP = "versions.backup.yaml"


@contextmanager
def gateway(on: Ground, metrics: Metrics, *, memory: MemoryUse | None = None) -> Generator[GatewayServer]:
    """A gateway process; `run()` it in the main thread. `memory` is this machine's if not given."""
    pipeline = StorePipeline(on.store, threads=on.settings.io_threads)
    signals = Signals(
        on.clock, SignalCounts(metrics.alerts, metrics.security_events, metrics.signals_dropped)
    )
    guards = _Guards(on, metrics, signals)
    try:
        with gateway_telemetry(on, metrics, signals.alert) as sent:
            core = _core(guards, pipeline)
            application = create_app(
                core,
                _around(guards, sent, core.keys.pepper, memory or ProcessMemory()),
                beside=lambda made: BusDoor(made, on.log.api.connection).open(),
                checks={"log": partial(_refuse_regressed, on.log)},
            )
            listening = Listening(
                on.settings.gateway_host,
                on.settings.gateway_port,
                connections_max=on.settings.gateway_connections_max,
                drain_s=int(on.settings.stop_timeout_s),
            )
            yield GatewayServer(application, listening, favour_the_loop)
    finally:
        pipeline.close()


def _around(guards: _Guards, sent: Telemetry, pepper: bytes, memory: MemoryUse) -> Around:
    on, metrics, signals = guards.on, guards.metrics, guards.signals
    settings = on.settings
    measures = Measures(metrics.registry, idempotency=metrics.idempotency, waits=metrics.consistency_waits)
    pressure = Pressure(
        memory,
        signals,
        dial=metrics.memory_utilization,
        circuit=metrics.circuit_state.of("memory"),
    )
    return Around(
        measures=measures,
        signals=signals,
        tracer=Tracer(on.clock, on.ids, sink=sent.spans, ratio=settings.trace_sample_ratio),
        counters=JetStreamCounters(on.log.api),
        metadata=PostgresReading(guards.pool).versions,
        backup=BackupFile(settings.data_dir.expanduser() / VERSIONS_BACKUP),
        pressure=pressure,
        pepper=pepper,
        versions_file=WatchedFile(settings.versions_file) if settings.versions_file else BuiltIn(),
        trusted_proxies=settings.trusted_networks,
        processes=settings.gateway_processes,
        access_log=access_log(settings.log_level, settings.log_format, logged, NAMES),
    )


class _Guards:
    """The servers that requests need, each behind its circuit."""

    def __init__(self, on: Ground, metrics: Metrics, signals: Signals) -> None:
        self.on = on
        self.metrics = metrics
        self.signals = signals
        state = metrics.circuit_state
        self.event_store = Circuit("event_store", on.clock, signals, state.of("event_store"))
        self.events = GuardedLog(on.log.events, self.event_store)
        self.pool = GuardedPool(on.pool, Circuit("projections", on.clock, signals, state.of("projections")))


def _refuse_regressed(log: OpenedJetStream) -> None:
    if log.regressed is not None:
        raise log.regressed


def _core(guards: _Guards, pipeline: StorePipeline) -> Core:
    on, events, pool = guards.on, guards.events, guards.pool
    settings = on.settings
    limits = Limits(
        json_bytes_max=settings.body_bytes_max,
        batch_bytes_max=settings.chunk_batch_bytes_max,
        file_bytes_max=settings.file_bytes_max,
        core_threads=settings.core_threads,
        requests_max=settings.gateway_connections_max,
        commit_wait_s=settings.commit_wait_s,
    )
    return Core(
        log=events,
        feed=on.log.feed(),
        messages=messages(on),
        store=on.store,
        streams=pipeline,
        content=Content(on.store),
        sent=SentChunks(events),
        history=History(events, PostgresArchive(pool, on.log.narrator.archived)),
        presence=LivePresence(pool),
        reading=PostgresReading(pool),
        leases=GuardedLeases(JetStreamLeases(on.log.api), guards.event_store),
        answers=GuardedAnswers(BucketAnswers(AnswerBucket(on.log.api)), guards.event_store),
        clock=on.clock,
        ids=on.ids,
        keys=key_digests(settings, on.ids),
        directory=Directory(),
        limits=limits,
        teller=Teller(VersionMeasures(guards.metrics.registry), guards.signals),
        tokens=tokens(settings, on.clock),
    )


def key_digests(settings: Settings, ids: Ids) -> KeyDigests:
    """The pepper from the settings, or from its file in the data directory, made at the first start."""
    if settings.key_pepper is not None:
        return KeyDigests(bytes.fromhex(settings.key_pepper.get_secret_value()))
    file = settings.data_dir.expanduser() / "key.pepper"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(file, ids.token(PEPPER_BYTES).hex())
    return KeyDigests(bytes.fromhex(file.read_text()))


def tokens(settings: Settings, clock: Clock) -> Tokens | None:
    """None: no issuer is set, so no bearer token is valid."""
    if settings.oauth_issuer is None or settings.oauth_jwks_url is None:
        return None
    assert settings.oauth_audience is not None
    assert settings.oauth_token_endpoint is not None
    issuer = Issuer(settings.oauth_issuer, settings.oauth_audience, settings.oauth_token_endpoint)
    source = HttpKeySource(settings.oauth_jwks_url, clock, context=passed_on)
    return Tokens(issuer, IssuerKeys(source, clock), clock)
