"""The pipeline's memory does not grow with the file: measured from outside, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

STORE = """
import sys
from pathlib import Path
from random import Random
from bench.store import rss_mb_max
from domain.format.chunking import PROFILES
from infra.clock import SystemIds
from infra.objects.local import LocalStore
from infra.objects.pipeline import StorePipeline
from infra.objects.verified import VerifiedStore

root, size_mib, profile = Path(sys.argv[1]), int(sys.argv[2]), PROFILES[int(sys.argv[3])]
pipeline = StorePipeline(VerifiedStore(LocalStore("hot", root, SystemIds())), threads=4)
random = Random(1)
for part in pipeline.store((random.randbytes(1 << 20) for _ in range(size_mib)), profile):
    pass
pipeline.close()
print(rss_mb_max())
"""


def rss_mb(root: Path, size_mib: int, profile: int) -> float:
    command = [sys.executable, "-c", STORE, str(root), str(size_mib), str(profile)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.long
@pytest.mark.parametrize("profile", [0, 1])
def test_a_file_of_a_gibibyte_needs_no_more_memory_than_the_limit(tmp_path: Path, profile: int) -> None:
    assert rss_mb(tmp_path / "small", 200, profile) < 200
    assert rss_mb(tmp_path / "large", 1024, profile) < 200
