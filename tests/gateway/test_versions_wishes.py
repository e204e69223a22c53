"""The operator's file, followed: a bad one blocks a start and degrades a reload, a good one mends (V5.1)."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from domain.api_registry.commands import PromoteVersion
from domain.api_registry.declared import Declared, declared, declared_form
from domain.api_registry.events import RegistryReloadRejected
from domain.errors import (
    NoCurrentVersionError,
    RegistryDriftError,
    RegistryFileError,
    RegistryNotInitializedError,
    RegistryUnusableError,
    UnavailableError,
)
from gateway.versions.file import written
from gateway.versions.wishes import RETRY_AFTER_MS, SETTLED_AFTER_MS, BuiltIn
from tests.domain.registries import EMPTY, NO_CURRENT, STD, TWO_CURRENT, V1, V2, a_version, many, soon
from tests.gateway.versioning import OPERATOR, Process, Sheet

BROKEN = "versions:\n  v1: {status: current\n"
OTHER = declared([*STD.versions, a_version("v9-beta", "prerelease")], "v2")
REJECTED = "dits_registry_reload_failures_total"


def settled(process: Process) -> bool:
    """Looked at as the watcher does it, until it has settled."""
    seen = [process.wishes.look()]
    process.pass_ms(SETTLED_AFTER_MS)
    return [*seen, process.wishes.look()] == [False, True]


def named(lines: list[EventDict], event: str) -> list[EventDict]:
    return [line for line in lines if line["event"] == event]


# ------------------------------------------------------------------ a start
def test_a_good_file_is_applied_at_the_start() -> None:
    process = Process().started()
    assert process.wishes.blocked is None
    assert process.names()[0] == "RegistryLoaded"
    assert process.count("dits_registry_last_load_timestamp_seconds") == process.board.clock.now().timestamp()


def test_every_start_after_the_first_appends_nothing() -> None:
    process = Process().started()
    count = len(process.events())
    again = Process(process.sheet, process.board).started()
    assert (len(process.events()), again.wishes.last_valid_load_at) == (count, process.board.clock.now())


def test_without_a_file_the_built_in_one_counts() -> None:
    process = Process()
    process.wishes.file = BuiltIn()
    process.started()
    assert (process.registry.default_at(process.board.clock.now()), process.wishes.look()) == ("v2", False)


@pytest.mark.parametrize(
    ("what", "blocked", "event"),
    [
        (None, RegistryNotInitializedError, "registry.not_initialized"),
        (BROKEN, RegistryNotInitializedError, "registry.not_initialized"),
        (EMPTY, RegistryNotInitializedError, "registry.not_initialized"),
        (NO_CURRENT, NoCurrentVersionError, "registry.no_current_version"),
    ],
    ids=["missing", "broken", "empty", "no current"],
)
def test_a_bad_file_at_the_start_blocks_this_process(
    what: Declared | str | None, blocked: type[RegistryUnusableError], event: str
) -> None:
    """R14, R20."""
    process = Process(Sheet(what))
    with capture_logs() as lines:
        process.started()
    assert type(process.wishes.blocked) is blocked
    assert [line["log_level"] for line in named(lines, event)] == ["error"]
    assert type(process.versions.trouble()) is blocked
    assert process.events() == []
    assert process.versions.standing()["state"] == "blocked"


def test_a_bad_file_blocks_though_the_log_knows_a_registry() -> None:
    process = Process().started()
    again = Process(Sheet(TWO_CURRENT), process.board).started()
    assert again.versions.trouble() is again.wishes.blocked is not None
    assert process.versions.trouble() is None


def test_a_block_is_lifted_by_a_good_file() -> None:
    """V2.1e."""
    process = Process(Sheet(None)).started()
    process.sheet.write(STD)
    assert settled(process)
    process.versions.renew()
    assert (process.versions.trouble(), process.names()[0]) == (None, "RegistryLoaded")
    assert process.versions.standing()["state"] == "ok"


def test_drift_at_the_start_is_no_block() -> None:
    process = Process().started()
    process.decide(PromoteVersion("v3-beta", soon()))
    contradicting = declared([V1, V2.model_copy(update={"successor": "v9"})], "v2")
    again = Process(Sheet(contradicting), process.board).started()
    assert (again.wishes.blocked, again.versions.reasons()) == (None, ("config_reload_failed",))
    assert again.names()[-1] == "RegistryReloadRejected"


def test_a_start_without_the_log_says_so() -> None:
    process = Process()
    process.board.log.be_away()
    with pytest.raises(UnavailableError):
        process.started()


# ------------------------------------------------------------------ a reload
def test_a_file_that_rests_is_not_read() -> None:
    process = Process().started()
    calls = process.board.log.calls
    for _ in range(5):
        process.pass_ms(1_000)
        assert not process.wishes.look()
    assert process.board.log.calls == calls


def test_another_file_is_applied_once_it_has_settled() -> None:
    process = Process().started()
    process.sheet.write(OTHER)
    assert not process.wishes.look()
    process.pass_ms(SETTLED_AFTER_MS - 1)
    assert not process.wishes.look()
    process.pass_ms(1)
    assert process.wishes.look()
    assert "v9-beta" in process.registry.versions
    assert not process.wishes.look()


def test_a_file_seen_half_written_is_waited_for() -> None:
    """V5.1g: no alert, and the whole of it is loaded."""
    process = Process().started()
    text = written(OTHER)
    for end in range(0, len(text), len(text) // 8):
        process.sheet.write(text[:end])
        assert not process.wishes.look()
        process.pass_ms(SETTLED_AFTER_MS - 10)
    process.sheet.write(text)
    assert settled(process)
    assert "RegistryReloadRejected" not in process.names()
    assert "v9-beta" in process.registry.versions


def test_a_touched_file_changes_nothing() -> None:
    """V5.1f: nor does one that is only laid out anew."""
    process = Process().started()
    events, revision = process.events(), process.registry.revision
    for text in (written(STD), "# a comment\n" + written(STD)):
        process.sheet.write(text)
        assert settled(process)
    assert (process.events(), process.registry.revision) == (events, revision)
    assert process.wishes.trouble is None


@pytest.mark.parametrize(
    "what", [BROKEN, EMPTY, TWO_CURRENT, None, "versions: !!python/object:os.system {}"], ids=repr
)
def test_a_bad_file_later_changes_nothing_but_is_told(what: Declared | str | None) -> None:
    """V5.1, V2.4b."""
    process = Process().started()
    revision = process.registry.revision
    process.sheet.write(what)
    with capture_logs() as lines:
        assert settled(process)
    assert (process.registry.revision, process.versions.trouble()) == (revision, None)
    assert process.versions.reasons() == ("config_reload_failed",)
    assert [line["file"] for line in named(lines, "registry.reload_failed")] == ["api-versions.yaml"]
    assert process.names()[-1] == "RegistryReloadRejected"
    assert process.count(REJECTED) == 1


def test_where_a_file_is_wrong_is_told() -> None:
    """V5.1c."""
    process = Process().started()
    process.sheet.write("versions:\n  v1: !mine {}\n")
    with capture_logs() as lines:
        assert settled(process)
    (line,) = named(lines, "registry.reload_failed")
    assert (line["line"], line["column"]) == (2, 7)
    rejected = process.events()[-1]
    assert isinstance(rejected, RegistryReloadRejected)
    assert (rejected.line, rejected.kept_revision) == (2, 1)


def test_where_a_file_is_wrong_stands_in_the_state_of_the_configuration() -> None:
    """V5.1c."""
    process = Process().started()
    process.sheet.write("versions:\n  v1: !mine {}\n")
    assert settled(process)
    standing, trouble = process.versions.standing(), process.wishes.trouble
    assert trouble is not None
    assert (standing["state"], standing["revision"]) == ("degraded", 1)
    assert standing["last_error"] == {"reason": trouble.reason, "line": 2}


def test_a_good_file_ends_the_trouble() -> None:
    """V5.1d."""
    process = Process().started()
    for what in (BROKEN, OTHER):
        process.sheet.write(what)
        assert settled(process)
    assert process.versions.reasons() == ()
    assert process.versions.standing()["state"] == "ok"


def test_the_file_before_ends_the_trouble_too() -> None:
    process = Process().started()
    for what in (BROKEN, STD):
        process.sheet.write(what)
        assert settled(process)
    assert (process.versions.reasons(), process.registry.revision) == ((), 1)


def test_the_same_bad_file_is_recorded_once_by_many_processes() -> None:
    process = Process().started()
    other = Process(process.sheet, process.board).started()
    process.sheet.write(BROKEN)
    for each in (process, other, process):
        each.wishes.reload()
    assert process.names().count("RegistryReloadRejected") == 1


def test_of_many_processes_one_applies_a_file_and_the_others_find_it_applied() -> None:
    process = Process().started()
    others = [Process(process.sheet, process.board).started() for _ in range(3)]
    process.sheet.write(OTHER)
    for each in (process, *others):
        each.wishes.reload()
    assert process.names().count("RegistryLoaded") == 2
    assert all(each.wishes.trouble is None for each in others)


# ------------------------------------------------------------------ the log is away
def test_a_reload_without_the_log_is_tried_again_after_a_while() -> None:
    process = Process().started()
    process.board.log.be_away()
    process.sheet.write(OTHER)
    assert not process.wishes.look()
    process.pass_ms(SETTLED_AFTER_MS)
    with pytest.raises(UnavailableError):
        process.wishes.look()
    process.board.log.trouble = None
    assert not process.wishes.look()
    process.pass_ms(RETRY_AFTER_MS + SETTLED_AFTER_MS)
    assert process.wishes.look()
    assert "v9-beta" in process.registry.versions


# ------------------------------------------------------------------ an operator's apply
@pytest.mark.parametrize(
    ("text", "error"), [(BROKEN, RegistryFileError), (written(NO_CURRENT), NoCurrentVersionError)]
)
def test_what_is_wrong_with_an_operators_file_is_theirs_to_hear(text: str, error: type[Exception]) -> None:
    process = Process().started()
    with pytest.raises(error):
        process.wishes.apply(text, "cli", adopt=False, context=OPERATOR)
    assert (process.wishes.trouble, process.names()[-1]) == (None, "VersionRegistered")


def test_an_adopted_file_ends_the_trouble_of_every_process() -> None:
    process = Process().started()
    other = Process(process.sheet, process.board).started()
    process.decide(PromoteVersion("v3-beta", soon()))
    process.pass_ms(60)
    contradicting = declared([V1, V2.model_copy(update={"successor": "v9"})], "v2")
    process.sheet.write(contradicting)
    other.wishes.reload()
    with pytest.raises(RegistryDriftError):
        process.wishes.apply(written(contradicting), "cli", adopt=False, context=OPERATOR)
    assert other.wishes.trouble is not None
    process.wishes.apply(written(contradicting), "cli", adopt=True, context=OPERATOR)
    other.versions.renew()
    assert other.wishes.trouble is None


def test_the_exported_file_is_no_drift() -> None:
    process = Process().started()
    process.decide(PromoteVersion("v3-beta", soon()))
    process.sheet.write(declared_form(process.registry))
    process.wishes.reload()
    assert process.wishes.trouble is None


def test_a_large_registry_is_recommended_to_shrink() -> None:
    """V6.2b."""
    assert Process(Sheet(many(20))).started().versions.standing()["recommendation"] is None
    assert Process(Sheet(many(21))).started().versions.standing()["recommendation"]
