"""The media worker of a worker process: the log, the store, and child programs for what needs a decoder."""

from __future__ import annotations

from functools import partial

from infra.compose.ground import Ground, messages
from infra.media.scratch import ScratchFiles
from infra.media.tools import ChildLimits, ChildTools
from infra.metrics import Metrics
from workers.media_worker import MediaWorker
from workers.open_media import open_media
from workers.picturing import Painter
from workers.salvaging import Salvager
from workers.supervisor import Supervisor


def media_worker(on: Ground, metrics: Metrics, supervisor: Supervisor) -> MediaWorker:
    settings, events = on.settings, on.log.events
    limits = ChildLimits(settings.media_memory_bytes_max, settings.media_timeout_s)
    tools = ChildTools(limits, on.clock, supervisor.stopping.is_set)
    salvager = Salvager(
        events,
        on.store,
        tools,
        ScratchFiles(settings.scratch_dir).file,
        on.clock,
        settings.media_file_bytes_max,
        metrics.hdr_losses,
        supervisor.stopping.is_set,
    )
    return MediaWorker(
        on.log.feed(),
        salvager,
        Painter(events, on.store, tools),
        on.clock,
        supervisor.contained,
        partial(open_media, messages(on), events),
    )
