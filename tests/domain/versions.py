"""The table's standard registry as it is at its clock, and what may vary in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import strategies as st

from domain.errors import DitsError
from domain.version_spec import Asker, Entry, Given, GivenSource, Live, Phase, sort_key

GUIDES = "https://docs.dits.example/migrations"
ANONYMOUS = Asker()
WITH_KEY = Asker(authenticated=True)
OPTED_IN = Asker(authenticated=True, opted_in=True)
ADMIN = Asker(authenticated=True, admin=True, opted_in=True)
SOURCES: tuple[tuple[GivenSource, str | None], ...] = (
    ("header", "X-API-Version"),
    ("header", "API-Version"),
    ("url", None),
    ("query", "version"),
)
CODES = {
    "INVALID_VERSION_FORMAT",
    "VERSION_CONFLICT",
    "VERSION_NOT_FOUND",
    "PRERELEASE_OPT_IN_REQUIRED",
    "VERSION_SUNSET",
    "VERSION_BROWNOUT",
}


def an_entry(version_id: str, phase: Phase = "current", *, released: bool = True) -> Entry:
    return Entry(
        version_id=version_id,
        phase=phase,
        released=released,
        opt_in_required=phase == "prerelease",
        served_by=version_id,
        is_tombstone=False,
        sunset_at="",
        successor="",
        migration_guide_url="",
        brownout_ends_at="",
    )


V0 = replace(
    an_entry("v0", "sunset"),
    sunset_at="2024-01-01T00:00:00Z",
    successor="v2",
    migration_guide_url=f"{GUIDES}/v0-to-v2",
)
V1 = replace(an_entry("v1", "deprecated"), sunset_at="2027-06-01T00:00:00Z", successor="v2")
V2 = an_entry("v2")
V3_BETA = an_entry("v3-beta", "prerelease")
V4_ALPHA = an_entry("v4-alpha", "prerelease", released=False)


def live(*entries: Entry, default: str = "") -> Live:
    seen = [
        one.version_id
        for one in entries
        if one.released and one.phase in {"current", "deprecated"} and not one.is_tombstone
    ]
    return Live({one.version_id: one for one in entries}, default, tuple(sorted(seen, key=sort_key)))


def refused(asking: Callable[[], object]) -> DitsError:
    with pytest.raises(DitsError) as raised:
        asking()
    return raised.value


def told_in(error: DitsError) -> str:
    return f"{error.message} {error.facts!r}"


STD = live(V0, V1, V2, V3_BETA, V4_ALPHA, default="v2")
HIDDEN = {"v3-beta", "v4-alpha"}


# ------------------------------------------------------------------ what hypothesis draws
ids = st.sampled_from(["v0", "v1", "v2", "v3", "v3-beta", "v4-alpha", "v9", "V1", "V3-BETA", "v01"])
raws = st.one_of(
    ids,
    st.text(st.characters(max_codepoint=255), max_size=30),
    st.text(max_size=30),
    st.text("vV019-ab\t\r\n ,.", max_size=24),
    st.builds(str.__mul__, st.sampled_from(["v", "9", "é"]), st.integers(1, 1_100)),
)
givens = st.lists(
    st.builds(lambda place, raw: Given(place[0], place[1], raw), st.sampled_from(SOURCES), raws), max_size=5
)
askers = st.builds(
    Asker, st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["", "v1", "v0", "v3-beta", "v7"])
)
phases: st.SearchStrategy[Phase] = st.sampled_from(["prerelease", "current", "deprecated", "sunset"])


@st.composite
def registries(draw: st.DrawFn) -> Live:
    """Any phases; some are served by a later one, so that no circle can be drawn."""
    names = ["v0", "v1", "v2", "v3", "v3-beta", "v4-alpha"]
    entries = [an_entry(name, draw(phases), released=draw(st.booleans())) for name in names]
    for place in draw(st.sets(st.integers(0, len(names) - 2), max_size=2)):
        target = draw(st.sampled_from(names[place + 1 :]))
        entries[place] = replace(entries[place], served_by=target, is_tombstone=draw(st.booleans()))
    entries = [replace(one, successor=draw(st.sampled_from(["", *names]))) for one in entries]
    drawn = live(*entries)
    return replace(drawn, default=draw(st.sampled_from(drawn.visible or ("",))))
