"""What is stored, as bytes: chunks, recipes, trees and manifests by digest, files by commit and path (I8).

Promises: only what lives in this repository is read by its digest; every chunk is hashed by the store before
a byte of it is sent, and a wrong one ends the connection; answers are made chunk by chunk, in flat memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from domain.errors import ChunkNotFoundError, CorruptObjectError, NotFoundError
from domain.format.errors import FormatError
from domain.format.packing.packing import Packing
from domain.format.packing.repacking import packed
from domain.format.recipe import Piece, Recipe
from domain.ids import DIGEST_BYTES, Digest, parse_digest, parse_path
from domain.ports import ObjectKind, ObjectName, ObjectStore
from domain.snapshots import find
from domain.successions import newest
from gateway import frames
from gateway.core import Core, Limits
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation
from gateway.ranges import Span, asked_span, is_known
from gateway.routes.commits import published_in_path

BLOCK_BYTES = 1 << 20
"""Sent at once: a few chunks, so that small ones do not each cost a change of threads."""
HELD_BYTES_MAX = 16 << 20
"""Of a file whose streams are interleaved: each run goes on in the chunk that its stream stood in.

Enough for two tracks of pictures and a hundred of sound; beyond it a chunk may be fetched again."""
FOREVER = ("Cache-Control", "private, max-age=31536000, immutable")
"""Its name is the hash of what it is; private, because a repository may be hidden again."""


ASK_AGAIN = ("Cache-Control", "private, no-cache")
SUPERSEDED_BY = "X-Dits-Superseded-By"
"""The recipe to read instead: it rebuilds the same bytes, and its chunks stay."""


def get_chunks(core: Core, call: Call[Nothing]) -> Answer:
    """Frames, in the order asked."""
    names = frames.digests(call.content, count_max=core.limits.get_chunks_max)
    spares = _spares(core, call, names)
    _refuse_unless_live(core, call, "chunks", [name for name in names if name not in spares])
    framed = (frames.frame(name, _chunk(core, name, spares)) for name in names)
    return Answer(_begun(framed))


def _spares(core: Core, call: Call[Nothing], names: Sequence[Digest]) -> frozenset[Digest]:
    """Those that only superseded recipes name: for clients that began with one of these."""
    missing = core.presence.missing(call.repo, "chunks", names, call.after)
    return missing - core.presence.missing(call.repo, "spares", missing, None) if missing else missing


def _chunk(core: Core, name: Digest, spares: frozenset[Digest]) -> bytes:
    """A spare may be gone, and nothing is lost by it."""
    try:
        return core.store.get(ObjectName("chunks", name))
    except ChunkNotFoundError as gone:
        if name in spares:
            raise NotFoundError(thing="chunk", name=name.hex()) from gone
        raise


def get_object(kind: ObjectKind) -> Callable[[Core, Call[Nothing]], Answer]:
    def get(core: Core, call: Call[Nothing]) -> Answer:
        name = parse_digest(call.path["digest"])
        etag = f'"{name.hex()}"'
        _refuse_unless_live(core, call, kind, [name])
        headers = (("ETag", etag), *(_succession(core, call, name) if kind == "recipes" else (FOREVER,)))
        if is_known(call.headers, etag):
            return Answer(status=304, headers=headers)
        return Answer(core.store.get(ObjectName(kind, name)), headers=headers)

    return get


def _succession(core: Core, call: Call[Nothing], recipe: Digest) -> tuple[tuple[str, str], ...]:
    """A recipe stays as it is; what stands for it does not, so it is asked for again."""
    successor = newest(core.log, call.repo, recipe)
    return (ASK_AGAIN,) if successor == recipe else (ASK_AGAIN, (SUPERSEDED_BY, successor.hex()))


def read_file(core: Core, call: Call[Nothing]) -> Answer:
    path = parse_path(call.path["path"])
    entry = find(published_in_path(core, call).tree, path, core.content.tree)
    if entry is None or entry.kind != "recipe":
        raise NotFoundError(thing="file", name=path)
    etag = f'"{entry.digest.hex()}"'
    headers = [("ETag", etag), FOREVER, ("Accept-Ranges", "bytes")]
    if is_known(call.headers, etag):
        return Answer(status=304, headers=tuple(headers))
    recipe = core.content.recipe(newest(core.log, call.repo, entry.digest))
    whole = Span(0, recipe.size_bytes)
    span = asked_span(call.headers, etag, recipe.size_bytes) if call.method == "GET" else None
    if span is not None:
        headers.append(("Content-Range", span.of(recipe.size_bytes)))
    sent = whole if span is None else span
    return Answer(
        iter(()) if call.method == "HEAD" else _begun(_parts(core, recipe, sent)),
        status=200 if span is None else 206,
        headers=tuple(headers),
        length_bytes=sent.size_bytes,
    )


def _refuse_unless_live(core: Core, call: Call[Nothing], kind: ObjectKind, names: Sequence[Digest]) -> None:
    """Raises NotFoundError; NotYetConsistentError if what is missing may only not have been seen yet."""
    missing = core.presence.missing(call.repo, kind, names, call.after)
    if missing:
        missing = core.presence.missing(call.repo, kind, missing, core.log.end())
    for name in names:
        if name in missing:
            raise NotFoundError(thing=kind.removesuffix("s"), name=name.hex())


class Chunks:
    """Chunks of one file, each fetched once: where streams are interleaved, each goes on in its own."""

    def __init__(self, store: ObjectStore, streams: int) -> None:
        self._store = store
        self._count_max = streams
        self._held = OrderedDict[Digest, bytes]()
        """In the order in which they will be let go."""
        self._held_bytes = 0

    def part(self, piece: Piece) -> bytes:
        """Raises CorruptObjectError also for a chunk that is shorter than the recipe says."""
        chunk = self._held.get(piece.digest) or self._fetch(piece.digest)
        end = piece.offset + piece.size_bytes
        if end > len(chunk):
            raise CorruptObjectError(name=piece.digest.hex())
        self._held.move_to_end(piece.digest, last=end < len(chunk))
        return chunk[piece.offset : end]

    def _fetch(self, name: Digest) -> bytes:
        chunk = self._store.get(ObjectName("chunks", name))
        while self._held and self._is_full(len(chunk)):
            self._held_bytes -= len(self._held.popitem(last=False)[1])
        self._held[name] = chunk
        self._held_bytes += len(chunk)
        return chunk

    def _is_full(self, more_bytes: int) -> bool:
        return len(self._held) >= self._count_max or self._held_bytes + more_bytes > HELD_BYTES_MAX


def _parts(core: Core, recipe: Recipe, span: Span) -> Iterator[bytes]:
    if recipe.packing is not None:
        return span.within(_packed(core, recipe, recipe.packing))
    chunks = Chunks(core.store, len(recipe.streams))
    return map(chunks.part, recipe.pieces(span.start, span.stop))


def _packed(core: Core, recipe: Recipe, packing: Packing) -> Iterator[bytes]:
    """Raises CorruptObjectError if it does not come out as it was, before its first byte."""
    unpacked = recipe.unpacked
    whole = Span(0, unpacked.size_bytes)
    try:
        yield from packed(lambda: _parts(core, unpacked, whole), packing)
    except FormatError as wrong:
        raise CorruptObjectError(name=recipe.digest.hex()) from wrong


def _begun(parts: Iterable[bytes]) -> Iterator[bytes]:
    """In larger blocks, of which the first is made now: what is wrong with it is still said as an error."""
    blocks = _joined(parts)
    first = next(blocks, None)
    return iter(()) if first is None else chain((first,), blocks)


def _joined(parts: Iterable[bytes]) -> Iterator[bytes]:
    block, size_bytes = list[bytes](), 0
    for part in parts:
        block.append(part)
        size_bytes += len(part)
        if size_bytes >= BLOCK_BYTES:
            yield b"".join(block)
            block, size_bytes = [], 0
    if block:
        yield b"".join(block)


def _digests_limit(limits: Limits) -> int:
    return limits.get_chunks_max * DIGEST_BYTES


def _object_operation(kind: ObjectKind, about: str) -> AnyOperation:
    path = f"/repos/{{repo}}/{kind}/{{digest}}"
    return Operation(f"{kind}.get", "GET", path, "read", Nothing, get_object(kind), about)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        "chunks.get",
        "POST",
        "/repos/{repo}/chunks",
        "read",
        Nothing,
        get_chunks,
        "Chunks by their digests, 32 bytes each, as frames in the order asked.",
        takes="bytes",
        limit_bytes=_digests_limit,
    ),
    _object_operation("recipes", "An encoded recipe: how a file is put together from chunks."),
    _object_operation("trees", "An encoded tree: one directory."),
    _object_operation("manifests", "An encoded manifest: what a commit stands for."),
    Operation(
        "files.read",
        "GET",
        "/repos/{repo}/commits/{commit}/files/{path:path}",
        "read",
        Nothing,
        read_file,
        "A file of a published commit, or one range of its bytes.",
    ),
)
