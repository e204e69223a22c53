"""Whatever breaks a transfer, and wherever: the next try goes on, and ends as if nothing had happened."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial

import pytest

from gateway.client import Client, DitsError, Progress
from gateway.client.errors import ConnectionLostError
from tests.client.conftest import Desk, tree_of
from tests.client.passage import Passage
from tests.client.test_push import noise
from tests.fault_proxy import Fault
from tests.faults import CrashedError

MIB = 1 << 20
REQUESTS_MAX = 60
"""More than any of these transfers needs."""
Through = Callable[[int], Client]


def breaks_at_every_request(passage: Passage, *, after: bool, transfer: Callable[[], object]) -> int:
    """Try with the way broken from the first, second, ... request on, until it is longer than the transfer.

    Each try goes on where the one before was broken. Returns how many were broken.
    """
    for request in range(REQUESTS_MAX):
        passage.break_from(request, after=after)
        try:
            transfer()
        except ConnectionLostError:
            continue
        return request
    raise AssertionError("the transfer never ends")


@pytest.mark.parametrize("after", [False, True])
def test_a_push_can_be_broken_at_every_request(
    passage: Passage, through: Through, http: Client, repo: str, desk: Desk, *, after: bool
) -> None:
    desk.put("reel.mov", noise(1, 4 * MIB))
    desk.put("sound/a.wav", b"wave")
    pushing = desk.pushing()
    broken = breaks_at_every_request(
        passage,
        after=after,
        transfer=lambda: through(1).push(repo, "main", desk.here, message="m", options=pushing),
    )
    assert broken >= 7
    http.checkout(repo, "main", desk.there, options=desk.out)
    assert tree_of(desk.there) == tree_of(desk.here)
    assert len(list(http.commits.list(repo, "main"))) == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_checkout_can_be_broken_at_every_request(
    passage: Passage, through: Through, http: Client, repo: str, desk: Desk, *, after: bool
) -> None:
    desk.put("reel.mov", noise(2, 20 * MIB))
    desk.put("sound/a.wav", b"wave")
    http.push(repo, "main", desk.here, message="m", options=desk.pushing())
    transfer = partial(checked_out_whole, through(1), repo, desk)
    assert breaks_at_every_request(passage, after=after, transfer=transfer) >= 5
    assert tree_of(desk.there) == tree_of(desk.here)


def checked_out_whole(client: Client, repo: str, desk: Desk) -> None:
    """However it ends, what has its own name is whole."""
    try:
        client.checkout(repo, "main", desk.there, options=desk.out)
    finally:
        whole, found = tree_of(desk.here), tree_of(desk.there)
        assert all(whole[path] == found[path] for path in found if ".dits-" not in path)


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_line_is_ridden_out(
    passage: Passage, through: Through, repo: str, desk: Desk, seed: int
) -> None:
    desk.put("reel.mov", noise(seed, 6 * MIB))
    faults = (Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.SLOW_DOWN, Fault.TRUNCATED)
    passage.fail_at_random(0.25, *faults)
    client = through(20)
    client.push(repo, "main", desk.here, message="m", options=desk.pushing())
    client.checkout(repo, "main", desk.there, options=desk.out)
    assert tree_of(desk.there) == tree_of(desk.here)
    assert len(list(client.commits.list(repo, "main"))) == 1


def test_a_push_that_was_killed_sends_only_what_is_missing(http: Client, repo: str, desk: Desk) -> None:
    desk.put("reel.mov", noise(3, 120 * MIB))

    def die(now: Progress) -> None:
        if now.bytes_sent > 0:
            raise CrashedError

    with pytest.raises(CrashedError):
        http.push(repo, "main", desk.here, message="m", options=desk.pushing(), progress=die)
    pushed = http.push(repo, "main", desk.here, message="m", options=desk.pushing())
    assert pushed.resumed
    assert pushed.progress.bytes_known >= 15 * MIB
    assert pushed.progress.bytes_sent + pushed.progress.bytes_known == 120 * MIB


def test_a_whole_file_goes_on_at_the_confirmed_byte(http: Client, repo: str, desk: Desk) -> None:
    desk.put("reel.mov", noise(4, 24 * MIB))

    def die(now: Progress) -> None:
        if now.bytes_sent >= 16 * MIB:
            raise CrashedError

    with pytest.raises(CrashedError):
        http.push(repo, "main", desk.here, message="m", options=desk.pushing(whole_file=True), progress=die)
    confirmed_bytes = wait_for_an_offset(http, repo, desk)
    pushed = http.push(repo, "main", desk.here, message="m", options=desk.pushing(whole_file=True))
    assert (pushed.resumed, pushed.progress.bytes_known) == (True, confirmed_bytes)
    http.checkout(repo, "main", desk.there, options=desk.out)
    assert tree_of(desk.there) == tree_of(desk.here)


def wait_for_an_offset(http: Client, repo: str, desk: Desk) -> int:
    """The server notices a lost client a moment later, and confirms what it has by then."""
    (note,) = desk.notes.glob("*.json")
    session, stood = json.loads(note.read_text())["session"], 0
    for _ in range(100):
        files = http.sessions.get(repo, session).files
        now = files[0].offset_bytes if files else 0
        if now == stood > 0:
            return now
        stood = now
        time.sleep(0.1)
    raise AssertionError("nothing was confirmed")


def test_corrupted_bytes_never_become_a_file(
    passage: Passage, through: Through, http: Client, repo: str, desk: Desk
) -> None:
    desk.put("reel.mov", noise(5, 2 * MIB))
    http.push(repo, "main", desk.here, message="m", options=desk.pushing())
    passage.fail_next(Fault.CORRUPTED, method="GET", times=3)
    with pytest.raises(DitsError):
        through(1).checkout(repo, "main", desk.there, options=desk.out)
    assert "reel.mov" not in tree_of(desk.there)


def test_a_note_of_a_session_that_is_over_starts_another(http: Client, repo: str, desk: Desk) -> None:
    desk.put("reel.mov", noise(6, MIB))
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())
    (note,) = desk.notes.glob("*.json")
    session = http.sessions.start(repo).session
    note.write_text(f'{{"session": "{session[::-1]}"}}')
    desk.put("reel.mov", noise(7, MIB))
    pushed = http.push(repo, "main", desk.here, message="two", options=desk.pushing())
    assert (pushed.commit is not None, pushed.resumed) == (True, False)
