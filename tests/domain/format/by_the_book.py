"""The stored formats written a second time, from docs/formats.md alone, without a line of domain/format.

It made the vectors: ``python -m tests.domain.format.by_the_book``. Slow and plain on purpose.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from blake3 import blake3

from tests.domain.format import cuts_by_the_book

VECTORS = Path(__file__).parents[3] / "docs" / "format-vectors"
NAMED = "1f8b0808000000000003" + b"Film.prproj".hex() + "00"
UNUSUAL = {"level": 9, "mem_level": 1, "strategy": 4}


def u(width: int, value: int) -> bytes:
    return value.to_bytes(width, "big")


def sealed(magic: bytes, body: bytes, version: int = 1) -> bytes:
    framed = magic + u(1, version) + body
    return framed + blake3(framed).digest()


def block(extensions: list[dict[str, Any]]) -> bytes:
    return b"".join(
        u(2, e["tag"]) + u(2, len(e["value"]) // 2) + bytes.fromhex(e["value"]) for e in extensions
    )


def recipe_body(fields: dict[str, Any]) -> bytes:
    body = u(8, fields["size_bytes"]) + u(1, len(fields["streams"])) + u(4, len(fields["runs"]))
    for stream in fields["streams"]:
        body += u(1, stream["profile_id"]) + u(4, len(stream["chunks"]))
        for chunk in stream["chunks"]:
            body += bytes.fromhex(chunk["digest"]) + u(4, chunk["size_bytes"])
    for run in fields["runs"]:
        body += u(1, run["stream"]) + u(8, run["size_bytes"])
    return body + packing_body(fields["packing"]) if "packing" in fields else body


def packing_body(fields: dict[str, Any]) -> bytes:
    header, manner = bytes.fromhex(fields["header"]), fields["manner"]
    body = u(2, len(header)) + header
    body += u(1, manner["level"]) + u(1, manner["mem_level"]) + u(1, manner["strategy"])
    return body + u(8, fields["size_bytes"]) + bytes.fromhex(fields["digest"])


def tree_body(fields: dict[str, Any]) -> bytes:
    body = u(4, len(fields["entries"]))
    for entry in fields["entries"]:
        name, extensions = entry["name"].encode(), block(entry["extensions"])
        body += u(1, {"recipe": 1, "tree": 2}[entry["kind"]]) + bytes.fromhex(entry["digest"])
        body += u(8, entry["size_bytes"]) + u(2, len(name)) + u(2, len(extensions)) + name + extensions
    return body


def manifest_body(fields: dict[str, Any]) -> bytes:
    author: bytes = fields["author"].encode()
    message: bytes = fields["message"].encode()
    extensions = block(fields["extensions"])
    root = u(1, 0) if fields["root"] is None else u(1, 1) + bytes.fromhex(fields["root"])
    parents = u(1, len(fields["parents"])) + b"".join(map(bytes.fromhex, fields["parents"]))
    texts = u(2, len(author)) + author + u(4, len(message)) + message
    return root + parents + u(8, fields["created_at_ms"]) + texts + u(2, len(extensions)) + extensions


BODIES = {
    "recipes": (b"DITR", recipe_body),
    "trees": (b"DITT", tree_body),
    "manifests": (b"DITM", manifest_body),
}


def encoded(kind: str, fields: dict[str, Any]) -> bytes:
    magic, body = BODIES[kind]
    return sealed(magic, body(fields), version=2 if "packing" in fields else 1)


def named(kind: str, why: str, fields: dict[str, Any]) -> dict[str, Any]:
    whole = encoded(kind, fields)
    return {"why": why, "fields": fields, "encoded": whole.hex(), "name": blake3(whole).hexdigest()}


def digest(seed: str) -> str:
    return blake3(seed.encode()).hexdigest()


def chunk(seed: str, size_bytes: int) -> dict[str, Any]:
    return {"digest": digest(seed), "size_bytes": size_bytes}


def stream(profile_id: int, *chunks: dict[str, Any]) -> dict[str, Any]:
    return {"profile_id": profile_id, "chunks": list(chunks)}


def recipe(streams: list[dict[str, Any]], runs: list[tuple[int, int]]) -> dict[str, Any]:
    size_bytes = sum(size for _, size in runs)
    return {
        "size_bytes": size_bytes,
        "streams": streams,
        "runs": [{"stream": index, "size_bytes": size} for index, size in runs],
    }


def packing(**fields: Any) -> dict[str, Any]:
    manner = {"level": 6, "mem_level": 8, "strategy": 0} | fields.pop("manner", {})
    header = "1f8b0800000000000003"
    return {"header": header, "manner": manner, "size_bytes": 4_000, "digest": digest("packed")} | fields


def entry(
    name: str, kind: str, size_bytes: int, extensions: tuple[tuple[int, str], ...] = ()
) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "digest": digest(name),
        "size_bytes": size_bytes,
        "extensions": [{"tag": tag, "value": value} for tag, value in extensions],
    }


def tree(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"entries": list(entries)}


def manifest(**fields: Any) -> dict[str, Any]:
    plain = {"root": digest("root"), "parents": [], "author": "ada", "message": "", "created_at_ms": 0}
    return plain | {"extensions": []} | fields


def recipes() -> list[dict[str, Any]]:
    video, sound, bones = (
        stream(3, chunk("v1", 900_000), chunk("v2", 700_000)),
        stream(4, chunk("a", 65_536)),
        stream(5, chunk("s", 48)),
    )
    interleaved = [(0, 40), (1, 800_000), (2, 32_768), (1, 800_000), (2, 32_768), (0, 8)]
    big = stream(1, *(chunk(f"c{i}", 1_048_576) for i in range(3)), chunk("end", 1))
    project = recipe([stream(5, chunk("x1", 16_384), chunk("x2", 9_000))], [(0, 25_384)])
    return [
        named("recipes", "the empty file", recipe([], [])),
        named("recipes", "one byte", recipe([stream(1, chunk("x", 1))], [(0, 1)])),
        named("recipes", "an opaque file", recipe([big], [(0, 3_145_729)])),
        named(
            "recipes",
            "the same chunk twice, wide",
            recipe([stream(2, *[chunk("w", 4_194_304)] * 2)], [(0, 8_388_608)]),
        ),
        named("recipes", "three streams, interleaved", recipe([bones, video, sound], interleaved)),
        named("recipes", "a packed project", project | {"packing": packing()}),
        named("recipes", "packed with a name", project | {"packing": packing(header=NAMED, manner=UNUSUAL)}),
    ]


def trees() -> list[dict[str, Any]]:
    facts = ((1, "00"), (700, "c0ffee"))
    return [
        named("trees", "one file", tree(entry("film.mp4", "recipe", 1))),
        named(
            "trees", "an empty file and a directory", tree(entry("a", "tree", 7), entry("a.txt", "recipe", 0))
        ),
        named(
            "trees",
            "sorted by bytes",
            tree(
                *(
                    entry(n, "recipe", 5)
                    for n in ["B", "a", "a b", "a-b", "\u00e9", "\u65e5\u672c", "\U0001f3ac"]
                )
            ),
        ),
        named("trees", "an extension block", tree(entry("cut.mov", "recipe", 2**40, facts))),
        named("trees", "the longest name, the largest size", tree(entry("n" * 1024, "recipe", 2**63 - 1))),
    ]


def manifests() -> list[dict[str, Any]]:
    parents = [digest(f"parent {i}") for i in range(8)]
    return [
        named(
            "manifests", "a first commit", manifest(message="the first cut", created_at_ms=1_700_000_000_000)
        ),
        named("manifests", "a commit without files", manifest(root=None, parents=parents[:1])),
        named(
            "manifests", "eight parents", manifest(parents=parents, author="\u00e9mile", message="a\n\tb\r\n")
        ),
        named(
            "manifests",
            "the last moment, a fact",
            manifest(created_at_ms=253_402_300_799_999, extensions=[{"tag": 65_535, "value": "01"}]),
        ),
    ]


def no(kind: str, why: str, whole: bytes, code: str = "FORMAT_INVALID") -> dict[str, Any]:
    return {"kind": kind, "why": why, "code": code, "encoded": whole.hex()}


def refused() -> list[dict[str, Any]]:
    damaged = "MANIFEST_CORRUPTED"
    good = sealed(b"DITM", manifest_body(manifest()))
    frames = [
        no("manifests", "empty", b"", damaged),
        no("manifests", "cut short", good[:-1], damaged),
        no("manifests", "one bit flipped", bytes([good[0] ^ 1]) + good[1:], damaged),
        no("manifests", "bytes behind the trailer", good + b"\0", damaged),
        no("manifests", "bytes before the trailer", sealed(b"DITM", manifest_body(manifest()) + b"\0")),
        no("manifests", "an unknown version", sealed(b"DITM", manifest_body(manifest()), version=2)),
        no("manifests", "a recipe", encoded("recipes", recipe([], []))),
        no("manifests", "a body that ends early", sealed(b"DITM", b"\0\0")),
    ]
    return frames + refused_recipes() + refused_trees() + refused_manifests()


def refused_recipes() -> list[dict[str, Any]]:
    one, two = stream(1, chunk("x", 9)), stream(1, chunk("y", 9))
    cases = {
        "a chunk of no bytes": recipe([stream(1, chunk("x", 0))], []),
        "a chunk beyond its profile": recipe([stream(1, chunk("x", 1_048_577))], [(0, 1_048_577)]),
        "a chunk beyond every profile": recipe([stream(3, chunk("x", 4_194_305))], [(0, 4_194_305)]),
        "an unknown profile": recipe([stream(6, chunk("x", 9))], [(0, 9)]),
        "profile 0": recipe([stream(0, chunk("x", 9))], [(0, 9)]),
        "a stream without chunks": recipe([one, stream(1)], [(0, 9)]),
        "a stream without runs": recipe([one, two], [(0, 9)]),
        "a run of no bytes": recipe([one], [(0, 9), (0, 0)]),
        "neighbouring runs of one stream": recipe([one], [(0, 4), (0, 5)]),
        "streams out of the order of use": recipe([one, two], [(1, 9), (0, 9)]),
        "a run of no stream": recipe([one], [(0, 9), (1, 1)]),
        "runs that leave bytes": recipe([one], [(0, 8)]),
        "runs that take too many bytes": recipe([one], [(0, 10)]),
        "another size": recipe([one], [(0, 9)]) | {"size_bytes": 8},
    }
    nine = recipe([one], [(0, 9)])
    packings = {
        "a packing without a gzip header": packing(header=""),
        "a packing of something else": packing(header="504b0304"),
        "a packing with a long header": packing(header="1f8b08" + "00" * 4094, size_bytes=9_000),
        "a packing at level 0": packing(manner={"level": 0}),
        "a packing at level 10": packing(manner={"level": 10}),
        "a packing without memory": packing(manner={"mem_level": 0}),
        "a packing with too much memory": packing(manner={"mem_level": 10}),
        "a packing by no strategy": packing(manner={"strategy": 5}),
        "a packed file that is its header": packing(size_bytes=10),
        "a packed file above the limit": packing(size_bytes=67_108_865),
    }
    many = stream(3, *[chunk("v", 4_194_304)] * 129)
    cases |= {why: nine | {"packing": each} for why, each in packings.items()}
    cases["a packed empty file"] = recipe([], []) | {"packing": packing()}
    cases["unpacked bytes above the limit"] = recipe([many], [(0, 541_065_216)]) | {"packing": packing()}
    whole = {why: encoded("recipes", fields) for why, fields in cases.items()}
    whole["version 2 without a packing"] = sealed(b"DITR", recipe_body(nine), version=2)
    whole["version 1 with a packing"] = sealed(b"DITR", recipe_body(nine | {"packing": packing()}))
    whole["an unknown version"] = sealed(b"DITR", recipe_body(nine), version=3)
    return [no("recipes", why, each) for why, each in whole.items()]


def refused_trees() -> list[dict[str, Any]]:
    file = entry("a", "recipe", 1)
    names = ["", ".", "..", "a/b", "a\\b", "a\0", "a\n", "e\u0301", "\u200b", "\u2028", "\u0378", "n" * 1025]
    cases = {
        "no entry": tree(),
        "names out of order": tree(entry("b", "recipe", 1), file),
        "a name twice": tree(file, file),
        "names that differ in case": tree(entry("A", "recipe", 1), file),
        "names that fold alike": tree(entry("STRASSE", "recipe", 1), entry("stra\u00dfe", "recipe", 1)),
        "a directory with an extension": tree(entry("a", "tree", 1, ((1, "00"),))),
        "extension tags out of order": tree(entry("a", "recipe", 1, ((2, "00"), (1, "00")))),
        "an extension tag twice": tree(entry("a", "recipe", 1, ((1, "00"), (1, "00")))),
        "extension tag 0": tree(entry("a", "recipe", 1, ((0, "00"),))),
        "an empty extension": tree(entry("a", "recipe", 1, ((1, ""),))),
        "an oversize extension block": tree(entry("a", "recipe", 1, ((1, "00" * 4093),))),
        "a size beyond the limit": tree(entry("a", "recipe", 2**63)),
        "sizes beyond the limit": tree(file, entry("b", "recipe", 2**63 - 1)),
    } | {f"the name {name[:8]!a}": tree(entry(name, "recipe", 1)) for name in names}
    third = tree_body(tree(file))
    raw = {
        "a third kind of entry": third[:4] + b"\3" + third[5:],
        "a name that is no UTF-8": third.replace(b"\0\1\0\0a", b"\0\1\0\0\xff"),
        "more entries than there are": u(4, 2) + third[4:],
        "an extension item cut short": third[:-5] + b"\0\1\0\3a" + b"\0\1\0",
    }
    whole = {why: encoded("trees", fields) for why, fields in cases.items()}
    return [
        no("trees", why, each)
        for why, each in (whole | {w: sealed(b"DITT", b) for w, b in raw.items()}).items()
    ]


def refused_manifests() -> list[dict[str, Any]]:
    cases = {
        "nine parents": manifest(parents=[digest(f"{i}") for i in range(9)]),
        "a parent twice": manifest(parents=[digest("p")] * 2),
        "a time beyond the year 9999": manifest(created_at_ms=253_402_300_800_000),
        "no author": manifest(author=""),
        "a long author": manifest(author="a" * 257),
        "an author of two lines": manifest(author="a\nb"),
        "a message with NUL": manifest(message="\0"),
        "a message with an escape": manifest(message="\x1b[2J"),
    }
    flag = sealed(b"DITM", b"\2" + manifest_body(manifest())[1:])
    return [no("manifests", "root flag 2", flag)] + [
        no("manifests", w, encoded("manifests", f)) for w, f in cases.items()
    ]


ALL = {
    "cuts": cuts_by_the_book.cuts,
    "pictures": cuts_by_the_book.pictures,
    "recipes": recipes,
    "trees": trees,
    "manifests": manifests,
    "refused": refused,
}

if __name__ == "__main__":
    for file_name, make in ALL.items():
        VECTORS.joinpath(f"{file_name}.json").write_text(json.dumps(make(), indent=1) + "\n")
