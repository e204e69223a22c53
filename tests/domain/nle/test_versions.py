"""The table of supported versions is the seed's, and a file's own number becomes one of its words (S4.5)."""

from __future__ import annotations

import pytest

from domain.nle.versions import SUPPORTED, is_supported, word_for


def test_the_table_is_exactly_the_seeds() -> None:
    assert SUPPORTED == {
        "premiere": ("14.0", "15.0", "22.0", "23.0", "24.0"),
        "resolve": ("16", "17", "18", "19"),
        "fcpx": ("10.4", "10.5", "10.6", "10.7"),
        "aftereffects": ("2020", "2021", "2022", "2023", "2024"),
    }


@pytest.mark.parametrize(
    ("nle", "told", "word"),
    [
        ("premiere", "38", "14.0"),
        ("premiere", "42", "24.0"),
        ("premiere", "43", "25.0"),
        ("resolve", "16.2.8", "16"),
        ("resolve", "20.3.2.0009", "20"),
        ("fcpx", "1.8", "10.4"),
        ("fcpx", "1.11", "10.7"),
        ("fcpx", "1.13", "11.0"),
        ("aftereffects", "17.7.0", "2020"),
        ("aftereffects", "25.0.0", "2025"),
    ],
)
def test_a_number_in_a_file_has_a_word(nle: str, told: str, word: str) -> None:
    assert word_for(nle, told) == word


@pytest.mark.parametrize(
    ("nle", "told"),
    [
        ("premiere", "37"),
        ("premiere", "999"),
        ("premiere", "42.0"),
        ("resolve", ""),
        ("resolve", "019"),
        ("resolve", "19.x"),
        ("fcpx", "1.100"),
        ("aftereffects", "20.0.0"),
    ],
)
def test_a_number_that_nobody_vouches_for_has_none(nle: str, told: str) -> None:
    assert word_for(nle, told) is None
    assert not is_supported(nle, None)


@pytest.mark.parametrize("nle", SUPPORTED)
def test_every_supported_version_can_be_met_in_a_file(nle: str) -> None:
    numbers = [str(n) for n in range(1, 60)] + [f"1.{n}" for n in range(30)]
    assert set(SUPPORTED[nle]) <= {word_for(nle, told) for told in numbers}
