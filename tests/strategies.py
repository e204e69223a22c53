"""What hypothesis draws: names, paths, recipes, trees, manifests, and whole snapshots as plain dicts."""

from __future__ import annotations

from functools import partial
from unicodedata import normalize

from hypothesis import strategies as st

from domain.format.chunking import CHUNK_BYTES_MAX
from domain.format.digest import Digest, digest_of
from domain.format.extension import Extension, Extensions
from domain.format.manifest import Manifest
from domain.format.packing.packing import GZIP_MAGIC, PACKED_BYTES_MAX, Manner, Packing
from domain.format.paths import broken_name_rule, case_key
from domain.format.recipe import ChunkRef, Recipe, Run, Stream
from domain.format.tree import Entry, EntryKind, Tree

Snapshot = dict[str, Entry]
"""A whole snapshot as a model: its files by path."""

digests: st.SearchStrategy[Digest] = st.binary(max_size=4).map(digest_of)
sizes = st.integers(0, 2**40)
names = (
    st.text(
        st.characters(exclude_categories=("Cc", "Cf", "Cn", "Cs", "Zl", "Zp"), exclude_characters="/\\"),
        min_size=1,
        max_size=12,
    )
    .map(partial(normalize, "NFC"))
    .filter(lambda text: broken_name_rule(text) is None)
)


@st.composite
def extensions(draw: st.DrawFn) -> Extensions:
    tags = draw(st.sets(st.integers(1, 0xFFFF), max_size=3))
    return tuple(Extension(tag, draw(st.binary(min_size=1, max_size=20))) for tag in sorted(tags))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    kind: EntryKind = draw(st.sampled_from(("recipe", "tree")))
    facts = draw(extensions()) if kind == "recipe" else ()
    return Entry(draw(names), kind, draw(digests), draw(sizes), facts)


trees = st.lists(entries(), min_size=1, max_size=8, unique_by=lambda e: case_key(e.name)).map(Tree.of)
chunk_refs = st.builds(ChunkRef, digests, st.integers(1, CHUNK_BYTES_MAX))


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Any valid recipe: streams that are used up by runs in an order that hypothesis chooses."""
    streams = draw(st.lists(st.lists(chunk_refs, min_size=1, max_size=4), max_size=3))
    left = [sum(chunk.size_bytes for chunk in chunks) for chunks in streams]
    runs: list[Run] = []
    while any(left):
        opened = max((run.stream for run in runs), default=-1) + 1
        ready = [i for i, size in enumerate(left[: opened + 1]) if size]
        stream = draw(st.sampled_from(ready))
        if runs and runs[-1].stream == stream:
            runs[-1] = Run(stream, runs[-1].size_bytes + left[stream])
            left[stream] = 0
            continue
        taken = draw(st.integers(1, left[stream]))
        left[stream] -= taken
        runs.append(Run(stream, taken))
    return Recipe(tuple(Stream.of(3, chunks) for chunks in streams), tuple(runs))


packings = st.builds(
    Packing,
    header=st.binary(max_size=20).map(GZIP_MAGIC.__add__),
    manner=st.builds(Manner, st.integers(1, 9), st.integers(1, 9), st.integers(0, 4)),
    size_bytes=st.integers(100, PACKED_BYTES_MAX),
    digest=digests,
)


@st.composite
def packed_recipes(draw: st.DrawFn) -> Recipe:
    chunks = draw(st.lists(chunk_refs, min_size=1, max_size=4))
    size_bytes = sum(chunk.size_bytes for chunk in chunks)
    return Recipe((Stream.of(3, chunks),), (Run(0, size_bytes),), draw(packings))


manifests = st.builds(
    Manifest,
    root=st.none() | digests,
    parents=st.lists(digests, max_size=8, unique=True).map(tuple),
    author=st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20),
    message=st.text(st.characters(exclude_categories=("Cc", "Cs"), include_characters="\t\n\r"), max_size=50),
    created_at_ms=st.integers(0, 253_402_300_799_999),
    extensions=extensions(),
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Few names, so that two snapshots share paths, and files here are directories there."""
    segment = st.sampled_from(("a", "b", "a.b", "\u65e5\u672c"))
    paths = draw(st.lists(st.lists(segment, min_size=1, max_size=4).map("/".join), max_size=8, unique=True))
    files: Snapshot = {}
    for path in paths:
        if not any(_lies_below(path, other) or _lies_below(other, path) for other in files):
            digest = draw(st.sampled_from((digest_of(b"1"), digest_of(b"2"))))
            files[path] = Entry(path.rpartition("/")[2], "recipe", digest, draw(st.integers(0, 2)))
    return files


def _lies_below(path: str, other: str) -> bool:
    return path.startswith(other + "/")
