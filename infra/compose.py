"""Puts the concrete classes together: the only module that knows them all.

Promises: every process of Dits is made here from settings alone, and what is opened here is closed here, in
reverse order, also when a later part fails to open.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from urllib.parse import quote, urlsplit, urlunsplit

from domain.catalogue import TOPICS, upcast
from domain.errors import LogRegressedError
from domain.ports import Clock, CrashPoints, Ids, ObjectStore
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
from gateway.pressure import Pressure
from gateway.reading import PostgresReading
from gateway.sent import SentChunks
from gateway.server import GatewayServer, Listening
from gateway.signals import SignalCounts, Signals
from gateway.tracing import Tracer, passed_on
from gateway.versions.telling import Teller, VersionMeasures
from gateway.versions.wishes import BuiltIn
from infra.clock import SystemClock, SystemIds
from infra.dev.crash import KillAt, NeverKill
from infra.dev.secret_files import write_private
from infra.eventlog.answers import AnswerBucket
from infra.eventlog.bulk import LogMessages
from infra.eventlog.bulk_reader import BulkReader
from infra.eventlog.counters import JetStreamCounters
from infra.eventlog.jetstream_api import Patience
from infra.eventlog.leases import JetStreamLeases
from infra.eventlog.mapper import Topics
from infra.eventlog.opening import LogAddress, OpenedJetStream, open_jetstream
from infra.eventlog.stream import StreamLimits
from infra.eventlog.timers import JetStreamTimers
from infra.jwks import HttpKeySource
from infra.logs import configure_logs, get_logger
from infra.memory_use import ProcessMemory
from infra.metrics import Metrics
from infra.objects.bounded import BoundedStore
from infra.objects.local import LocalStore
from infra.objects.pipeline import StorePipeline
from infra.objects.retrying import RetryingStore
from infra.objects.s3 import S3Account, S3Store
from infra.objects.verified import VerifiedStore
from infra.postgres.migrate import migrate
from infra.postgres.pool import Pool, open_pool
from infra.process import settle_in
from infra.settings import Settings
from infra.telemetry.endpoint import headers_in
from infra.telemetry.telemetry import Collectors, Telemetry, telemetry
from infra.versions_file import BackupFile, WatchedFile
from projections import ALL, archive
from projections.reading import positions
from projections.refcounts.queries import LivePresence
from projections.transactions import transaction
from workers.archive import Archivist
from workers.clockwork import Clockwork
from workers.commit_steps import CommitSteps
from workers.commit_worker import CommitWorker
from workers.lease_watcher import LeaseWatcher
from workers.projector import Projector
from workers.rebuild import Rebuilder
from workers.saga_runner import SagaRunner
from workers.starting import locked_repos, open_commits, open_sessions
from workers.supervisor import Supervisor

VERSIONS_BACKUP = "versions.backup.yaml"
PUTS_AT_ONCE = 8
PUT_BYTES_IN_FLIGHT = 192 << 20
"""Three whole batches: what one process may hold for its object store."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every process of Dits stands on."""

    settings: Settings
    clock: Clock
    ids: Ids
    log: OpenedJetStream
    store: ObjectStore
    pool: Pool


@contextmanager
def ground(settings: Settings, name: str, *, answer_s: float | None = None) -> Generator[Ground]:
    """Open log, store and database. Raises LazyFsyncError, UnfitLogError, UnavailableError, ...

    `answer_s` bounds each statement of the database, for a process whose callers wait.
    """
    clock, ids = SystemClock(), SystemIds()
    settle_in()
    with ExitStack() as opened:
        log = open_jetstream(
            log_address(settings),
            topics=Topics(TOPICS, upcast),
            clock=clock,
            ids=ids,
            name=name,
            context=passed_on,
        )
        opened.callback(log.close)
        store = opened.enter_context(object_store(settings, clock, ids))
        assert settings.postgres_dsn is not None
        dsn = settings.postgres_dsn.get_secret_value()
        migrate(dsn, clock)
        pool = open_pool(
            dsn,
            connections_max=settings.postgres_connections_max,
            wait_s=settings.dependency_timeout_s,
            answer_s=answer_s,
            name=name,
        )
        opened.callback(pool.close)
        _look_back(log, pool)
        yield Ground(settings, clock, ids, log, store, pool)


