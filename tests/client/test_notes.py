"""What is remembered between two runs: one at a time, and never in the way."""

from __future__ import annotations

from pathlib import Path

from gateway.client.notes import name_of, opened
from gateway.client.placing import Record


def test_a_note_outlives_its_run(tmp_path: Path) -> None:
    with opened(tmp_path, "n") as note:
        assert note is not None
        note.write({"session": "a much longer text than the next one"})
    with opened(tmp_path, "n") as note:
        assert note is not None
        note.write({"session": "s"})
        assert note.read() == {"session": "s"}


def test_two_runs_do_not_share_a_note(tmp_path: Path) -> None:
    with opened(tmp_path, "n") as first, opened(tmp_path, "n") as second:
        assert first is not None
        assert second is None


def test_a_broken_note_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "n.json").write_text("{half")
    with opened(tmp_path, "n") as note:
        assert note is not None
        assert note.read() == {}


def test_a_record_that_makes_no_sense_claims_nothing() -> None:
    assert Record.of({"files": {"a": 3}}).files == {}
    assert Record.of({}).files == {}


def test_names_do_not_run_together() -> None:
    assert name_of(["ab", "c"]) != name_of(["a", "bc"])
