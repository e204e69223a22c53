"""Large files past the page cache: the bytes are right, and the cache stays small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.clock import SystemIds
from infra.objects.page_cache import WINDOW_BYTES, read_blocks, write_blocks

SIZES = [0, 1, WINDOW_BYTES - 1, WINDOW_BYTES, WINDOW_BYTES + 1, 3 * WINDOW_BYTES + 5]


@pytest.mark.parametrize("size_bytes", SIZES)
def test_what_is_written_is_read(tmp_path: Path, size_bytes: int) -> None:
    content = SystemIds().token(size_bytes)
    blocks = [content[at : at + 1_000_003] for at in range(0, size_bytes, 1_000_003)]
    assert write_blocks(tmp_path / "file", blocks) == size_bytes
    assert b"".join(bytes(block) for block in read_blocks(tmp_path / "file")) == content


@pytest.mark.parametrize("start", [0, 1, WINDOW_BYTES, WINDOW_BYTES + 5, 2 * WINDOW_BYTES + 100])
def test_reading_can_begin_anywhere(tmp_path: Path, start: int) -> None:
    content = SystemIds().token(2 * WINDOW_BYTES + 100)
    write_blocks(tmp_path / "file", [content])
    assert b"".join(bytes(block) for block in read_blocks(tmp_path / "file", start)) == content[start:]


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    write_blocks(tmp_path / "file", [b"old"])
    with pytest.raises(FileExistsError):
        write_blocks(tmp_path / "file", [b"new"])
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_source_that_fails_leaves_no_open_descriptor(tmp_path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield b"some"
        raise ConnectionError

    before = len(list(Path("/dev/fd").iterdir()))
    with pytest.raises(ConnectionError):
        write_blocks(tmp_path / "file", failing())
    assert len(list(Path("/dev/fd").iterdir())) == before
