"""Checkout on the real product: whole files or none, and nobody's work is lost."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.client import CheckoutOptions, Client, DitsError, ProblemError, Progress, PushOptions
from gateway.client.format.paths import broken_path_rule, case_key
from tests.client.conftest import Desk, Served, tree_of
from tests.client.test_push import noise
from tests.faults import CrashedError

MIB = 1 << 20
NAMES = st.text(min_size=1, max_size=8).filter(
    lambda name: broken_path_rule(name) is None and "/" not in name and not name.startswith(".dits-")
)
CONTENTS = st.one_of(st.binary(max_size=200), st.builds(noise, st.integers(0, 9), st.integers(1, 2 * MIB)))
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), CONTENTS, min_size=1, max_size=6
)


def is_sound(paths: list[str]) -> bool:
    """No path is another one's directory, no two collide."""
    parts = {path[:end] for path in paths for end, char in enumerate(path + "/") if char == "/"}
    inner = parts - set(paths)
    clash = any(path.startswith(other + "/") for path in paths for other in paths)
    return not clash and len({case_key(part) for part in parts}) == len(parts) and not inner & set(paths)


@settings(max_examples=8, suppress_health_check=[HealthCheck.filter_too_much])
@given(tree=TREES.filter(lambda tree: is_sound(list(tree))), whole_file=st.booleans())
def test_what_was_pushed_is_checked_out(served: Served, tree: dict[str, bytes], *, whole_file: bool) -> None:
    with TemporaryDirectory() as place, Client(served.url, served.key) as client:
        here, there, notes = (Path(place) / name for name in ("here", "there", "notes"))
        for path, content in tree.items():
            (here / path).parent.mkdir(parents=True, exist_ok=True)
            (here / path).write_bytes(content)
        repo = f"any-{client.calls.machine.token()}"
        client.repos.create(repo)
        options = PushOptions(root=here, notes=notes, whole_file=whole_file)
        client.push(repo, "main", here, message="any", options=options)
        client.checkout(repo, "main", there, options=CheckoutOptions(notes=notes))
        assert tree_of(there) == tree


@pytest.fixture
def pushed(http: Client, repo: str, desk: Desk) -> str:
    """Two files, one of many chunks; the repository they are in."""
    desk.put("reel.mov", noise(1, 5 * MIB))
    desk.put("sound/a.wav", b"wave")
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())
    return repo


def test_a_commit_a_branch_and_a_tag_can_be_checked_out(client: Client, pushed: str, desk: Desk) -> None:
    head = client.branches.get(pushed, "main").commit
    client.tags.create(pushed, "v1", head)
    for ref in ("main", "v1", head):
        out = client.checkout(pushed, ref, desk.there / ref, options=desk.out)
        assert out.commit.commit == head
        assert tree_of(desk.there / ref) == tree_of(desk.here)


def test_what_is_there_is_not_fetched_again(http: Client, pushed: str, desk: Desk) -> None:
    http.checkout(pushed, "main", desk.there, options=desk.out)
    again = http.checkout(pushed, "main", desk.there, options=desk.out)
    assert (again.written, again.unchanged, again.progress.bytes_received) == ((), 2, 0)
    (desk.notes).rename(desk.notes.with_name("lost"))
    unknown = http.checkout(pushed, "main", desk.there, options=desk.out)
    assert (unknown.written, unknown.unchanged) == ((), 2)


def test_another_commit_replaces_and_removes_what_we_wrote(http: Client, pushed: str, desk: Desk) -> None:
    http.checkout(pushed, "main", desk.there, options=desk.out)
    (desk.here / "sound" / "a.wav").unlink()
    desk.put("reel.mov", b"short")
    http.push(pushed, "main", desk.here, message="two", options=desk.pushing(mirror=True))
    out = http.checkout(pushed, "main", desk.there, options=desk.out)
    assert (out.written, out.removed) == (("reel.mov",), ("sound/a.wav",))
    assert tree_of(desk.there) == {"reel.mov": b"short"}
    assert not (desk.there / "sound").exists()


