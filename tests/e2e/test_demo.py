"""The demo, as a newcomer runs it."""

from __future__ import annotations

import subprocess

import pytest

from tests.house.source import ROOT

DEMO_S = 300
ACTS = 8


@pytest.mark.long
def test_the_demo_holds() -> None:
    command = ("make", "demo")
    ran = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=DEMO_S)
    assert ran.returncode == 0, ran.stdout[-3_000:] + ran.stderr[-1_000:]
    for number in range(1, ACTS + 1):
        assert f"\n{number}. " in ran.stdout
    assert "Everything held" in ran.stdout
