"""Where contents are cut, written a second time from docs/formats.md alone, as `by_the_book` is."""

from __future__ import annotations

import hashlib
from typing import Any

from blake3 import blake3

GEAR = [int.from_bytes(hashlib.md5(bytes([b]) * 64).digest()[:8], "big") for b in range(256)]
PROFILES = {
    "opaque": (65_536, 262_144, 1_048_576, 0x0000D91747537000, 0x0000D90303537000),
    "wide": (262_144, 1_048_576, 4_194_304, 0x0000D93767537000, 0x0000D90707537000),
    "video": (262_144, 1_048_576, 4_194_304, 0x0000D93767537000, 0x0000D90707537000),
    "audio": (16_384, 65_536, 262_144, 0x0000D90303537000, 0x0000D90303537000),
    "skeleton": (4_096, 16_384, 65_536, 0x0000D90303537000, 0x0000D90103530000),
}


def cut_lengths(profile: str, rest: bytes) -> list[int]:
    lengths = []
    start = 0
    while start < len(rest):
        lengths.append(first_cut(profile, rest, start))
        start += lengths[-1]
    return lengths


def first_cut(profile: str, content: bytes, start: int) -> int:
    least, average, most, before, after = PROFILES[profile]
    size = len(content) - start
    if size <= least:
        return size
    n, h = min(size, most), 0
    for i in range(least, n - n % 2):
        h = (2 * h + GEAR[content[start + i]]) % 2**64
        if h & (before if i < average else after) == 0:
            return i
    return n


def picture_cuts(groups: list[list[int]], rest: bytes) -> list[int]:
    """Lengths of the chunks of a picture track, from the sizes of its samples, group by group."""
    units: list[tuple[int, bool]] = []
    free = True
    for samples in groups:
        parts = [sum(samples)] if sum(samples) <= 4_194_304 else samples
        begins = free or sum(samples) >= 262_144
        for part in filter(None, parts):
            units.append((part, begins))
            begins = False
        free = sum(samples) >= 262_144 if sum(samples) else free
    lengths: list[int] = []
    length = at = 0
    for i, (unit, _) in enumerate(units):
        at += unit
        length += unit
        following, begins = units[i + 1] if i + 1 < len(units) else (0, True)
        if begins or length + following > 4_194_304 or ends_chunk(rest[at - unit : at], length):
            lengths += [4_194_304] * ((length - 1) // 4_194_304)
            lengths.append((length - 1) % 4_194_304 + 1)
            length = 0
    return lengths


def ends_chunk(unit: bytes, length: int) -> bool:
    if len(unit) >= 524_288:
        return True
    probe = unit[len(unit) // 2 :][:4096]
    return length >= 65_536 and int.from_bytes(blake3(probe).digest()[:8], "big") < len(unit) * 2**45


def xof(seed: str, size_bytes: int) -> bytes:
    return blake3(seed.encode()).digest(length=size_bytes)


def content(case: dict[str, Any]) -> bytes:
    """The bytes that a case of cuts.json describes."""
    size: int = case["size_bytes"]
    if case["generator"] == "zeros":
        return bytes(size)
    if case["generator"] == "repeat":
        period = xof(case["seed"], case["period_bytes"])
        return (period * (size // len(period) + 1))[:size]
    return xof(case["seed"], size)


def cuts() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = []
    for profile, (least, average, most, *_) in PROFILES.items():
        if profile == "video":  # FastCDC cuts it as it cuts wide
            continue
        sizes = [0, 1, least, least + 1, average + 1, most + 1]
        plain: list[dict[str, Any]] = [
            *({"generator": "xof", "seed": "dits cuts", "size_bytes": size} for size in sizes),
            {"generator": "xof", "seed": f"dits cuts {profile}", "size_bytes": 8 * most + 7},
            {"generator": "zeros", "size_bytes": 2 * most + 3},
            {"generator": "repeat", "seed": "dits", "period_bytes": 4096, "size_bytes": 2 * most + 1},
            {"generator": "repeat", "seed": "b", "period_bytes": least + 1111, "size_bytes": 3 * most},
        ]
        cases += [{"profile": profile} | case for case in plain]
    for case in cases:
        whole = content(case)
        case["digest"] = blake3(whole).hexdigest()
        case["chunk_sizes"] = cut_lengths(case["profile"], whole)
    return cases


def pictures() -> list[dict[str, Any]]:
    long = [[400_000] + [50_000] * 99, [1_000_000], [70_000] * 80]
    cases: list[dict[str, Any]] = [
        {"why": "nothing", "groups": []},
        {"why": "one picture", "groups": [[7]]},
        {"why": "groups that are a chunk each", "groups": [[200_000, 62_144], [4_194_304], [262_144]]},
        {"why": "short groups", "groups": [[9_000, 3_000, 0, 2_000]] * 150},
        {"why": "short groups beside long ones", "groups": [[9_000], [262_144], [9_000], [0], [262_143]]},
        {"why": "groups above the largest chunk", "groups": long},
        {"why": "a picture above the largest chunk", "groups": [[9_000_000], [5], [4_194_305]]},
    ]
    for case in cases:
        whole = xof("dits pictures", sum(map(sum, case["groups"])))
        case |= {"seed": "dits pictures", "digest": blake3(whole).hexdigest()}
        case["chunk_sizes"] = picture_cuts(case["groups"], whole)
    return cases
