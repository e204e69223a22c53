"""What every process of Dits stands on: log, store, database, clock, opened from settings alone.

Promises: what is opened here is closed here, in reverse order, also when a later part fails to open.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from domain.catalogue import TOPICS, upcast
from domain.errors import LogRegressedError
from domain.ports import Clock, Ids, ObjectStore
from gateway.tracing import passed_on
from infra.clock import SystemClock, SystemIds
from infra.eventlog.bulk import LogMessages
from infra.eventlog.bulk_reader import BulkReader
from infra.eventlog.jetstream_api import Patience
from infra.eventlog.mapper import Topics
from infra.eventlog.opening import LogAddress, OpenedJetStream, open_jetstream
from infra.eventlog.stream import StreamLimits
from infra.logs import configure_logs, get_logger
from infra.metrics import Metrics
from infra.objects.bounded import BoundedStore
from infra.objects.local import LocalStore
from infra.objects.retrying import RetryingStore
from infra.objects.s3 import S3Account, S3Store
from infra.objects.verified import VerifiedStore
from infra.postgres.migrate import migrate
from infra.postgres.pool import Pool, open_pool
from infra.process import settle_in
from infra.settings import Settings
from projections import archive
from projections.reading import positions
from projections.transactions import transaction

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


def messages(on: Ground) -> LogMessages:
    """The log in bulk, over connections of its own."""
    source = BulkReader(log_address(on.settings).url, on.log.log.shard.stream, on.log.api, on.ids)
    return LogMessages(
        source, on.log.reader, on.log.sentinel, shard=on.log.log.shard, topics=Topics(TOPICS, upcast)
    )
