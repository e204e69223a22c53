"""What a commit names is followed down to chunks that were sent or are live, whatever the order (I2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import UnknownContentError
from domain.event import Event
from domain.ids import Digest, packed
from domain.ports import ObjectKind
from domain.sagas.content import SentContent, Verified, verify
from domain.session.events import ChunkStored, RecipeRecorded, TreeRecorded, UploadExpired
from tests.domain.examples import FILM, SESSION, named

NOTHING_LIVE = frozenset[Digest]()


def stored(*chunks: Digest) -> ChunkStored:
    return ChunkStored(
        session=SESSION, repo=FILM, location="l", chunks=packed(chunks), sizes_bytes=(1,) * len(chunks)
    )


def recipe(name: str, *chunks: Digest, part: int = 0, parts: int = 1) -> RecipeRecorded:
    return RecipeRecorded(
        session=SESSION,
        repo=FILM,
        recipe=named(name),
        size_bytes=1,
        part=part,
        parts=parts,
        chunks=packed(chunks),
    )


def tree(name: str, trees: tuple[Digest, ...] = (), recipes: tuple[Digest, ...] = ()) -> TreeRecorded:
    return TreeRecorded(
        session=SESSION,
        repo=FILM,
        tree=named(name),
        part=0,
        parts=1,
        trees=packed(trees),
        recipes=packed(recipes),
    )


def sent(*events: Event) -> SentContent:
    content = SentContent()
    for event in events:
        content.add(event)
    return content


def checked(
    content: SentContent,
    *,
    trees: tuple[Digest, ...] = (),
    recipes: tuple[Digest, ...] = (),
    live: frozenset[Digest] = NOTHING_LIVE,
) -> Verified:
    return verify(content, trees, recipes, lambda _, names: names - live)


def test_what_the_session_sent_is_there() -> None:
    content = sent(stored(named("c1"), named("c2")), recipe("r", named("c1"), named("c2")))
    assert checked(content, recipes=(named("r"),)) == Verified(1, 2)


def test_a_chunk_that_lives_does_not_pass_for_the_recipe_that_it_spells() -> None:
    spelled = named("the bytes of another's recipe")

    def missing(kind: ObjectKind, names: frozenset[Digest]) -> frozenset[Digest]:
        return names - {spelled} if kind == "chunks" else names

    with pytest.raises(UnknownContentError):
        verify(SentContent(), (), (spelled,), missing)


def test_a_chunk_that_was_never_sent_is_named() -> None:
    content = sent(stored(named("c1")), recipe("r", named("c1"), named("c2")))
    with pytest.raises(UnknownContentError) as refused:
        checked(content, recipes=(named("r"),))
    assert refused.value.facts == {"thing": "chunk", "count": 1, "first": named("c2").hex()}


def test_a_chunk_that_lives_in_the_repository_need_not_be_sent() -> None:
    content = sent(recipe("r", named("c1")))
    assert checked(content, recipes=(named("r"),), live=frozenset({named("c1")})) == Verified(1, 1)


def test_a_recipe_that_lives_in_the_repository_is_no_news() -> None:
    assert checked(sent(), recipes=(named("r"),), live=frozenset({named("r")})) == Verified(0, 0)


def test_a_recipe_or_tree_that_nobody_sent_is_refused() -> None:
    with pytest.raises(UnknownContentError, match="recipe"):
        checked(sent(), recipes=(named("x"),))
    with pytest.raises(UnknownContentError, match="tree"):
        checked(sent(), trees=(named("x"),))


def test_a_recipe_with_a_part_still_to_come_is_not_there() -> None:
    first = recipe("r", named("c1"), part=0, parts=2)
    with pytest.raises(UnknownContentError, match="recipe"):
        checked(sent(stored(named("c1")), first), recipes=(named("r"),))
    both = sent(stored(named("c1")), first, recipe("r", named("c1"), part=1, parts=2))
    assert checked(both, recipes=(named("r"),)) == Verified(1, 1)


def test_a_tree_is_followed_down_to_the_chunks() -> None:
    below = (tree("top", (named("dir"),), (named("r1"),)), tree("dir", (), (named("r2"),)))
    content = sent(*below, recipe("r1"), recipe("r2", named("c1")))
    with pytest.raises(UnknownContentError, match="chunk"):
        checked(content, trees=(named("top"),))
    content.add(stored(named("c1")))
    assert checked(content, trees=(named("top"),)) == Verified(2, 1)


def test_an_empty_file_brings_no_chunk() -> None:
    assert checked(sent(recipe("empty")), recipes=(named("empty"),)) == Verified(1, 0)


@given(st.permutations([0, 1, 2, 3]), st.sets(st.integers(0, 3)))
def test_the_order_in_which_content_came_makes_no_difference(order: list[int], come: set[int]) -> None:
    events = (
        stored(named("c1")),
        recipe("r", named("c1")),
        tree("dir", (), (named("r"),)),
        tree("top", (named("dir"),), (named("r"),)),
    )
    content = sent(
        *(events[number] for number in order if number in come), UploadExpired(session=SESSION, repo=FILM)
    )
    if come == {0, 1, 2, 3}:
        assert checked(content, trees=(named("top"),)) == Verified(1, 1)
    else:
        with pytest.raises(UnknownContentError):
            checked(content, trees=(named("top"),))