def test_an_update_fetches_only_what_is_new(http: Client, pushed: str, desk: Desk) -> None:
    http.checkout(pushed, "main", desk.there, options=desk.out)
    whole = (desk.here / "reel.mov").read_bytes()
    (desk.here / "reel.mov").rename(desk.here / "renamed.mov")
    desk.put("sound/a.wav", whole[:100] + b"trimmed" + whole[5000:])
    http.push(pushed, "main", desk.here, message="two", options=desk.pushing(mirror=True))
    out = http.checkout(pushed, "main", desk.there, options=desk.out)
    assert out.written == ("renamed.mov", "sound/a.wav")
    assert tree_of(desk.there) == tree_of(desk.here)
    desk.put("renamed.mov", whole[:100] + b"trimmed" + whole[5000:])
    http.push(pushed, "main", desk.here, message="three", options=desk.pushing())
    again = http.checkout(pushed, "main", desk.there, options=desk.out)
    assert again.progress.bytes_received <= 2 * MIB
    assert tree_of(desk.there) == tree_of(desk.here)


def test_somebodys_work_is_not_overwritten_unasked(http: Client, pushed: str, desk: Desk) -> None:
    http.checkout(pushed, "main", desk.there, options=desk.out)
    (desk.there / "reel.mov").write_bytes(b"my edit")
    with pytest.raises(DitsError) as refused:
        http.checkout(pushed, "main", desk.there, options=desk.out)
    assert refused.value.code == "LOCAL_EDITS"
    assert (desk.there / "reel.mov").read_bytes() == b"my edit"
    http.checkout(pushed, "main", desk.there, options=CheckoutOptions(overwrite=True, notes=desk.notes))
    assert tree_of(desk.there) == tree_of(desk.here)


def test_a_half_written_file_is_gone_on_with(http: Client, repo: str, desk: Desk) -> None:
    whole = desk.put("reel.mov", noise(2, 20 * MIB)).read_bytes()
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())
    with pytest.raises(CrashedError):
        http.checkout(repo, "main", desk.there, options=desk.out, progress=die)
    assert "reel.mov" not in tree_of(desk.there)
    (partial,) = desk.there.glob(".dits-*.part")
    partial.write_bytes(whole[: 3 * MIB] + b"garbage")
    out = http.checkout(repo, "main", desk.there, options=desk.out)
    assert out.progress.bytes_known >= 2 * MIB - 1
    assert tree_of(desk.there) == {"reel.mov": whole}


def die(_now: Progress) -> None:
    raise CrashedError


def test_nothing_is_written_through_a_link(http: Client, pushed: str, desk: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (desk.there / "sound").symlink_to(outside)
    with pytest.raises(DitsError) as refused:
        http.checkout(pushed, "main", desk.there, options=desk.out)
    assert refused.value.code == "OUTSIDE_DIRECTORY"
    assert list(outside.iterdir()) == []


def test_a_link_under_a_files_name_is_somebodys_work(
    http: Client, pushed: str, desk: Desk, tmp_path: Path
) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"precious")
    (desk.there / "reel.mov").symlink_to(target)
    with pytest.raises(DitsError) as refused:
        http.checkout(pushed, "main", desk.there, options=desk.out)
    assert refused.value.code == "LOCAL_EDITS"
    http.checkout(pushed, "main", desk.there, options=CheckoutOptions(overwrite=True, notes=desk.notes))
    assert target.read_bytes() == b"precious"
    assert tree_of(desk.there) == tree_of(desk.here)


def test_a_ref_that_is_not_there_is_said(client: Client, pushed: str, desk: Desk) -> None:
    for ref in ("nowhere", "0" * 32):
        with pytest.raises(ProblemError) as refused:
            client.checkout(pushed, ref, desk.there, options=desk.out)
        assert refused.value.kind == "missing"


def test_one_directory_takes_one_checkout_at_a_time(http: Client, pushed: str, desk: Desk) -> None:
    codes: list[str] = []

    def inner(_now: object) -> None:
        try:
            http.checkout(pushed, "main", desk.there, options=desk.out)
        except DitsError as error:
            codes.append(error.code)

    http.checkout(pushed, "main", desk.there, options=desk.out, progress=inner)
    assert set(codes) == {"BUSY_DIRECTORY"}


def test_the_files_of_a_commit_can_be_read_one_by_one(http: Client, pushed: str, desk: Desk) -> None:
    head = http.branches.get(pushed, "main").commit
    whole = (desk.here / "reel.mov").read_bytes()
    assert b"".join(http.commits.read(pushed, head, "reel.mov")) == whole
    assert b"".join(http.commits.read(pushed, head, "reel.mov", start=4 * MIB)) == whole[4 * MIB :]
