"""Media facts written a second time, from docs/formats.md alone, without a line of domain/format.

It made the vector: ``python -m tests.domain.format.facts_by_the_book``.
"""

from __future__ import annotations

import json
from typing import Any

from tests.domain.format.by_the_book import VECTORS, u

KINDS = ["", "video", "audio", "timecode", "text", "other"]
RANGES = [None, "hdr10", "hdr10+", "dolby-vision", "hlg"]
MASTERING = "33c286c41d4c0bb884d03e803d134042009896800000003200"[:48]
DYNAMIC = "b5003c000104" + "01" * 20


def v(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value % 128 + 128]) + v(value // 128)


def f(value: list[int]) -> bytes:
    return v(value[0]) + v(value[1])


def text(value: str) -> bytes:
    return u(1, len(value.encode())) + value.encode()


def sized(value: str) -> bytes:
    return v(len(value) // 2) + bytes.fromhex(value)


def row(track: dict[str, Any]) -> bytes:
    made = v(track["track_id"]) + u(1, KINDS.index(track["kind"])) + text(track["codec"])
    made += text(track["language"]) + v(track["start_ms"]) + v(track["duration_ms"]) + v(track["samples"])
    flags, parts = 0, b""
    if (picture := track["picture"]) is not None:
        flags, parts = 1, v(picture["width"]) + v(picture["height"]) + f(picture["rate"])
    if (sound := track["sound"]) is not None:
        flags, parts = flags + 2, parts + v(sound["channels"]) + v(sound["sample_rate"])
    if (varying := track["variable"]) is not None:
        flags, parts = flags + 4, parts + rate_map(varying)
    if (timecode := track["timecode"]) is not None:
        flags, parts = flags + 8, parts + v(timecode["frames"]) + u(1, timecode["nominal"])
        parts += f(timecode["rate"]) + u(1, timecode["is_drop"])
    return made + u(1, flags) + parts + bytes.fromhex(track["more"])


def rate_map(varying: dict[str, Any]) -> bytes:
    names = ("timescale", "shortest", "longest", "spell_count")
    made = b"".join(v(varying[name]) for name in names) + v(len(varying["spells"]))
    return made + b"".join(v(spell["count"]) + v(spell["value"]) for spell in varying["spells"])


def items(facts: dict[str, Any]) -> list[tuple[int, bytes]]:
    container = text(facts["brand"]) + u(1, facts["is_fragmented"])
    container += b"".join(v(facts[name]) for name in ("duration_ms", "errors", "warnings", "left_out"))
    rows = [row(track) for track in facts["tracks"]]
    made = [(1, container), (2, v(facts["track_count"]) + b"".join(v(len(each)) + each for each in rows))]
    hdr, colour, sync = facts["hdr"], facts["hdr"]["colour"], facts["sync"]
    told = u(1, RANGES.index(hdr["type"])) + bytes(
        colour[name] for name in ("primaries", "transfer", "matrix")
    )
    told += u(1, colour["is_full_range"])
    for name in ("mastering_display", "content_light", "dynamic", "dolby_vision"):
        told += sized(hdr[name])
    if told != bytes([0, 2, 2, 2, 0, 0, 0, 0, 0]):
        made.append((3, told))
    made.append((4, v(sync["drift_ms"]) + v(sync["gap_count"]) + u(1, sync["is_paired"])))
    return made + [(tag, bytes.fromhex(value)) for tag, value in facts["more"]]


def framed(parts: list[tuple[int, bytes]], version: int = 1) -> bytes:
    return u(1, version) + b"".join(u(1, tag) + u(2, len(value)) + value for tag, value in parts)


def track(number: int, kind: str, codec: str, **fields: Any) -> dict[str, Any]:
    plain = {
        "track_id": number,
        "kind": kind,
        "codec": codec,
        "language": "",
        "start_ms": 0,
        "duration_ms": 2000,
        "samples": 50,
        "picture": None,
        "sound": None,
        "variable": None,
        "timecode": None,
        "more": "",
    }
    return plain | fields


def facts(*tracks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    colour = {"primaries": 2, "transfer": 2, "matrix": 2, "is_full_range": False}
    hdr: dict[str, Any] = {"type": None, "colour": colour, "mastering_display": "", "content_light": ""}
    plain: dict[str, Any] = {
        "brand": "isom",
        "is_fragmented": False,
        "duration_ms": 2000,
        "errors": 0,
        "warnings": 0,
        "track_count": len(tracks),
        "tracks": list(tracks),
        "hdr": hdr | {"dynamic": "", "dolby_vision": ""},
        "sync": {"drift_ms": 0, "gap_count": 0, "is_paired": len(tracks) > 1},
        "left_out": 0,
        "more": [],
    }
    return plain | fields


FILM = {"width": 3840, "height": 2160, "rate": [30_000, 1001]}
PICTURE = track(1, "video", "hvc1.2.4.L153.B0", picture=FILM)
SOUND = track(
    2, "audio", "mp4a.40.2", language="eng", samples=95, sound={"channels": 2, "sample_rate": 48_000}
)


def accepted() -> dict[str, dict[str, Any]]:
    label = {"frames": 107_892, "nominal": 30, "rate": [30_000, 1001], "is_drop": True}
    spells = [{"count": 30, "value": 512}, {"count": 20, "value": 1024}]
    outline = {"timescale": 12_800, "shortest": 512, "longest": 1024, "spell_count": 2, "spells": spells}
    colour = {"primaries": 9, "transfer": 16, "matrix": 9, "is_full_range": True}
    hdr = {"type": "hdr10+", "colour": colour, "mastering_display": MASTERING, "content_light": "03e80190"}
    dolby = hdr | {"type": "dolby-vision", "dolby_vision": "01001045" + "00" * 20}
    late = SOUND | {"start_ms": 500, "duration_ms": 2_500}
    return {
        "no track": facts(),
        "picture and sound": facts(PICTURE, SOUND),
        "sound that drifts": facts(PICTURE, late, sync={"drift_ms": 500, "gap_count": 1, "is_paired": True}),
        "a timecode": facts(
            PICTURE, SOUND, track(3, "timecode", "tmcd", samples=1, timecode=label), brand="qt  "
        ),
        "a varying rate": facts(PICTURE | {"variable": outline}, is_fragmented=True),
        "a varying rate in outline": facts(PICTURE | {"variable": outline | {"spells": []}}, left_out=1),
        "hdr10+": facts(PICTURE, hdr=hdr | {"dynamic": DYNAMIC, "dolby_vision": ""}),
        "dolby vision": facts(PICTURE, hdr=dolby | {"dynamic": ""}),
        "tracks left out": facts(track(1, "audio", "mp4a"), track_count=128, left_out=3),
        "issues, no ftyp": facts(brand="", errors=2, warnings=300),
        "a long film": facts(PICTURE | {"duration_ms": 2**63 - 1}, duration_ms=2**63 - 1),
        "items of a later writer": facts(PICTURE | {"more": "07"}, more=[[9, "0102"], [255, ""]]),
    }


def refused() -> dict[str, bytes]:
    parts = items(facts(PICTURE, SOUND))
    container, tracks, sync = parts
    rate = bytes.fromhex("b0ea01") + b"\xe9\x07"
    return {
        "empty": b"",
        "version 2": framed(parts, version=2),
        "no container": framed([tracks, sync]),
        "no sync": framed([container, tracks]),
        "items out of order": framed([tracks, container, sync]),
        "an item twice": framed([container, container, tracks, sync]),
        "an item cut short": framed(parts)[:-1],
        "bytes behind the container's fields": framed([(1, container[1] + b"\0"), tracks, sync]),
        "bytes behind the sync's fields": framed([container, tracks, (4, sync[1] + b"\0")]),
        "a number not in its shortest form": framed([container, (2, b"\x80\0"), sync]),
        "a number of 64 bits": framed([container, (2, b"\x80" * 9 + b"\1"), sync]),
        "a fraction not in lowest terms": framed(parts).replace(rate, v(60_000) + v(2002)),
        "a fraction without a denominator": framed([container, (2, v(1) + sized(no_denominator())), sync]),
        "a sixth kind of track": framed(parts).replace(b"\1\1\x10hvc1", b"\1\6\x10hvc1"),
        "a dynamic range that says nothing": framed(
            [container, tracks, (3, bytes([0, 2, 2, 2, 0, 0, 0, 0, 0])), sync]
        ),
        "a fifth dynamic range": framed([container, tracks, (3, bytes([5, 2, 2, 2, 0, 0, 0, 0, 0])), sync]),
        "more than 4000 bytes": framed([*parts, (9, bytes(4000))]),
    }


def no_denominator() -> str:
    return row(PICTURE | {"picture": FILM | {"rate": [1, 0]}}).hex()


def vectors() -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [
        {"why": why, "fields": fields, "encoded": framed(items(fields)).hex()}
        for why, fields in accepted().items()
    ]
    no = [{"why": why, "code": "FORMAT_INVALID", "encoded": raw.hex()} for why, raw in refused().items()]
    return made + no


if __name__ == "__main__":
    VECTORS.joinpath("media-facts.json").write_text(json.dumps(vectors(), indent=1) + "\n")
