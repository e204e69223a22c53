"""Files of API versions become facts: what they changed, and nothing that an operator decided since."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.api_registry.commands import (
    NoteCorruption,
    NoteRebuild,
    PromoteVersion,
    RegisterVersion,
    RegistryCommand,
    RejectFile,
    RollBackVersion,
    SunsetVersion,
)
from domain.api_registry.decider import DECIDER
from domain.api_registry.declared import Declared, declared, declared_form
from domain.api_registry.events import (
    DeclaredVersion,
    RegistryCorruptionDetected,
    RegistryEvent,
    RegistryLoaded,
    RegistryRebuilt,
    RegistryReloadRejected,
    RegistrySizeWarned,
    VersionRegistered,
    VersionStatusChanged,
    VersionTermsSet,
    VersionWithdrawn,
)
from domain.errors import (
    DitsError,
    MultipleCurrentVersionsError,
    NoCurrentVersionError,
    RegistryDriftError,
    RegistryFileError,
    RegistryNotInitializedError,
)
from tests.domain.registries import (
    EMPTY,
    NO_CURRENT,
    PAST_SUNSET,
    SINGLE,
    STD,
    TWO_CURRENT,
    V1,
    V2,
    V3_BETA,
    a_version,
    after,
    applying,
    at,
    many,
    soon,
    standing,
)
from tests.fakes import NOON

MINUTE = timedelta(minutes=1)
LOADED = applying(STD)
PROMOTED = (LOADED, PromoteVersion("v3-beta", soon()))
LATER = NOON + MINUTE
V3 = a_version("v3", "current", "2026-11-01")
V2_OLD = a_version("v2", "deprecated", "2025-06-01", deprecated_at="2026-11-01", successor="v3")


def decided(*commands: RegistryCommand) -> tuple[RegistryEvent, ...]:
    """What the last of them brings."""
    *before, last = commands
    answer = standing(*before).when(last)
    assert answer.refusal is None, answer.refusal
    return answer.events


def names(events: tuple[RegistryEvent, ...]) -> list[str]:
    return [type(event).__name__ for event in events]


def with_default(what: Declared, default: str | None) -> Declared:
    return declared(list(what.versions), default)


# ------------------------------------------------------------------ the first file
def test_a_first_file_registers_what_it_declares() -> None:
    first, *registered = decided(LOADED)
    assert isinstance(first, RegistryLoaded)
    assert (first.revision, first.version_count, first.default_version) == (1, 5, "v2")
    assert [each.version_id for each in registered if isinstance(each, VersionRegistered)] == [
        "v0",
        "v1",
        "v2",
        "v3-beta",
        "v4-alpha",
    ]
    assert after(LOADED).trouble_at(NOON) is None


def test_a_single_version_is_its_own_default() -> None:
    assert after(applying(SINGLE)).default_at(NOON) == "v1"


@pytest.mark.parametrize(
    ("file", "error"),
    [
        (EMPTY, RegistryNotInitializedError),
        (NO_CURRENT, NoCurrentVersionError),
        (TWO_CURRENT, MultipleCurrentVersionsError),
        (with_default(TWO_CURRENT, "v3"), MultipleCurrentVersionsError),
    ],
    ids=["V2.1", "V2.3", "V2.4", "V2.4c"],
)
def test_a_file_without_exactly_one_current_version_is_refused(
    file: Declared, error: type[DitsError]
) -> None:
    standing().when(applying(file)).then_refused(error)
    standing(LOADED).when(applying(file)).then_refused(error)


def test_two_current_versions_are_named() -> None:
    standing().when(applying(TWO_CURRENT)).then_refused(
        MultipleCurrentVersionsError, reason="MULTIPLE_CURRENT_VERSIONS", versions="v2, v3"
    )


@pytest.mark.parametrize(
    "gap",
    [
        [a_version("v1", "current", deprecated_at="2027-01-01")],
        [a_version("v1", "current", sunset_at="2027-01-01")],
        [a_version("v1", "current", deprecated_at="2027-01-01"), a_version("v2", "current", "2027-01-02")],
    ],
    ids=["deprecated", "sunset", "a day too late"],
)
def test_a_file_that_leaves_a_day_without_a_current_version_is_refused(gap: list[DeclaredVersion]) -> None:
    standing().when(applying(declared(gap, None))).then_refused(NoCurrentVersionError)


def test_a_file_with_a_day_of_two_current_versions_is_refused() -> None:
    overlap = [
        a_version("v1", "current", deprecated_at="2027-01-02"),
        a_version("v2", "current", "2027-01-01"),
    ]
    standing().when(applying(declared(overlap, None))).then_refused(MultipleCurrentVersionsError)


def test_a_current_version_past_its_sunset_is_taken_and_sunset_at_once() -> None:
    events = decided(applying(PAST_SUNSET))
    turned = events[-1]
    assert isinstance(turned, VersionStatusChanged)
    assert (turned.from_, turned.to, turned.cause) == ("current", "sunset", "invalid_config")
    assert turned.effective_at == "2026-01-01T00:00:00Z"
    assert after(applying(PAST_SUNSET)).default_at(NOON) == ""


# ------------------------------------------------------------------ no news
def test_a_start_that_changes_nothing_appends_nothing() -> None:
    standing(LOADED).when(applying(STD, LATER)).then_nothing()


def test_content_that_was_applied_before_is_not_applied_again() -> None:
    other = declared([*STD.versions, a_version("v5-alpha", "prerelease")], "v2")
    standing(LOADED, applying(other)).when(applying(STD)).then_nothing()


def test_the_same_file_undoes_nothing_that_an_operator_decided() -> None:
    standing(*PROMOTED).when(applying(STD, LATER)).then_nothing()


def test_adopting_what_stands_appends_nothing() -> None:
    standing(LOADED).when(applying(STD, LATER, adopt=True)).then_nothing()


# ------------------------------------------------------------------ what a file changed
def test_only_what_a_file_changed_becomes_facts() -> None:
    handed_over = declared([V1, V2_OLD, V3, V3_BETA], "v3")
    events = decided(LOADED, applying(handed_over))
    assert [(each.version_id, each.to) for each in events if isinstance(each, VersionStatusChanged)] == [
        ("v2", "deprecated")
    ]
    assert [each.version_id for each in events if isinstance(each, VersionRegistered)] == ["v3"]
    assert [each.version_id for each in events if isinstance(each, VersionWithdrawn)] == ["v0", "v4-alpha"]
    assert after(LOADED, applying(handed_over)).default_at(NOON) == "v3"


def test_terms_alone_are_no_transition() -> None:
    guided = V1.model_copy(update={"migration_guide_url": "https://elsewhere.example/guide"})
    events = decided(LOADED, applying(declared([guided, *STD.versions[2:]], "v2")))
    assert names(events) == ["RegistryLoaded", "VersionTermsSet", "VersionWithdrawn"]
    terms = events[1]
    assert isinstance(terms, VersionTermsSet)
    assert (terms.decided_by, terms.sunset_at) == ("file", V1.sunset_at)


def test_a_later_end_may_be_announced_by_a_file() -> None:
    later = V1.model_copy(update={"sunset_at": "2028-01-01T00:00:00Z"})
    stands = after(LOADED, applying(declared([later, *STD.versions[2:]], "v2")))
    assert stands.versions["v1"].phase_at(at("2027-12-31T00:00:00Z")) == "deprecated"


@pytest.mark.parametrize("when", [at("2027-06-01T00:00:00Z"), at("2027-07-01T00:00:00Z")])
def test_no_file_brings_back_what_is_sunset(when: datetime) -> None:
    """Not even in the moment before its end was recorded (V3.3e)."""
    later = V1.model_copy(update={"sunset_at": "2028-01-01T00:00:00Z"})
    current = V1.model_copy(update={"status": "current", "sunset_at": None})
    for file in ([later, *STD.versions[2:]], [current, V2_OLD, *STD.versions[3:]]):
        standing(LOADED).when(applying(declared(file, None), when)).then_refused(RegistryFileError)


def test_a_default_that_a_file_names_is_told() -> None:
    events = decided(LOADED, applying(with_default(STD, "v1")))
    assert names(events) == ["RegistryLoaded", "DefaultVersionChanged"]
    assert after(LOADED, applying(with_default(STD, "v1"))).default_at(NOON) == "v1"


# ------------------------------------------------------------------ drift (the issue: the file is a wish)
def test_a_change_that_contradicts_an_operator_names_both() -> None:
    demoted = declared([V1, V2.model_copy(update={"successor": "v9"}), *STD.versions[3:]], "v2")
    answer = standing(*PROMOTED).when(applying(demoted, LATER))
    answer.then_refused(RegistryDriftError)
    assert answer.refusal is not None
    drift = str(answer.refusal.facts["drift"])
    assert "the file says v2 successor: v9" in drift
    assert "decided was current to deprecated at revision 2" in drift


@pytest.mark.parametrize(
    "file",
    [
        declared([V1, *STD.versions[3:], a_version("v9", "current")], "v9"),
        declared([*STD.versions[:3], a_version("v3", "deprecated")], "v2"),
        with_default(STD, "v1"),
    ],
    ids=["drops v2", "another v3", "another default"],
)
def test_every_contradiction_is_drift(file: Declared) -> None:
    standing(*PROMOTED).when(applying(file, LATER)).then_refused(RegistryDriftError)


def test_a_version_that_was_rolled_back_does_not_come_back_by_itself() -> None:
    rolled_back = (*PROMOTED, RollBackVersion("v3", "p1", "ada", soon(LATER)))
    file = declared([*STD.versions, a_version("v3", "deprecated")], "v2")
    standing(*rolled_back).when(applying(file, LATER + MINUTE)).then_refused(RegistryDriftError)


def test_what_no_operator_touched_may_change_beside_what_one_did() -> None:
    guided = V1.model_copy(update={"migration_guide_url": "https://elsewhere.example/guide"})
    file = declared([STD.versions[0], guided, *STD.versions[2:]], "v2")
    stands = after(*PROMOTED, applying(file, LATER))
    assert stands.currents_at(LATER) == ("v3",)
    assert stands.versions["v1"].migration_guide_url == "https://elsewhere.example/guide"


def test_an_adopted_file_counts_whatever_was_decided() -> None:
    stands = after(*PROMOTED, applying(STD, LATER, adopt=True))
    assert stands.currents_at(LATER) == ("v2",)
    assert stands.default_at(LATER) == "v2"
    assert stands.versions["v3-beta"].phase_at(LATER) == "prerelease"
    assert stands.versions["v3-beta"].answered_by == "v3-beta"
    assert "v3" not in stands.versions
    assert not any(version.decision for version in stands.versions.values())


def test_an_adopted_default_counts_though_the_file_did_not_change_it() -> None:
    file = with_default(declared_form(after(*PROMOTED)), "v2")
    assert after(*PROMOTED, applying(file, LATER, adopt=True)).default_at(LATER) == "v2"


def test_a_time_that_came_is_no_contradiction() -> None:
    """The file says v1 is deprecated until June; in July that is what the registry says of it."""
    july = at("2027-07-01T00:00:00Z")
    stands = after(LOADED, applying(STD, july, adopt=True))
    assert stands.versions["v1"].phase_at(july) == "sunset"


# ------------------------------------------------------------------ export
STORIES: dict[str, tuple[RegistryCommand, ...]] = {
    "std": (LOADED,),
    "promoted": PROMOTED,
    "rolled back": (*PROMOTED, RollBackVersion("v3", "p1", "ada", soon(LATER))),
    "a default rolled back": (
        applying(with_default(STD, "v1")),
        RollBackVersion("v1", "p1", "ada", soon()),
    ),
    "past its sunset": (applying(PAST_SUNSET),),
    "registered": (LOADED, RegisterVersion(a_version("v9-beta", "prerelease"), NOON)),
    "sunset": (LOADED, SunsetVersion("v1", soon())),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_applying_the_export_changes_no_version(story: tuple[RegistryCommand, ...]) -> None:
    export = declared_form(after(*story))
    then = NOON + 10 * MINUTE
    events = decided(*story, applying(export, then))
    assert set(names(events)) <= {"RegistryLoaded"}
    stood, stands = after(*story), after(*story, applying(export, then))
    assert (stands.default_at(then), declared_form(stands)) == (stood.default_at(then), export)
    standing(*story, applying(export, then)).when(applying(export, then)).then_nothing()


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_an_export_is_a_registry_of_its_own(story: tuple[RegistryCommand, ...]) -> None:
    """As a rebuild takes it from a backup (V5.2)."""
    then = NOON + 10 * MINUTE
    anew = after(applying(declared_form(after(*story)), then))
    assert anew.default_at(then) == after(*story).default_at(then)


def test_once_a_file_says_what_was_decided_it_may_say_something_else() -> None:
    export = declared_form(after(*PROMOTED))
    v4 = a_version("v4", "current", "2026-11-22")
    v3 = a_version("v3", "deprecated", "2026-11-22", deprecated_at="2026-11-22")
    rest = [version for version in export.versions if version.version_id != "v3"]
    onward = declared([*rest, v3, v4], "v4")
    stands = after(*PROMOTED, applying(export, LATER), applying(onward, LATER + MINUTE))
    assert stands.currents_at(LATER + MINUTE) == ("v4",)


def test_a_version_that_answers_for_others_takes_its_tombstones_along() -> None:
    rolled_back = (*PROMOTED, RollBackVersion("v3", "p1", "ada", soon(LATER)))
    file = declared([V1, a_version("v9", "current")], "v9")
    stands = after(*rolled_back, applying(file, LATER + MINUTE, adopt=True))
    assert set(stands.versions) == {"v1", "v9"}


# ------------------------------------------------------------------ how many (R36)
def test_twenty_versions_are_fine_and_the_next_one_is_warned_of() -> None:
    assert names(decided(applying(many(20)))).count("RegistrySizeWarned") == 0
    assert decided(applying(many(21)))[-1] == RegistrySizeWarned(count=21, soft_limit=20)
    register = RegisterVersion(a_version("v99-beta", "prerelease"), NOON)
    assert decided(applying(many(20)), register)[-1] == RegistrySizeWarned(count=21, soft_limit=20)
    assert names(decided(applying(many(21)), register)) == ["VersionRegistered"]


def test_a_file_of_more_than_a_hundred_is_invalid() -> None:
    assert len(after(applying(many(100))).entries()) == 100
    with pytest.raises(RegistryFileError):
        many(101)


def test_a_file_may_not_pass_a_hundred_with_what_operators_registered() -> None:
    register = RegisterVersion(a_version("v999-beta", "prerelease"), NOON)
    standing(applying(many(50)), register).when(applying(many(100))).then_refused(RegistryFileError)


# ------------------------------------------------------------------ what else is noted
def test_a_rejection_is_noted_once_until_a_file_is_applied() -> None:
    reject = RejectFile("api-versions.yaml", "00" * 32, "it is no YAML", 3)
    noted = RegistryReloadRejected(
        source="api-versions.yaml", sha256="00" * 32, reason="it is no YAML", line=3, kept_revision=1
    )
    standing(LOADED).when(reject).then(noted)
    standing(LOADED, reject).when(reject).then_nothing()
    other = with_default(STD, "v1")
    standing(LOADED, reject, applying(other)).when(reject).then(
        noted.model_copy(update={"kept_revision": after(LOADED, applying(other)).revision})
    )


def test_corruption_and_its_end_are_noted_and_change_nothing() -> None:
    corrupted = NoteCorruption(("v1.phase",), "a", "b")
    standing(LOADED).when(corrupted).then(
        RegistryCorruptionDetected(
            revision=1, missing_fields=("v1.phase",), sha256_expected="a", sha256_found="b"
        )
    )
    standing(LOADED).when(NoteRebuild("events")).then(RegistryRebuilt(revision=1, source="events"))
    assert after(LOADED, corrupted, NoteRebuild("backup")) == after(LOADED)


# ------------------------------------------------------------------ an older log
def test_a_log_of_the_first_dits_goes_on_with_the_built_in_file() -> None:
    """It knew one version, v1, and no file (issue 2)."""
    only = a_version("v1", "current", "2026-11-22")
    stood = after(applying(declared([only], None)))
    v1 = only.model_copy(
        update={"status": "deprecated", "deprecated_at": only.released_at, "successor": "v2"}
    )
    file = declared([v1, a_version("v2", "current", "2026-11-22")], None)
    events = DECIDER.decide(stood, applying(file))
    assert names(events) == [
        "RegistryLoaded",
        "VersionStatusChanged",
        "VersionTermsSet",
        "VersionRegistered",
        "DefaultVersionChanged",
    ]