def _look_back(log: OpenedJetStream, pool: Pool) -> None:
    """Does the log still hold what this installation saw of it (I11)? If not, this process says so and
    appends nothing; reads go on."""
    with transaction(pool) as cursor:
        seen = [archive.end(cursor), *positions(pool).values()]
    try:
        for position in seen:
            if position is not None:
                log.sentinel.verify(position)
    except LogRegressedError as error:
        get_logger(__name__).error("log_regressed", code=error.code, **error.facts)


def log_address(settings: Settings) -> LogAddress:
    assert settings.nats_url is not None
    assert settings.nats_password is not None
    assert settings.nats_system_password is not None
    return LogAddress(
        url=_with_user(settings.nats_url, settings.nats_user, settings.nats_password.get_secret_value()),
        system_url=_with_user(
            settings.nats_url, settings.nats_system_user, settings.nats_system_password.get_secret_value()
        ),
        limits=StreamLimits(settings.event_log_bytes_max),
        patience=Patience(read_s=settings.dependency_timeout_s, append_s=settings.append_timeout_s),
        unsafe_lazy_fsync=settings.unsafe_lazy_fsync,
    )


def _with_user(urls: str, user: str, password: str) -> str:
    """Each server's URL with credentials; nats-py takes them from the URL."""
    return ",".join(_one_with_user(url.strip(), user, password) for url in urls.split(","))


def _one_with_user(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{quote(user)}:{quote(password, safe='')}@{parts.netloc}"))


@contextmanager
def object_store(settings: Settings, clock: Clock, ids: Ids) -> Generator[ObjectStore]:
    """The configured store behind its decorators: bounded, then retried, then verified."""
    store = _plain_store(settings, ids)
    try:
        bounded = BoundedStore(store, operations_max=PUTS_AT_ONCE, bytes_max=PUT_BYTES_IN_FLIGHT)
        yield VerifiedStore(RetryingStore(bounded, clock, ids))
    finally:
        store.close()


def _plain_store(settings: Settings, ids: Ids) -> LocalStore | S3Store:
    if settings.object_store == "local":
        return LocalStore("local", settings.objects_dir, ids)
    assert settings.s3_endpoint
    assert settings.s3_bucket
    assert settings.s3_access_key
    assert settings.s3_secret_key is not None
    account = S3Account(
        settings.s3_endpoint,
        settings.s3_bucket,
        settings.s3_region,
        settings.s3_access_key,
        settings.s3_secret_key.get_secret_value(),
    )
    return S3Store(
        "s3",
        account,
        timeout_s=settings.object_timeout_s,
        connections=settings.io_threads,
        context=passed_on,
    )


def start_logs(settings: Settings, metrics: Metrics) -> None:
    configure_logs(settings.log_level, settings.log_format, count_redactions=metrics.log_redactions.inc)


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
    return Tokens(issuer, IssuerKeys(HttpKeySource(settings.oauth_jwks_url, clock), clock), clock)


# ------------------------------------------------------------------ the gateway
@contextmanager
def gateway(on: Ground, metrics: Metrics) -> Generator[GatewayServer]:
    """A gateway process; `run()` it in the main thread."""
    pipeline = StorePipeline(on.store, threads=on.settings.io_threads)
    signals = Signals(
        on.clock, SignalCounts(metrics.alerts, metrics.security_events, metrics.signals_dropped)
    )
    try:
        with _telemetry(on, metrics, signals) as sent:
            teller = Teller(VersionMeasures(metrics.registry), signals)
            core = _core(on, pipeline, _Circuits(on, metrics, signals), teller)
            application = create_app(
                core,
                _around(on, metrics, signals, sent, core.keys.pepper),
                beside=lambda made: BusDoor(made, on.log.api.connection).open(),
                checks={"log": partial(_refuse_regressed, on.log)},
            )
            listening = Listening(
                on.settings.gateway_host,
                on.settings.gateway_port,
                connections_max=on.settings.gateway_connections_max,
                drain_s=int(on.settings.stop_timeout_s),
            )
            yield GatewayServer(application, listening)
    finally:
        pipeline.close()


def _telemetry(on: Ground, metrics: Metrics, signals: Signals) -> AbstractContextManager[Telemetry]:
    settings, secret = on.settings, on.settings.otlp_headers
    headers = headers_in(secret.get_secret_value()) if secret is not None else {}
    collectors = Collectors(settings.otlp_traces_url, settings.otlp_metrics_url, headers)
    return telemetry(
        collectors, metrics, version=version("dits"), clock=on.clock, ids=on.ids, alert=signals.alert
    )


def _around(on: Ground, metrics: Metrics, signals: Signals, sent: Telemetry, pepper: bytes) -> Around:
    settings = on.settings
    measures = Measures(metrics.registry, idempotency=metrics.idempotency, waits=metrics.consistency_waits)
    pressure = Pressure(
        ProcessMemory(),
        signals,
        dial=metrics.memory_utilization,
        circuit=metrics.circuit_state.of("memory"),
    )
    return Around(
        measures=measures,
        signals=signals,
        tracer=Tracer(on.clock, on.ids, sink=sent.spans, ratio=settings.trace_sample_ratio),
        counters=JetStreamCounters(on.log.api),
        backup=BackupFile(settings.data_dir.expanduser() / VERSIONS_BACKUP),
        pressure=pressure,
        pepper=pepper,
        versions_file=WatchedFile(settings.versions_file) if settings.versions_file else BuiltIn(),
        trusted_proxies=settings.trusted_networks,
        processes=settings.gateway_processes,
    )


class _Circuits:
    """One a server that requests need."""

    def __init__(self, on: Ground, metrics: Metrics, signals: Signals) -> None:
        self.event_store = Circuit("event_store", on.clock, signals, metrics.circuit_state.of("event_store"))
        self.projections = Circuit("projections", on.clock, signals, metrics.circuit_state.of("projections"))


def _refuse_regressed(log: OpenedJetStream) -> None:
    if log.regressed is not None:
        raise log.regressed


def _core(on: Ground, pipeline: StorePipeline, circuits: _Circuits, teller: Teller) -> Core:
    settings = on.settings
    events = GuardedLog(on.log.events, circuits.event_store)
    pool = GuardedPool(on.pool, circuits.projections)
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
        leases=GuardedLeases(JetStreamLeases(on.log.api), circuits.event_store),
        answers=GuardedAnswers(BucketAnswers(AnswerBucket(on.log.api)), circuits.event_store),
        clock=on.clock,
        ids=on.ids,
        keys=key_digests(settings, on.ids),
        directory=Directory(),
        limits=limits,
        teller=teller,
        tokens=tokens(settings, on.clock),
    )


