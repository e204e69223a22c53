"""The local store where it touches the disk: crashes, power cuts, a full disk, modes, the page cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from domain.errors import UnavailableError
from domain.format.digest import digest_of
from domain.ports import ObjectName
from infra.clock import SystemIds
from infra.objects.local import LocalStore
from tests.objects.crash import calls_of, killed_before_call

BATCH = [
    (ObjectName("chunks", digest_of(content)), content)
    for content in (bytes([number]) * 70_000 for number in range(3))
]
NAMES = [name for name, _ in BATCH]
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's own account in /proc")


def opened(root: Path) -> LocalStore:
    return LocalStore("hot", root, SystemIds())


def put_anew(root: Path) -> None:
    opened(root).put(BATCH)


def mend_anew(root: Path) -> None:
    opened(root).mend(*BATCH[0])


def assert_whole_objects_only(root: Path) -> list[ObjectName]:
    store = opened(root)
    visible = list(store.list("chunks"))
    assert store.read_back(visible) == tuple(name.digest for name in visible)
    assert len(list((root / "incoming").iterdir())) == 1, "what the dead left behind was not swept"
    store.close()
    return visible


def test_a_put_killed_before_any_system_call_leaves_whole_objects_or_none(tmp_path: Path) -> None:
    for number in count(1):
        root = tmp_path / str(number)
        if not killed_before_call(number, partial(put_anew, root)):
            break
        assert_whole_objects_only(root)
    assert number > 40
    assert sorted(NAMES, key=lambda name: name.digest) == assert_whole_objects_only(root)


def test_a_mend_killed_before_any_system_call_leaves_the_old_bytes_or_the_new(tmp_path: Path) -> None:
    name, content = BATCH[0]
    wrong = b"wrong"
    for number in count(1):
        root = tmp_path / str(number)
        store = opened(root)
        store.put([(name, wrong)])
        killed = killed_before_call(number, partial(mend_anew, root))
        assert store.get(name) in {wrong, content}
        store.close()
        if not killed:
            break
    assert opened(root).get(name) == content


def test_a_put_after_a_crash_stores_what_is_missing(tmp_path: Path) -> None:
    for number in (15, 25, 35):
        killed_before_call(number, partial(put_anew, tmp_path))
        store = opened(tmp_path)
        store.put(BATCH)
        assert store.read_back(NAMES) == tuple(name.digest for name in NAMES)
        shutil.rmtree(tmp_path / "chunks")


@only_linux
def test_no_name_is_given_before_its_bytes_are_synced(tmp_path: Path) -> None:
    store, synced = opened(tmp_path), set[str]()
    for call, path in calls_of(lambda: store.put(BATCH)):
        if call == "fdatasync":
            synced.add(path)
        if call == "link":
            assert path in synced
    assert len(synced) == len(BATCH)


@only_linux
def test_no_put_returns_before_its_directories_are_synced(tmp_path: Path) -> None:
    store = opened(tmp_path)
    calls = calls_of(lambda: store.put(BATCH))
    last_change = max(at for at, (call, _) in enumerate(calls) if call in {"link", "mkdir"})
    synced = {path for call, path in calls[last_change:] if call == "fsync"}
    for name in NAMES:
        leaf = (tmp_path / name.key).parent
        assert {str(leaf), str(leaf.parent), str(leaf.parent.parent), str(tmp_path)} <= synced


@only_linux
def test_what_another_put_may_not_have_synced_yet_is_synced_again(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.put(BATCH)
    calls = calls_of(lambda: store.put(BATCH))
    synced = {path for call, path in calls if call == "fsync"}
    assert synced == {str((tmp_path / name.key).parent) for name in NAMES}


def test_living_processes_keep_their_temporary_files(tmp_path: Path) -> None:
    first = opened(tmp_path)
    second = opened(tmp_path)
    assert len(list((tmp_path / "incoming").iterdir())) == 2
    first.put(BATCH)
    second.close()
    opened(tmp_path)
    assert first.read_back(NAMES) == tuple(name.digest for name in NAMES)


def test_nobody_else_may_look(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        opened(tmp_path / "objects").put(BATCH)
    finally:
        os.umask(old)
    for path in (tmp_path / "objects").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_no_temporary_file_stays_after_a_put(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.put(BATCH)
    store.put(BATCH)
    assert [path for path in (tmp_path / "incoming").rglob("*") if path.is_file()] == []


def test_strangers_in_the_directory_are_not_listed(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.put(BATCH)
    (tmp_path / "chunks" / "README").write_text("hello")
    (tmp_path / "chunks" / "ab" / "cd").mkdir(parents=True, exist_ok=True)
    (tmp_path / "chunks" / "ab" / "cd" / "lost+found").mkdir()
    assert len(list(store.list("chunks"))) == len(BATCH)


def test_a_disk_that_went_away_is_unavailable(tmp_path: Path) -> None:
    store = opened(tmp_path / "objects")
    shutil.rmtree(tmp_path / "objects")
    (tmp_path / "objects").write_text("not a directory any more")
    for operation in (lambda: store.put(BATCH), store.check):
        with pytest.raises(UnavailableError, match=r"ENOTDIR|ENOENT"):
            operation()


@only_linux
def test_a_read_back_comes_from_the_medium(tmp_path: Path) -> None:
    store, content = opened(tmp_path), SystemIds().token(4 << 20)
    name = ObjectName("chunks", digest_of(content))
    store.put([(name, content)])
    for _ in range(2):
        before = bytes_from_disks()
        assert store.read_back([name]) == (name.digest,)
        if filesystem_of(tmp_path) not in {"tmpfs", "overlay"}:
            assert bytes_from_disks() - before >= len(content)


def bytes_from_disks() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes"))


def filesystem_of(path: Path) -> str:
    return subprocess.run(
        ["stat", "--file-system", "--format=%T", str(path)], capture_output=True, text=True, check=True
    ).stdout.strip()


ON_A_FULL_DISK = """
import sys
from pathlib import Path
from domain.errors import InsufficientStorageError
from infra.objects.local import LocalStore
from infra.clock import SystemIds
from tests.objects.test_local import BATCH, NAMES
store = LocalStore("hot", Path(sys.argv[1]) / "objects", SystemIds())
store.put(BATCH[:1])
for operation in (lambda: store.put(BATCH), lambda: store.mend(*BATCH[1])):
    try:
        operation()
    except InsufficientStorageError as error:
        assert error.facts == {"store": "hot"}
    else:
        sys.exit("no error on a full disk")
assert store.get(NAMES[0]) == BATCH[0][1]
assert not [path for path in Path(sys.argv[1]).rglob("incoming/*/*")]
print("reads go on")
"""


def test_a_full_disk_is_said_and_reads_go_on(tmp_path: Path) -> None:
    mount_and_run = 'mount -t tmpfs -o size=140k none "$1" && exec "$0" -c "$2" "$1"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount_and_run]
    if shutil.which("unshare") is None or subprocess.run([*command[:4], "true"], check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    child = subprocess.run(
        [*command, sys.executable, str(tmp_path), ON_A_FULL_DISK], capture_output=True, text=True, check=False
    )
    assert (child.returncode, child.stdout) == (0, "reads go on\n"), child.stderr
