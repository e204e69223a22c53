"""A worker process, put together: every loop with the ports it is handed."""

from __future__ import annotations

from functools import partial

from domain.ports import CrashPoints
from infra.compose.ground import Ground, messages
from infra.compose.media import media_worker
from infra.dev.crash import KillAt, NeverKill
from infra.eventlog.leases import JetStreamLeases
from infra.eventlog.timers import JetStreamTimers
from infra.metrics import Metrics
from infra.settings import Settings
from projections import ALL
from projections.refcounts.queries import LivePresence
from workers.archive import Archivist
from workers.clockwork import Clockwork
from workers.commit_steps import CommitSteps, NamedCheck
from workers.commit_worker import CommitWorker
from workers.lease_watcher import LeaseWatcher
from workers.media_check import MediaCheck, MediaCounts
from workers.projector import Projector
from workers.rebuild import Rebuilder
from workers.reexamination import Reexaminer
from workers.saga_runner import SagaRunner
from workers.starting import locked_repos, open_commits, open_sessions
from workers.supervisor import Supervisor


def workers(on: Ground, metrics: Metrics) -> Supervisor:
    """Every loop of a worker process; `start` it from the main thread."""
    supervisor = Supervisor({}, on.clock.monotonic_ms)
    events, stopping = on.log.events, supervisor.stopping.is_set
    media = MediaCheck(events, on.store, media_counts(metrics))
    checks = (NamedCheck("media", media.passes),)
    steps = CommitSteps(events, on.store, LivePresence(on.pool), checks, media.describe)
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
    loops["reexaminer"] = Reexaminer(messages(on), events, on.store).run
    loops["media"] = media_worker(on, metrics, supervisor).run
    supervisor.loops.update(loops)
    return supervisor


def media_counts(metrics: Metrics) -> MediaCounts:
    return MediaCounts(
        metrics.media_validation, metrics.unsupported_codecs, metrics.sync_warnings, metrics.nle_projects
    )


def rebuilder(on: Ground) -> Rebuilder:
    return Rebuilder(on.pool, on.log.feed(), messages(on), on.log.events, on.clock, ALL)


def crash_points(settings: Settings) -> CrashPoints:
    return KillAt(settings.crash_at) if settings.dev and settings.crash_at else NeverKill()