# ------------------------------------------------------------------ the workers
def workers(on: Ground) -> Supervisor:
    """Every loop of a worker process; `start` it from the main thread."""
    supervisor = Supervisor({}, on.clock.monotonic_ms)
    events, stopping = on.log.events, supervisor.stopping.is_set
    steps = CommitSteps(events, on.store, LivePresence(on.pool))
    runner = SagaRunner(events, steps, on.clock, on.ids, crash_points(on.settings), stopping)
    batch = on.settings.follower_batch_messages
    lifetime_s = on.settings.upload_session_lifetime_h * 3_600
    loops = {
        "projector": Projector(on.pool, on.log.feed(), events, on.clock, on.ids, ALL, batch).run,
        "rebuilder": rebuilder(on).run,
        "archivist": Archivist(on.pool, messages(on), on.log.feed(), on.clock).run,
        "sagas": CommitWorker(
            on.log.feed(), events, runner, partial(open_commits, on.pool), supervisor.contained
        ).run,
        "leases": LeaseWatcher(
            on.log.feed(), events, JetStreamLeases(on.log.api), on.clock, partial(locked_repos, on.pool)
        ).run,
        "clockwork": Clockwork(
            on.log.feed(), events, JetStreamTimers(on.log.api), partial(open_sessions, on.pool), lifetime_s
        ).run,
    }
    supervisor.loops.update(loops)
    return supervisor


def rebuilder(on: Ground) -> Rebuilder:
    return Rebuilder(on.pool, on.log.feed(), messages(on), on.log.events, on.clock, ALL)


def messages(on: Ground) -> LogMessages:
    """The log in bulk, over connections of its own."""
    source = BulkReader(log_address(on.settings).url, on.log.log.shard.stream, on.log.api, on.ids)
    return LogMessages(
        source, on.log.reader, on.log.sentinel, shard=on.log.log.shard, topics=Topics(TOPICS, upcast)
    )


def crash_points(settings: Settings) -> CrashPoints:
    return KillAt(settings.crash_at) if settings.dev and settings.crash_at else NeverKill()
