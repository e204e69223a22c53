"""Where the ratio of memory in use comes from, in the order of V9.3f, over planted trees of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.memory_use import ProcessMemory, Use, system_use

MACHINE = Use(used_bytes=250, limit_bytes=1_000)
UNLIMITED_V1 = "9223372036854771712"


def plant(root: Path, **files: object) -> ProcessMemory:
    """Files by their path, with ``__`` for a slash."""
    for name, content in files.items():
        file = root / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n")
    return ProcessMemory(root, lambda: MACHINE)


def v2(group: str, used: int, limit: object, stat: str = "") -> dict[str, object]:
    at = f"sys__fs__cgroup{group}__memory"
    return {f"{at}.current": used, f"{at}.max": limit, f"{at}.stat": stat}


def v1(group: str, used: int, limit: object, stat: str = "") -> dict[str, object]:
    at = f"sys__fs__cgroup__memory{group}__memory"
    return {f"{at}.usage_in_bytes": used, f"{at}.limit_in_bytes": limit, f"{at}.stat": stat}


BOTH = "4:cpu,memory:/old\n0::/new"


def test_the_second_generation_of_cgroups_comes_first(tmp_path: Path) -> None:
    memory = plant(tmp_path, proc__self__cgroup=BOTH, **v2("__new", 80, 100), **v1("__old", 10, 100))
    assert memory.ratio() == 0.80


def test_the_first_generation_is_next(tmp_path: Path) -> None:
    memory = plant(tmp_path, proc__self__cgroup=BOTH, **v2("__new", 80, "max"), **v1("__old", 10, 100))
    assert memory.ratio() == 0.10


@pytest.mark.parametrize("limit", [UNLIMITED_V1, "1000"])
def test_a_limit_that_the_machine_does_not_reach_is_none(tmp_path: Path, limit: str) -> None:
    memory = plant(tmp_path, proc__self__cgroup=BOTH, **v1("__old", 10, limit))
    assert memory.ratio() == MACHINE.ratio == 0.25


def test_without_cgroups_it_is_the_machines(tmp_path: Path) -> None:
    assert plant(tmp_path).ratio() == 0.25


def test_file_pages_that_are_given_back_are_not_in_use(tmp_path: Path) -> None:
    second = plant(
        tmp_path / "2", proc__self__cgroup="0::/a", **v2("__a", 90, 100, "anon 1\ninactive_file 40")
    )
    stat = "inactive_file 1\ntotal_inactive_file 30"
    first = plant(tmp_path / "1", proc__self__cgroup="4:memory:/a", **v1("__a", 90, 100, stat))
    assert (second.ratio(), first.ratio()) == (0.5, 0.6)


def test_of_nested_groups_the_tightest_counts(tmp_path: Path) -> None:
    groups = {**v2("__a", 60, 100), **v2("__a__b", 20, "max"), **v2("__a__b__c", 10, 50)}
    assert plant(tmp_path, proc__self__cgroup="0::/a/b/c", **groups).ratio() == 0.6


def test_in_a_container_the_mount_itself_is_our_group(tmp_path: Path) -> None:
    """Its path is the host's, and not there."""
    memory = plant(tmp_path, proc__self__cgroup="4:memory:/docker/5e", **v1("", 70, 100))
    assert memory.ratio() == 0.70


def test_more_than_everything_is_everything(tmp_path: Path) -> None:
    memory = plant(tmp_path, proc__self__cgroup="0::/", **v2("", 120, 100))
    assert memory.ratio() == 1.0


def test_this_very_machine_tells_something_sensible() -> None:
    assert 0 < ProcessMemory().ratio() <= 1
    assert 0 < system_use().used_bytes < system_use().limit_bytes
