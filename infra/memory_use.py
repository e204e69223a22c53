"""How much of its memory this process has in use: of its cgroup's limit, or of the machine (port MemoryUse).

Promises: the sources in the order of V9.3f: cgroup v2, cgroup v1, the system's total; a group without a limit
is none, and of nested groups the tightest counts. File pages that the kernel gives back by itself before it
kills anybody (`inactive_file`) are not in use: else every large upload would look like pressure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path("/")
GROUPS = "sys/fs/cgroup"
OWN_GROUPS = "proc/self/cgroup"


@dataclass(frozen=True, slots=True)
class Use:
    """Of one group, or of the machine."""

    used_bytes: int
    limit_bytes: int

    @property
    def ratio(self) -> float:
        return min(1.0, max(0, self.used_bytes) / self.limit_bytes)


@dataclass(frozen=True, slots=True)
class Names:
    """Of one generation of cgroups: its files, and what in `memory.stat` can be reclaimed."""

    used: str
    limit: str
    reclaimable: str


V2 = Names("memory.current", "memory.max", "inactive_file")
V1 = Names("memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file")


def system_use() -> Use:
    """Of the whole machine: what its kernel could not give to a process now."""
    memory = psutil.virtual_memory()
    return Use(memory.total - memory.available, memory.total)


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """The memory that this process shares with nobody who would give way; a test plants another `root`."""

    root: Path = ROOT
    system: Callable[[], Use] = system_use

    def ratio(self) -> float:
        machine = self.system()
        for uses in (self._unified(), self._of_memory_controller()):
            limited = [use.ratio for use in uses if 0 < use.limit_bytes < machine.limit_bytes]
            if limited:
                return max(limited)
        return machine.ratio

    def _unified(self) -> Iterator[Use]:
        """cgroup v2: one line ``0::/path`` for all controllers."""
        for line in self._own_groups():
            if line.startswith("0::"):
                yield from self._upwards(self.root / GROUPS, line.removeprefix("0::"), V2)

    def _of_memory_controller(self) -> Iterator[Use]:
        """cgroup v1: ``5:memory:/path``, below a mount of its own."""
        for line in self._own_groups():
            _, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            if "memory" in controllers.split(","):
                yield from self._upwards(self.root / GROUPS / "memory", path, V1)

    def _own_groups(self) -> list[str]:
        text = _read(self.root / OWN_GROUPS)
        return text.splitlines() if text else []

    def _upwards(self, mount: Path, path: str, names: Names) -> Iterator[Use]:
        """Every group from ours to the mount. In a container our path may be one that only the host knows:
        then the mount itself is our group."""
        own = mount / path.strip("/")
        for group in (own, *own.parents):
            use = _use(group, names)
            if use is not None:
                yield use
            if group == mount:
                return


def _use(group: Path, names: Names) -> Use | None:
    """None if the group has no limit, or is not there."""
    used, limit = _read(group / names.used), _read(group / names.limit)
    if used is None or limit is None or not limit.strip().isdigit():
        return None
    return Use(int(used) - _reclaimable(group, names.reclaimable), int(limit))


def _reclaimable(group: Path, name: str) -> int:
    for line in (_read(group / "memory.stat") or "").splitlines():
        key, _, bytes_ = line.partition(" ")
        if key == name:
            return int(bytes_)
    return 0


def _read(file: Path) -> str | None:
    try:
        return file.read_text()
    except OSError:
        return None  # another generation of cgroups, another system, a group that just ended
