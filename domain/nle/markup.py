"""Walks an XML document as it streams by, within limits, and lets nothing in that it would have to fetch.

Promises: no document type declaration beyond its bare name (`<!DOCTYPE fcpxml>`, which Final Cut writes):
no entity, no external reference, no internal subset; bounded depth, names and size of a tag; time linear in
the input, memory bounded. What is refused or not well-formed is FormatError (S4.5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NoReturn
from xml.parsers import expat

from domain.format.codec import require
from domain.format.errors import FormatError

DEPTH_MAX = 256
"""Projects nest bins and clips some 30 deep."""
ELEMENTS_MAX = 16_000_000
"""Some 20 seconds of looking; a Premiere project of 512 MiB has some 10 million."""
NAMES_MAX = 16_384
"""Different names of elements and attributes, all of which the parser keeps."""
NAME_CHARS_MAX = 256
TAG_BYTES_MAX = 4 * 1024 * 1024
"""Of one tag, comment or instruction: After Effects writes whole chunks into an attribute.
The parser looks at an unfinished one again with every piece: this bounds how often."""
TEXT_CHARS_MAX = 8_192
"""Of a text that is asked for; what is longer is no text of use."""


@dataclass(frozen=True, slots=True)
class Doctype:
    """The document says which root it has; nothing else of its declaration was read."""

    name: str


@dataclass(frozen=True, slots=True)
class Comment:
    text: str


@dataclass(frozen=True, slots=True)
class Element:
    name: str
    parent: str
    """Empty for the root."""
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Text:
    """Of one element, without that of elements within it."""

    name: str
    parent: str
    text: str | None
    """None if it is too long."""


Node = Doctype | Comment | Element | Text


def walk(
    pieces: Iterable[bytes],
    elements: frozenset[str] = frozenset(),
    texts: frozenset[str] = frozenset(),
) -> Iterator[Node]:
    """In document order: comments, the root, elements of these names, and texts of these others.

    Raises FormatError, after all that came before what is wrong.
    """
    document = _Document(elements, texts)
    for piece in pieces:
        yield from document.feed(piece, is_final=False)
    yield from document.feed(b"", is_final=True)


class _Document:
    """Most elements are nobody's wish: what is done for each of them is as little as can be."""

    def __init__(self, elements: frozenset[str], texts: frozenset[str]) -> None:
        self._elements, self._texts = elements, texts
        self._wanted = elements | texts
        self._met: list[Node] = []
        self._open: list[str] = [""]
        self._text: list[str] = []
        self._text_chars = 0
        self._text_depth = 0
        """How many elements were open when the one began whose text is gathered, itself counted."""
        self._fed_bytes = 0
        self._element_count = 0
        self._names: dict[str, object] = {}
        self._names_seen = 0
        self._parser = self._made_parser()

    def _made_parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate(None, None, self._names)
        parser.ordered_attributes = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = _refuse_declaration
        parser.UnparsedEntityDeclHandler = _refuse_declaration
        parser.NotationDeclHandler = _refuse_declaration
        parser.ExternalEntityRefHandler = _refuse_declaration
        parser.CommentHandler = self._comment
        parser.StartElementHandler = self._opened
        parser.EndElementHandler = self._closed
        return parser

    def feed(self, piece: bytes, *, is_final: bool) -> Iterator[Node]:
        refusal: FormatError | None = None
        try:
            self._parse(piece, is_final=is_final)
        except FormatError as error:
            refusal = error
        met, self._met = self._met, []
        yield from met
        if refusal is not None:
            raise refusal

    def _parse(self, piece: bytes, *, is_final: bool) -> None:
        self._fed_bytes += len(piece)
        try:
            self._parser.Parse(piece, is_final)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise FormatError(reason="its XML is not well-formed") from error
        require(self._element_count <= ELEMENTS_MAX, f"it has over {ELEMENTS_MAX} elements")
        self._check_names()
        unfinished = self._fed_bytes - max(0, self._parser.CurrentByteIndex)
        require(unfinished <= TAG_BYTES_MAX, f"it has a tag of over {TAG_BYTES_MAX} bytes")

    def _check_names(self) -> None:
        """The parser keeps every name it met, in the order in which it met them."""
        count = len(self._names)
        require(count <= NAMES_MAX, f"it has over {NAMES_MAX} different names")
        for name in islice(reversed(self._names), count - self._names_seen):
            require(len(name or "") <= NAME_CHARS_MAX, "a name in it is too long")
        self._names_seen = count

    def _doctype(self, name: str, system: str | None, public: str | None, has_subset: int) -> None:
        self._met.append(Doctype(name))
        if system is not None or public is not None or has_subset:
            _refuse_declaration()

    def _comment(self, text: str) -> None:
        self._met.append(Comment(text[:TEXT_CHARS_MAX]))

    def _opened(self, name: str, attributes: list[str]) -> None:
        self._open.append(name)
        self._element_count += 1
        depth = len(self._open) - 1
        if depth > DEPTH_MAX:
            raise FormatError(reason=f"its XML nests over {DEPTH_MAX} deep")
        if depth == 1 or name in self._wanted:
            self._meet(name, attributes)

    def _meet(self, name: str, attributes: list[str]) -> None:
        if name not in self._texts:
            named = dict(zip(attributes[::2], attributes[1::2], strict=True))
            self._met.append(Element(name, self._open[-2], named))
            return
        self._text, self._text_chars, self._text_depth = [], 0, len(self._open)
        self._parser.CharacterDataHandler = self._characters
        self._parser.EndElementHandler = self._closed_in_text

    def _closed(self, _: str) -> None:
        self._open.pop()

    def _closed_in_text(self, name: str) -> None:
        if len(self._open) == self._text_depth:
            text = "".join(self._text) if self._text_chars <= TEXT_CHARS_MAX else None
            self._met.append(Text(name, self._open[-2], text))
            self._parser.CharacterDataHandler = None
            self._parser.EndElementHandler = self._closed
        self._open.pop()

    def _characters(self, text: str) -> None:
        if len(self._open) == self._text_depth:
            self._text_chars += len(text)
            if self._text_chars <= TEXT_CHARS_MAX:
                self._text.append(text)


def _refuse_declaration(*_: object) -> NoReturn:
    raise FormatError(reason="its XML declares entities or refers to a document outside")
