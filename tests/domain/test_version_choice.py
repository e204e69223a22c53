"""Which version serves whom: a lookup that tells nobody of what they may not see (V1.3, V4.4, V7.2, V7.3)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import (
    DitsError,
    NoCurrentVersionError,
    PrereleaseOptInRequiredError,
    VersionBrownoutError,
    VersionNotFoundError,
    VersionSunsetError,
)
from domain.version_spec import NOTHING_ASKED, PATTERN, Asked, Asker, Choice, Live, choose
from tests.domain.versions import (
    ADMIN,
    ANONYMOUS,
    CODES,
    GUIDES,
    HIDDEN,
    OPTED_IN,
    STD,
    V0,
    V1,
    V2,
    V3_BETA,
    V4_ALPHA,
    WITH_KEY,
    an_entry,
    askers,
    ids,
    live,
    refused,
    registries,
    told_in,
)


def chosen(version_id: str, asker: Asker = ANONYMOUS, among: Live = STD) -> Choice:
    return choose(Asked(version_id, "header"), among, asker)


def refusal(version_id: str, asker: Asker) -> DitsError:
    return refused(lambda: chosen(version_id, asker))


# ------------------------------------------------------------------ lookup (V1.3, V4.4, V7.2, V7.3)
def test_a_version_that_lives_is_served() -> None:
    assert chosen("v1") == Choice("v1", V1, "header")


def test_an_id_in_capitals_is_not_found_but_hinted_at() -> None:
    error = refused(lambda: chosen("V1"))
    assert error.message == "API version 'V1' not found"
    assert error.facts == {
        "version_id": "V1",
        "available_versions": ("v1", "v2"),
        "did_you_mean": "v1",
        "required_pattern": PATTERN,
    }


@pytest.mark.parametrize("version_id", ["V2-BETA", "V3-BETA", "V0", "V4-ALPHA", "v7"])
def test_nothing_hidden_or_gone_is_hinted_at(version_id: str) -> None:
    assert "did_you_mean" not in refused(lambda: chosen(version_id, OPTED_IN)).facts


def test_a_prerelease_wants_an_opt_in() -> None:
    error = refused(lambda: chosen("v3-beta", WITH_KEY))
    assert isinstance(error, PrereleaseOptInRequiredError)
    assert error.message == "Version v3-beta requires prerelease opt-in header"
    assert error.facts == {
        "version_id": "v3-beta",
        "required_header": "X-API-Prerelease-Opt-In",
        "required_value": "true",
    }


def test_a_prerelease_is_served_to_those_who_opted_in() -> None:
    assert chosen("v3-beta", OPTED_IN) == Choice("v3-beta", V3_BETA, "header")


def test_a_prerelease_may_do_without_an_opt_in_but_not_without_a_key() -> None:
    open_beta = replace(V3_BETA, opt_in_required=False)
    assert chosen("v3-beta", WITH_KEY, live(V2, open_beta)).serving is open_beta
    assert isinstance(
        refused(lambda: chosen("v3-beta", ANONYMOUS, live(V2, open_beta))), VersionNotFoundError
    )


@pytest.mark.parametrize("asker", [ANONYMOUS, Asker(opted_in=True)])
def test_to_the_anonymous_a_prerelease_never_existed(asker: Asker) -> None:
    told, unknown = refusal("v3-beta", asker), refusal("v9-beta", asker)
    assert type(told) is type(unknown) is VersionNotFoundError
    assert told.facts == {**unknown.facts, "version_id": "v3-beta"}


@pytest.mark.parametrize("asker", [ANONYMOUS, WITH_KEY, OPTED_IN])
def test_what_is_not_released_never_existed(asker: Asker) -> None:
    told, unknown = refusal("v4-alpha", asker), refusal("v9-alpha", asker)
    assert type(told) is type(unknown) is VersionNotFoundError
    assert told.facts == {**unknown.facts, "version_id": "v4-alpha"}


def test_an_administrator_may_try_what_is_not_released() -> None:
    assert chosen("v4-alpha", ADMIN).serving is V4_ALPHA


def test_a_sunset_version_is_gone_and_says_where_to_go() -> None:
    error = refused(lambda: chosen("v0"))
    assert isinstance(error, VersionSunsetError)
    assert error.message == "API version 'v0' was sunset on 2024-01-01T00:00:00Z"
    assert error.facts == {
        "version_id": "v0",
        "sunset_at": "2024-01-01T00:00:00Z",
        "successor_version": "v2",
        "migration_guide_url": f"{GUIDES}/v0-to-v2",
    }


@pytest.mark.parametrize("successor", ["", "v3-beta", "v4-alpha"])
def test_a_successor_that_not_everybody_may_see_is_not_named(successor: str) -> None:
    among = live(replace(V0, successor=successor), V2, V3_BETA, V4_ALPHA)
    assert "successor_version" not in refused(lambda: chosen("v0", among=among)).facts


def test_a_brownout_answers_as_the_sunset_will() -> None:
    among = live(replace(V1, brownout_ends_at="2026-11-22T13:00:00Z"), V2)
    error = refused(lambda: chosen("v1", among=among))
    assert isinstance(error, VersionBrownoutError)
    assert error.facts == {
        "version_id": "v1",
        "ends_at": "2026-11-22T13:00:00Z",
        "successor_version": "v2",
    }


# ------------------------------------------------------------------ stand-ins, by R19 and R37
PROMOTED = replace(an_entry("v3-beta", "deprecated"), served_by="v3", successor="v3")
ROLLED_BACK = replace(an_entry("v3", "sunset"), served_by="v2", is_tombstone=True)


def test_a_promoted_prerelease_is_served_by_its_successor_without_an_opt_in() -> None:
    choice = chosen("v3-beta", among=live(an_entry("v3"), PROMOTED))
    assert (choice.requested, choice.serving.version_id, choice.fallback_of) == ("v3-beta", "v3", "")


def test_a_rolled_back_version_is_served_by_its_fallback_which_says_so() -> None:
    assert chosen("v3", among=live(V2, ROLLED_BACK)) == Choice("v3", V2, "header", fallback_of="v3")


def test_a_fallback_may_have_been_rolled_back_in_its_turn() -> None:
    again = replace(an_entry("v2"), served_by="v1", is_tombstone=True)
    assert chosen("v3", among=live(V1, again, ROLLED_BACK)).serving is V1
    assert chosen("v3-beta", among=live(V1, again, ROLLED_BACK, PROMOTED)).serving is V1


def test_a_stand_in_that_is_gone_is_gone() -> None:
    among = live(V0, replace(ROLLED_BACK, served_by="v0"))
    assert refused(lambda: chosen("v3", among=among)).facts["version_id"] == "v0"


def test_a_brownout_of_a_promoted_prerelease_is_its_own() -> None:
    among = live(an_entry("v3"), replace(PROMOTED, brownout_ends_at="2026-11-22T13:00:00Z"))
    assert isinstance(refused(lambda: chosen("v3-beta", among=among)), VersionBrownoutError)


# ------------------------------------------------------------------ the default and a pin (R17)
def test_who_asks_for_nothing_gets_the_default() -> None:
    assert choose(NOTHING_ASKED, STD, ANONYMOUS) == Choice("v2", V2, "default")


def test_a_pin_replaces_the_default_and_nothing_else() -> None:
    pinned = Asker(authenticated=True, pinned="v1")
    assert choose(NOTHING_ASKED, STD, pinned) == Choice("v1", V1, "key")
    assert chosen("v2", pinned) == Choice("v2", V2, "header")


@pytest.mark.parametrize(
    ("pinned", "cls"),
    [
        ("v0", VersionSunsetError),
        ("v3-beta", PrereleaseOptInRequiredError),
        ("v4-alpha", VersionNotFoundError),
    ],
)
def test_a_pin_is_refused_as_if_it_had_been_named(pinned: str, cls: type[DitsError]) -> None:
    asker = Asker(authenticated=True, pinned=pinned)
    assert type(refused(lambda: choose(NOTHING_ASKED, STD, asker))) is cls


@pytest.mark.parametrize("default", ["v5", ""])
def test_when_nothing_lives_the_last_that_did_is_named(default: str) -> None:
    among = live(V0, replace(V0, version_id="v5", served_by="v5"), V3_BETA, default=default)
    error = refused(lambda: choose(NOTHING_ASKED, among, ANONYMOUS))
    assert isinstance(error, VersionSunsetError)
    assert error.facts["version_id"] == "v5"


def test_where_nothing_ever_lived_there_is_no_current_version() -> None:
    error = refused(lambda: choose(NOTHING_ASKED, live(V3_BETA, V4_ALPHA), ANONYMOUS))
    assert isinstance(error, NoCurrentVersionError)


# ------------------------------------------------------------------ any registry at all
@given(ids, registries(), askers)
def test_nobody_is_served_what_they_may_not_see(version_id: str, among: Live, asker: Asker) -> None:
    outcome = verdict(version_id, among, asker)
    if isinstance(outcome, Choice):
        assert outcome.serving.phase != "sunset"
        assert outcome.serving.released or asker.admin
        assert outcome.serving.phase != "prerelease" or asker.opted_in
        assert outcome.serving.phase != "prerelease" or asker.authenticated or asker.admin


@given(ids, registries(), askers)
def test_no_refusal_names_what_the_asker_may_not_see(version_id: str, among: Live, asker: Asker) -> None:
    hidden = {
        name
        for name, one in among.entries.items()
        if (not one.released and not asker.admin) or (one.phase == "prerelease" and not asker.authenticated)
    }
    outcome = verdict(version_id, among, asker)
    if isinstance(outcome, DitsError):
        assert outcome.code in CODES
        assert not (hidden - {version_id}) & set(re.findall(r"v\d+(?:-[a-z]+)?", told_in(outcome)))


@given(st.from_regex(r"v[0-9]{1,3}(-[a-z]{1,6})?", fullmatch=True), askers)
def test_an_unknown_id_is_answered_as_a_hidden_one(version_id: str, asker: Asker) -> None:
    stranger = Asker(admin=False, opted_in=asker.opted_in)
    if version_id in STD.entries and version_id not in HIDDEN:
        return
    told, unknown = refusal(version_id, stranger), refusal("v8", stranger)
    assert told.facts == {**unknown.facts, "version_id": version_id}


def verdict(version_id: str, among: Live, asker: Asker) -> Choice | DitsError:
    try:
        return chosen(version_id, asker, among)
    except DitsError as error:
        return error
