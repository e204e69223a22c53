"""A holder retains one manifest; a release of what is not held is refused (S1.4, I4)."""

from __future__ import annotations

from functools import reduce

from hypothesis import given as drawn
from hypothesis import strategies as st

from domain import references
from domain.errors import ReferenceUnderflowError
from domain.ids import Digest
from domain.references import (
    ManifestReleased,
    ManifestRetained,
    MoveHolder,
    References,
    branch_holder,
    tag_holder,
)
from tests.domain.examples import CUT_1, FILM, MAIN, named
from tests.spec import Spec

given = Spec(references.DECIDER).given
BRANCH, TAG = branch_holder(MAIN), tag_holder(CUT_1)
ONE, TWO = named("manifest 1"), named("manifest 2")


def retained(holder: str, manifest: Digest) -> ManifestRetained:
    return ManifestRetained(repo=FILM, holder=holder, manifest=manifest)


def released(holder: str, manifest: Digest) -> ManifestReleased:
    return ManifestReleased(repo=FILM, holder=holder, manifest=manifest)


def test_a_first_head_is_retained() -> None:
    given().when(MoveHolder(FILM, BRANCH, None, ONE)).then(retained(BRANCH, ONE))


def test_a_new_head_is_retained_before_the_old_one_is_released() -> None:
    move = given(retained(BRANCH, ONE)).when(MoveHolder(FILM, BRANCH, ONE, TWO))
    move.then(retained(BRANCH, TWO), released(BRANCH, ONE))
    after = given(retained(BRANCH, ONE), retained(BRANCH, TWO), released(BRANCH, ONE))
    assert after.state.holders == {BRANCH: TWO}


def test_a_deleted_holder_releases_what_it_held() -> None:
    given(retained(TAG, ONE)).when(MoveHolder(FILM, TAG, ONE, None)).then(released(TAG, ONE))
    assert given(retained(TAG, ONE), released(TAG, ONE)).state.holders == {}


def test_holding_on_is_no_news() -> None:
    given(retained(BRANCH, ONE)).when(MoveHolder(FILM, BRANCH, ONE, ONE)).then_nothing()
    given().when(MoveHolder(FILM, BRANCH, None, None)).then_nothing()


def test_a_release_of_what_is_not_held_is_refused_and_not_hidden() -> None:
    underflow = given().when(MoveHolder(FILM, BRANCH, ONE, None))
    underflow.then_refused(ReferenceUnderflowError, holder=BRANCH, manifest=ONE.hex())
    given(retained(TAG, ONE)).when(MoveHolder(FILM, BRANCH, ONE, TWO)).then_refused(ReferenceUnderflowError)
    given(retained(BRANCH, ONE)).when(MoveHolder(FILM, BRANCH, TWO, ONE)).then_refused(
        ReferenceUnderflowError
    )


def test_a_holder_that_holds_is_not_born_again() -> None:
    given(retained(BRANCH, ONE)).when(MoveHolder(FILM, BRANCH, None, TWO)).then_refused(
        ReferenceUnderflowError
    )


held = st.none() | st.sampled_from((ONE, TWO, named("manifest 3")))
moves = st.lists(st.tuples(st.sampled_from((BRANCH, TAG, "branch:x")), held, held), max_size=30)


@drawn(moves)
def test_whatever_is_asked_no_count_falls_below_zero(
    asked: list[tuple[str, Digest | None, Digest | None]],
) -> None:
    state, counts = References(), dict[Digest, int]()
    for holder, before, after in asked:
        try:
            events = references.DECIDER.decide(state, MoveHolder(FILM, holder, before, after))
        except ReferenceUnderflowError:
            continue
        for event in events:
            change = 1 if isinstance(event, ManifestRetained) else -1
            counts[event.manifest] = counts.get(event.manifest, 0) + change
        state = reduce(references.DECIDER.evolve, events, state)
        live = {name: list(state.holders.values()).count(name) for name in counts}
        assert counts == live
