"""The file of API versions and the last sound registry, on a real file system (V5.1, V5.2)."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from domain.errors import RegistryFileError, UnavailableError
from infra.versions_file import BYTES_MAX, BackupFile, WatchedFile

TEXT = "versions: {}\n"


@pytest.fixture
def file(tmp_path: Path) -> WatchedFile:
    path = tmp_path / "api-versions.yaml"
    path.write_text(TEXT)
    return WatchedFile(path)


def problem_of(file: WatchedFile) -> str:
    with pytest.raises(RegistryFileError) as raised:
        file.text()
    return str(raised.value.facts["problem"])


# ------------------------------------------------------------------ the operator's file
def test_a_file_is_told_by_its_name_alone(file: WatchedFile) -> None:
    assert file.name == "api-versions.yaml"


def test_its_text_is_read_as_it_is(file: WatchedFile) -> None:
    file.path.write_bytes("grün: ☂\n".encode())
    assert file.text() == "grün: ☂\n"


def test_a_file_that_rests_keeps_its_stamp(file: WatchedFile) -> None:
    assert file.stamp() == file.stamp() != ""


def test_a_touch_and_a_longer_text_are_other_stamps(file: WatchedFile) -> None:
    stamps = {file.stamp()}
    os.utime(file.path, ns=(1, 1))
    stamps.add(file.stamp())
    file.path.write_text(TEXT * 2)
    stamps.add(file.stamp())
    assert len(stamps) == 3


def test_another_file_in_its_place_is_another_stamp(file: WatchedFile) -> None:
    before, seen = file.stamp(), file.path.stat()
    fresh = file.path.with_name("fresh")
    fresh.write_text(TEXT)
    os.utime(fresh, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    fresh.replace(file.path)
    assert file.stamp() != before


def test_a_link_that_turns_to_another_file_is_another_stamp(file: WatchedFile) -> None:
    """As a mounted configuration of Kubernetes is replaced."""
    link = WatchedFile(file.path.with_name("link.yaml"))
    link.path.symlink_to(file.path)
    before = link.stamp()
    other = file.path.with_name("other.yaml")
    other.write_text("versions:\n")
    link.path.unlink()
    link.path.symlink_to(other)
    assert (link.stamp() != before, link.text()) == (True, "versions:\n")


def test_a_file_that_is_not_there_has_no_stamp_and_no_text(tmp_path: Path) -> None:
    for missing in (tmp_path / "none.yaml", tmp_path / "no" / "where.yaml"):
        file = WatchedFile(missing)
        assert file.stamp() == ""
        assert problem_of(file) == "it is not there"


def test_what_is_no_utf_8_is_no_text(file: WatchedFile) -> None:
    file.path.write_bytes(b"versions: \xff\xfe")
    assert problem_of(file) == "it is no UTF-8 text"


def test_a_directory_or_a_pipe_is_no_file(file: WatchedFile, tmp_path: Path) -> None:
    pipe = WatchedFile(tmp_path / "pipe")
    os.mkfifo(pipe.path)
    began = time.monotonic()
    assert problem_of(pipe).endswith("it is no plain file")
    assert problem_of(WatchedFile(tmp_path)).endswith("it is no plain file")
    assert time.monotonic() - began < 5


def test_no_more_than_a_bound_is_ever_read(file: WatchedFile) -> None:
    file.path.write_bytes(b"#" * BYTES_MAX)
    assert len(file.text()) == BYTES_MAX
    os.truncate(file.path, 1 << 40)  # a hole: nothing is written
    assert str(BYTES_MAX) in problem_of(file)


def test_no_path_is_in_what_is_wrong(file: WatchedFile) -> None:
    file.path.write_bytes(b"\xff")
    with pytest.raises(RegistryFileError) as raised:
        file.text()
    assert str(file.path.parent) not in f"{raised.value.message} {raised.value.facts}"


def test_reading_leaves_nothing_open(file: WatchedFile) -> None:
    file.text()
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208 -- both count the listing itself
    for _ in range(20):
        file.text()
        problem_of(WatchedFile(file.path.parent))
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208


# ------------------------------------------------------------------ the backup
def test_a_backup_is_read_as_it_was_written_last(tmp_path: Path) -> None:
    backup = BackupFile(tmp_path / "state" / "registry.yaml")
    backup.write("first " * 1_000)
    backup.write("second")
    assert BackupFile(backup.path).read() == "second"


def test_a_backup_is_nobody_elses_to_read_and_leaves_no_other_file(tmp_path: Path) -> None:
    backup = BackupFile(tmp_path / "state" / "registry.yaml")
    backup.write(TEXT)
    assert backup.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in backup.path.parent.iterdir()] == ["registry.yaml"]


def test_a_backup_that_was_never_written_is_away(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        BackupFile(tmp_path / "registry.yaml").read()


def test_a_backup_that_is_no_text_is_away(tmp_path: Path) -> None:
    (tmp_path / "registry.yaml").write_bytes(b"\xff")
    with pytest.raises(UnavailableError):
        BackupFile(tmp_path / "registry.yaml").read()


def test_a_backup_that_cannot_be_replaced_leaves_what_was_there(tmp_path: Path) -> None:
    backup = BackupFile(tmp_path / "registry.yaml")
    backup.write("sound")
    (tmp_path / f".registry.yaml.{os.getpid()}").mkdir()
    with pytest.raises(UnavailableError):
        backup.write("newer")
    assert backup.read() == "sound"


def test_a_reader_sees_one_backup_or_the_next_and_never_a_part(tmp_path: Path) -> None:
    backup = BackupFile(tmp_path / "registry.yaml")
    backup.write("a" * 50_000)
    descriptor = os.open(backup.path, os.O_RDONLY)
    backup.write("b" * 50_000)
    with os.fdopen(descriptor) as before:
        assert set(before.read()) == {"a"}
    assert set(backup.read()) == {"b"}
