"""The registry that counts now: swapped whole, on time, and made again when broken (V5.2, V6.3, R18)."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from domain.api_registry.commands import PromoteVersion, RollBackVersion
from domain.api_registry.events import RegistryRebuilt
from domain.errors import RegistryCorruptedError, RegistryNotInitializedError, UnavailableError
from gateway.signals import Noted
from gateway.versions.building import EMPTY
from gateway.versions.registry import OBSERVE_EVERY_S, Held, Versions
from gateway.versions.snapshot import Snapshot
from tests.domain.registries import EMPTY as NOTHING
from tests.domain.registries import HANDOVER, PAST_SUNSET, at, soon
from tests.fakes import FakeClock
from tests.gateway.signalling import Board
from tests.gateway.versioning import Process, Sheet

DECEMBER = at("2026-12-01T00:00:00Z")
LAST_SECOND = DECEMBER - timedelta(seconds=1)
PROMOTE = PromoteVersion("v3-beta", soon())


def in_november() -> Process:
    """v1 is current until the first of December, which begins in a second."""
    return Process(Sheet(HANDOVER), Board(clock=FakeClock(LAST_SECOND))).started()


def phases(snapshot: Snapshot) -> dict[str, str]:
    return {id_: entry.phase for id_, entry in snapshot.live.entries.items()}


def break_phase(process: Process) -> None:
    object.__delattr__(process.versions.capture().live.entries["v2"], "phase")


def break_checksum(process: Process) -> None:
    object.__setattr__(process.versions.capture(), "checksum", "0" * 64)


def refused(process: Process) -> None:
    """As every request is while it is broken."""
    snapshot = process.versions.capture()
    with pytest.raises(RegistryCorruptedError):
        process.versions.refuse_unusable(snapshot)


def waiting(process: Process) -> list[str]:
    """Facts that are on their way into the log."""
    noted: list[Noted] = list(process.board.signals._waiting)
    commands = [type(each.ask.command).__name__ for each in noted]
    return [name for name in commands if name.startswith("Note")]


# ------------------------------------------------------------------ capture
def test_before_anything_was_loaded_nothing_is_served() -> None:
    """V9.1c."""
    versions = Process().versions
    assert versions.capture() is EMPTY
    with pytest.raises(RegistryNotInitializedError):
        versions.refuse_unusable(versions.capture())


def test_requests_see_one_and_the_same_snapshot() -> None:
    process = Process().started()
    assert process.versions.capture() is process.versions.capture()


def test_a_captured_snapshot_stays_as_it_was_and_is_not_broken_by_the_next() -> None:
    """V3.1a, V6.3b: whoever began before a swap ends with what they began with."""
    process = Process().started()
    before = process.versions.capture()
    process.decide(PROMOTE)
    process.pass_ms(60)
    process.versions.renew()
    process.versions.refuse_unusable(before)
    assert phases(before)["v2"] == "current"
    assert phases(process.versions.capture())["v2"] == "deprecated"


def test_a_turn_is_made_exactly_at_its_time() -> None:
    """R18: by the first request, without the log."""
    process = in_november()
    process.board.log.be_away()
    process.pass_ms(999)
    assert phases(process.versions.capture()) == {"v1": "current", "v2": "current"}
    assert process.versions.capture().live.default == "v1"
    process.pass_ms(1)
    assert phases(process.versions.capture()) == {"v1": "deprecated", "v2": "current"}
    assert process.versions.capture().live.default == "v2"


def test_a_decision_holds_in_every_process_at_the_same_moment() -> None:
    """R41: each builds on hearing of it, and flips by the clock."""
    board = Board()
    processes = [Process(board=board).started() for _ in range(3)]
    processes[0].decide(PROMOTE)
    for process in processes:
        process.versions.renew()
    board.clock.advance(timedelta(milliseconds=49))
    assert {process.versions.capture().live.default for process in processes} == {"v2"}
    board.clock.advance(timedelta(milliseconds=1))
    assert {process.versions.capture().live.default for process in processes} == {"v3"}


def test_many_turns_that_nobody_saw_are_made_at_once() -> None:
    process = Process().started()
    process.board.clock.advance(timedelta(days=999))
    snapshot = process.versions.capture()
    assert phases(snapshot)["v1"] == "sunset"
    assert snapshot.live.entries["v4-alpha"].released
    assert process.versions.capture() is snapshot


def test_a_turn_that_meets_something_newer_leaves_that_in_place() -> None:
    """The clock of a request and the news of the log come in any order."""
    process = in_november()
    old = process.versions._held
    process.pass_ms(1_000)
    process.versions.renew()
    newer = process.versions.capture()
    assert process.versions._turned(old) is newer is process.versions.capture()


def test_capturing_waits_for_nothing() -> None:
    """V6.3e."""
    for step in (Versions.capture, Versions.refuse_unusable, Versions._turned):
        tree = ast.parse(textwrap.dedent(inspect.getsource(step)))
        assert not any(isinstance(node, ast.Await | ast.With | ast.AsyncWith) for node in ast.walk(tree))
        words = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not words & {"acquire", "wait", "load", "ask", "sleep"}


def test_a_snapshot_and_its_seal_are_swapped_in_one_assignment() -> None:
    tree = ast.parse(textwrap.dedent(inspect.getsource(Versions._swap)))
    assert sum(isinstance(node, ast.Assign) for node in ast.walk(tree)) == 1
    assert Held.__slots__ == ("snapshot", "seal")


# ------------------------------------------------------------------ news
def test_news_is_built_and_shown() -> None:
    process = Process().started()
    process.decide(PROMOTE)
    process.pass_ms(60)
    process.versions.renew()
    assert process.count("dits_registry_revision") == process.registry.revision == 2
    assert process.count("dits_registry_versions", status="current") == 1
    assert process.count("dits_registry_versions", status="deprecated") == 3
    assert process.count("dits_cache_rebuilds_total") == 2
    assert process.count("dits_registry_swap_seconds_count") == 2


def test_what_was_rolled_back_is_not_counted() -> None:
    process = Process().started()
    process.decide(PROMOTE)
    process.pass_ms(60)
    process.decide(RollBackVersion("v3", "p1", "ada", soon(process.board.clock.now())))
    process.pass_ms(60)
    process.versions.renew()
    total = sum(
        process.count("dits_registry_versions", status=phase)
        for phase in ("prerelease", "current", "deprecated", "sunset")
    )
    assert total == 5


def test_every_sound_registry_is_kept_beside_the_process() -> None:
    process = Process().started()
    process.decide(PROMOTE)
    process.versions.renew()
    assert len(process.backup.kept) == 2
    assert "v3:" in process.backup.kept[-1]


def test_a_backup_that_cannot_be_written_hinders_nothing() -> None:
    process = Process()
    process.backup.is_away = True
    with capture_logs() as lines:
        process.started()
    assert "registry_backup_failed" in [line["event"] for line in lines]
    assert process.versions.trouble() is None


def test_what_cannot_be_used_is_not_kept() -> None:
    assert Process(Sheet(NOTHING)).started().backup.kept == []


# ------------------------------------------------------------------ the job of every minute (V3.2)
def test_the_job_runs_every_minute() -> None:
    assert OBSERVE_EVERY_S == 60


def test_the_job_records_a_turn_once_for_all_processes() -> None:
    """V3.2c, V3.2d."""
    process = in_november()
    other = Process(process.sheet, process.board).started()
    process.pass_ms(5_000)
    count = len(process.events())
    assert [each.versions.observe() for each in (process, other, process)] == [True, False, False]
    assert process.names()[count:] == ["VersionStatusChanged", "DefaultVersionChanged"]
    transition = {"from": "current", "to": "deprecated", "cause": "scheduled"}
    assert process.count("dits_version_transitions_total", **transition) == 1
    assert other.count("dits_version_transitions_total", **transition) == 0


def test_the_job_has_nothing_to_do_in_an_empty_or_unusable_registry() -> None:
    process = Process(Sheet(NOTHING)).started()
    assert (process.versions.observe(), process.events()) == (False, [])


def test_a_current_version_past_its_sunset_is_an_alert_and_no_block() -> None:
    """V2.5."""
    process = Process(Sheet(PAST_SUNSET))
    with capture_logs() as lines:
        process.started()
    assert [line["log_level"] for line in lines if line["event"] == "version.sunset_in_past"] == ["error"]
    assert (process.versions.trouble(), process.versions.reasons()) == (None, ("current_version_sunset",))
    labels = {"from": "current", "to": "sunset", "cause": "invalid_config"}
    assert process.count("dits_version_transitions_total", **labels) == 1


# ------------------------------------------------------------------ metadata (V5.4)
def test_without_the_read_model_it_starts_degraded_and_mends_itself() -> None:
    process = Process()
    process.shelf.is_away = True
    with capture_logs() as lines:
        process.started()
    assert "version.metadata_unavailable" in [line["event"] for line in lines]
    assert b"released_at" not in process.versions.capture().pages["version:v1"].body
    assert not process.versions._looked_after()
    process.shelf.is_away = False
    assert process.versions._looked_after()
    process.versions.renew()
    assert b"released_at" in process.versions.capture().pages["version:v1"].body


def test_what_the_read_model_said_last_is_told_while_it_is_away() -> None:
    process = Process().started()
    process.shelf.is_away = True
    process.versions.renew()
    assert b"released_at" in process.versions.capture().pages["version:v1"].body


def test_a_read_model_that_is_behind_is_asked_until_it_has_come() -> None:
    process = Process()
    process.shelf.reading.held_back_at = 0
    process.started()
    assert not process.versions._looked_after()
    process.shelf.reading.held_back_at = None
    assert process.versions._looked_after()
    process.versions.renew()
    asked = process.shelf.asked
    assert not process.versions._looked_after()
    assert process.shelf.asked == asked


# ------------------------------------------------------------------ a broken copy (V5.2)
@pytest.mark.parametrize("breaking", [break_checksum])
def test_a_broken_copy_serves_nothing_and_says_so_once(breaking: Callable[[Process], None]) -> None:
    process = Process().started()
    breaking(process)
    with capture_logs() as lines:
        for _ in range(3):
            refused(process)
    assert [line["event"] for line in lines] == ["registry.corrupted"]
    assert waiting(process) == ["NoteCorruption"]
    assert isinstance(process.versions.trouble(), RegistryCorruptedError)


def test_an_entry_that_lost_its_status_is_found_when_it_is_to_serve() -> None:
    """V5.2a."""
    process = Process().started()
    break_phase(process)
    snapshot = process.versions.capture()
    process.versions.refuse_broken("v1", snapshot)
    with pytest.raises(RegistryCorruptedError):
        process.versions.refuse_broken("v2", snapshot)
    refused(process)


@pytest.mark.parametrize("breaking", [break_phase, break_checksum])
def test_the_audit_finds_what_no_request_looked_at(breaking: Callable[[Process], None]) -> None:
    process = Process().started()
    process.versions.audit()
    process.versions.refuse_unusable(process.versions.capture())
    breaking(process)
    process.versions.audit()
    refused(process)


def test_a_broken_copy_is_made_again_from_the_log() -> None:
    """V5.2c."""
    process = Process().started()
    break_phase(process)
    process.versions.audit()
    process.versions.rebuild()
    assert process.versions.trouble() is None
    assert phases(process.versions.capture())["v2"] == "current"
    assert waiting(process) == ["NoteCorruption", "NoteRebuild"]


def test_sources_are_asked_in_order() -> None:
    """V5.2e: the log, the backup, the file."""
    process = Process().started()
    process.board.log.be_away()
    assert rebuilt_from(process) == "backup"
    process.backup.is_away = True
    assert rebuilt_from(process) == "configuration"
    process.sheet.write(None)
    with pytest.raises(UnavailableError):
        rebuilt_from(process)
    refused(process)


def rebuilt_from(process: Process) -> str:
    break_phase(process)
    process.versions.audit()
    process.board.signals._waiting.clear()
    with capture_logs() as lines:
        process.versions.rebuild()
    assert process.versions.trouble() is None
    return str(next(line["source"] for line in lines if line["event"] == "registry_rebuilt"))


def test_a_copy_from_the_backup_serves_the_same_versions() -> None:
    process = Process().started()
    stood = phases(process.versions.capture())
    process.board.log.be_away()
    rebuilt_from(process)
    assert phases(process.versions.capture()) == stood
    assert process.versions.capture().live.default == "v2"


def test_a_rebuild_is_a_fact_once_the_log_is_there() -> None:
    process = Process().started()
    break_phase(process)
    process.versions.audit()
    process.versions.rebuild()
    for noted in list(process.board.signals._waiting):
        process.board.opened.events.ask(noted.ask, context=noted.context)
    assert process.names()[-2:] == ["RegistryCorruptionDetected", "RegistryRebuilt"]
    assert process.events()[-1] == RegistryRebuilt(revision=1, source="events")


# ------------------------------------------------------------------ what else counts
def test_reasons_tell_of_the_file_and_of_the_registry() -> None:
    process = Process(Sheet(PAST_SUNSET)).started()
    process.sheet.write("broken: [")
    process.wishes.reload()
    assert process.versions.reasons() == ("config_reload_failed", "current_version_sunset")


def test_a_registry_that_was_emptied_of_facts_is_refused_as_a_source() -> None:
    process = Process(Sheet(NOTHING)).started()
    with pytest.raises(UnavailableError):
        process.versions.rebuild()
