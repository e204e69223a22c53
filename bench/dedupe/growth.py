"""By how much an edit lets each tool's store grow, as a table and as the goals of issue 4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.row import Row

OURS = "Dits"
UNSEEN_FACTOR = 1.2
RESTIC_SHARE_MAX = 0.30
MB_PER_CPU_SECOND_MIN = 800


@dataclass(frozen=True, slots=True)
class Growth:
    edit: str
    size_bytes: int
    unseen_bytes: int
    """In samples that the base has not."""
    other_bytes: int
    """In no sample."""
    is_encoded: bool
    """The picture is new."""
    new_bytes: Mapping[str, int]
    """What each tool stored of it."""

    @property
    def bound_bytes(self) -> float:
        return UNSEEN_FACTOR * self.unseen_bytes + self.other_bytes


def table(growths: Sequence[Growth]) -> Iterator[str]:
    """In MB, in Markdown, with what was stored of all of them in the last line."""
    tools = list(growths[0].new_bytes)
    yield _line("MB", "size", "unseen samples", "other bytes", *tools, f"{OURS} / bound")
    yield "|---" * (len(tools) + 5) + "|"
    for each in growths:
        numbers = (each.size_bytes, each.unseen_bytes, each.other_bytes, *each.new_bytes.values())
        yield _line(each.edit, *map(_mb, numbers), f"{each.new_bytes[OURS] / each.bound_bytes:.2f}")
    sums = (sum(each.new_bytes[tool] for each in growths) for tool in tools)
    sizes, unseen = sum(each.size_bytes for each in growths), sum(each.unseen_bytes for each in growths)
    others = sum(each.other_bytes for each in growths)
    yield _line("in sum", *map(_mb, (sizes, unseen, others, *sums)), "")


def goals(growths: Sequence[Growth]) -> Iterator[Row]:
    copied = [each for each in growths if not each.is_encoded]
    ours, bound = (
        sum(each.new_bytes[OURS] for each in copied),
        sum(each.bound_bytes for each in copied),
    )
    yield Row(
        f"new bytes of {len(copied)} edits that copy samples",
        f"{_mb(ours)} MB",
        f"{_mb(bound)} MB: 1.2 x unseen samples + all other bytes",
        ours / bound,
        "<= 1.00",
        ours <= bound,
    )
    for tool in growths[0].new_bytes:
        if tool != OURS:
            yield _share(growths, tool, RESTIC_SHARE_MAX if tool == "restic" else None)


def pace(mb_per_cpu_second: Mapping[str, float]) -> Iterator[Row]:
    ours, goal = mb_per_cpu_second[OURS], MB_PER_CPU_SECOND_MIN
    what = "MB per CPU-second: read, lay out, cut and hash the base"
    yield Row(what, f"{ours:.0f}", f"{goal}", ours / goal, ">= 1.00", ours >= goal)
    yield from _compared("the same beside all that a backup takes", mb_per_cpu_second)


def fineness(chunks_per_gb: Mapping[str, float]) -> Iterator[Row]:
    yield from _compared("chunks per GB", chunks_per_gb)


def _compared(what: str, figures: Mapping[str, float]) -> Iterator[Row]:
    ours = figures[OURS]
    for tool, theirs in figures.items():
        if tool != OURS:
            yield Row(what, f"{ours:.0f}", f"{tool}: {theirs:.0f}", ours / theirs, "printed only", None)


def _share(growths: Sequence[Growth], tool: str, share_max: float | None) -> Row:
    ours = sum(each.new_bytes[OURS] for each in growths)
    theirs = sum(each.new_bytes[tool] for each in growths)
    reached = ours <= share_max * theirs if share_max else None
    reach = f"<= {share_max:.2f}" if share_max else "printed only"
    what = f"new bytes of all {len(growths)} edits"
    return Row(what, f"{_mb(ours)} MB", f"{tool}: {_mb(theirs)} MB", ours / theirs, reach, reached)


def _mb(size_bytes: float) -> str:
    return f"{size_bytes / 1e6:.2f}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
