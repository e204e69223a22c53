"""A set that only grows holds what a set holds, and older versions of it stay as they were."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.growing import GrowingSet

EMPTY: GrowingSet[int] = GrowingSet()
items = st.lists(st.integers(0, 200), max_size=300)


def grown(numbers: list[int]) -> GrowingSet[int]:
    growing = EMPTY
    for number in numbers:
        growing = growing.with_item(number)
    return growing


@given(items)
def test_a_growing_set_holds_what_a_set_holds(numbers: list[int]) -> None:
    growing, model = grown(numbers), set(numbers)
    assert sorted(growing) == sorted(model)
    assert len(growing) == len(model)
    assert all((number in growing) == (number in model) for number in range(-1, 202))


@given(items, st.integers(0, 200))
def test_adding_leaves_the_older_set_as_it_was(numbers: list[int], more: int) -> None:
    before = grown(numbers)
    held = set(before)
    before.with_item(more)
    assert set(before) == held


@given(items)
def test_levels_stay_few_because_each_is_less_than_half_the_one_before(numbers: list[int]) -> None:
    sizes = [len(level) for level in grown(numbers).levels]
    assert all(2 * after <= before for before, after in pairwise(sizes))
