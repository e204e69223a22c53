"""The media tools as child processes: whatever a file does to one, we go on (seed S4.1)."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import BinaryIO

import psutil
import pytest

from domain.errors import ChunkNotFoundError, UnavailableError
from domain.format.media.source import BytesSource
from domain.ports import LIMIT_EXCEEDED, NOTHING_PLAYABLE, TOOL_FAILED, Remuxed, Unplayable
from infra.clock import SystemClock
from infra.media.tools import COMMAND, ChildLimits, ChildTools
from tests.media import encodes
from tests.media.making import truncated

MIB = 1 << 20
FILM = BytesSource(truncated(encodes.fast_start(), 80))


@pytest.fixture
def target() -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        yield file


OTHERS = {"servers": set[int]()}
"""What this process had started before: other tests' servers."""


@pytest.fixture(autouse=True)
def others() -> None:
    OTHERS["servers"] = {each.pid for each in psutil.Process().children()}


def children_of_ours() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if each.pid not in OTHERS["servers"]]


def tools(*code: str, memory_bytes: int = 1024 * MIB, wall_s: float = 60) -> ChildTools:
    """The real child, or one that does what `code` says."""
    command = (sys.executable, "-I", "-c", *code) if code else COMMAND
    return ChildTools(ChildLimits(memory_bytes, wall_s), SystemClock(), lambda: False, command)


def refused(outcome: object, code: str) -> str:
    assert isinstance(outcome, Unplayable), outcome
    assert outcome.code == code, outcome
    assert children_of_ours() == []
    return outcome.reason


def test_a_damaged_film_is_remuxed_in_a_child(target: BinaryIO) -> None:
    assert isinstance(tools().remux(FILM, target), Remuxed)
    target.seek(0)
    assert target.read()[4:8] == b"ftyp"
    assert children_of_ours() == []


def test_pictures_are_drawn_in_a_child() -> None:
    drawn = tools().draw(BytesSource(encodes.mp4()))
    assert isinstance(drawn, tuple)
    assert [each.kind for each in drawn] == ["poster", "sheet"]
    assert all(each.content.startswith(b"\xff\xd8") for each in drawn)


def test_a_file_that_is_no_film_is_a_refusal() -> None:
    refused(tools().draw(BytesSource(b"no film" * 1000)), NOTHING_PLAYABLE)


def test_a_child_that_needs_more_memory_than_it_may_is_a_refusal(target: BinaryIO) -> None:
    outcome = tools(memory_bytes=64 * MIB).remux(FILM, target)
    assert isinstance(outcome, Unplayable)
    assert outcome.code in {LIMIT_EXCEEDED, TOOL_FAILED}


def test_a_child_that_hangs_is_ended_when_its_time_is_up(target: BinaryIO) -> None:
    sleeper = tools("import time; time.sleep(60)", wall_s=0.3)
    assert "0.3 s" in refused(sleeper.remux(FILM, target), LIMIT_EXCEEDED)


def test_a_child_that_asks_and_does_not_listen_is_ended_when_its_time_is_up(target: BinaryIO) -> None:
    greedy = tools(ASKING + "served.sendall(QUESTION.pack(0, 1 << 22)); time.sleep(60)", wall_s=0.5)
    big = BytesSource(bytes(8 * MIB))
    refused(greedy.remux(big, target), LIMIT_EXCEEDED)


def test_a_child_that_computes_for_ever_is_ended(target: BinaryIO) -> None:
    busy = tools("import resource as r; r.setrlimit(r.RLIMIT_CPU, (1, 2))\nwhile True: pass")
    assert "processor" in refused(busy.remux(FILM, target), LIMIT_EXCEEDED)


def test_a_child_that_crashes_is_a_refusal_with_its_last_words(target: BinaryIO) -> None:
    broken = tools("import os, sys; print('the reel is torn', file=sys.stderr, flush=True); os.abort()")
    assert "the reel is torn" in refused(broken.remux(FILM, target), TOOL_FAILED)


@pytest.mark.parametrize("code", ["print('no json')", "import sys; sys.exit(0)", "print('x' * 9 * 2**20)"])
def test_a_child_that_answers_nonsense_is_a_refusal(target: BinaryIO, code: str) -> None:
    refused(tools(code).remux(FILM, target), TOOL_FAILED)


def test_a_child_is_told_no_secret(target: BinaryIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DITS_NATS_PASSWORD", "open sesame")
    curious = tools("import json, os; print(json.dumps({'code': 'SEEN', 'reason': ' '.join(os.environ)}))")
    assert "DITS" not in refused(curious.remux(FILM, target), "SEEN")


def test_a_stop_of_ours_ends_the_child(target: BinaryIO) -> None:
    stopped = ChildTools(ChildLimits(1024 * MIB, 60), SystemClock(), lambda: True)
    with pytest.raises(UnavailableError):
        stopped.remux(FILM, target)
    assert children_of_ours() == []


def test_what_the_source_raises_is_raised_and_the_child_is_gone() -> None:
    with pytest.raises(ChunkNotFoundError):
        tools().draw(Hole())
    assert children_of_ours() == []


@dataclass
class Hole:
    """A file whose chunks are not there."""

    size_bytes: int = 1_000_000

    def read(self, offset: int, size_bytes: int) -> bytes:
        raise ChunkNotFoundError(name="00")


ASKING = (
    "import json, socket, sys, time; asked = json.load(sys.stdin)\n"
    "from infra.media.passing import QUESTION\n"
    "served = socket.socket(fileno=asked['source'])\n"
)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(25))
def test_a_film_with_bytes_changed_anywhere_is_an_answer(seed: int, target: BinaryIO) -> None:
    """Fuzzing by the hand of a seed: headers, tables and samples alike."""
    random, content = Random(seed), bytearray(encodes.fast_start())
    for _ in range(random.choice([1, 10, 200])):
        place = random.randrange(random.choice([64, 4_000, len(content)]))
        content[place] = random.randrange(256)
    source = BytesSource(bytes(content))
    assert isinstance(tools(wall_s=30).remux(source, target), Remuxed | Unplayable)
    assert isinstance(tools(wall_s=30).draw(source), tuple | Unplayable)
    assert children_of_ours() == []
