"""XML from strangers: nothing is fetched or expanded, and what is out of bounds is refused (S4.5)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.errors import FormatError
from domain.nle.markup import (
    DEPTH_MAX,
    NAME_CHARS_MAX,
    NAMES_MAX,
    TAG_BYTES_MAX,
    TEXT_CHARS_MAX,
    Comment,
    Doctype,
    Element,
    Node,
    Text,
    walk,
)

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
DECLARATIONS = {
    "billion laughs": f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a>&l11;</a>',
    "entity of a file": '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
    "parameter entity": '<!DOCTYPE a [<!ENTITY % e SYSTEM "http://127.0.0.1/e"> %e;]><a/>',
    "document type outside": '<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>',
    "public document type": '<!DOCTYPE a PUBLIC "-//A//B" "http://127.0.0.1/a.dtd"><a/>',
    "internal subset": "<!DOCTYPE a []><a/>",
    "entity nobody declared": "<a>&e;</a>",
}


def walked(
    document: str | bytes, *, elements: str = "", texts: str = "", piece_bytes: int = 4096
) -> list[Node]:
    content = document.encode() if isinstance(document, str) else document
    pieces = (content[start : start + piece_bytes] for start in range(0, len(content), piece_bytes))
    return list(walk(pieces, frozenset(elements.split()), frozenset(texts.split())))


@pytest.mark.parametrize("document", DECLARATIONS.values(), ids=DECLARATIONS)
def test_nothing_is_declared_and_nothing_is_fetched(document: str) -> None:
    with pytest.raises(FormatError, match=r"declares entities|not well-formed"):
        walked(document)


def test_the_bare_name_of_a_document_type_does_no_harm() -> None:
    assert walked("<!DOCTYPE fcpxml><fcpxml/>") == [Doctype("fcpxml"), Element("fcpxml", "", {})]


def test_what_came_before_a_refusal_is_told() -> None:
    nodes = walk([DECLARATIONS["billion laughs"].encode()])
    assert next(nodes) == Doctype("a")
    with pytest.raises(FormatError):
        next(nodes)


@given(st.integers(min_value=1, max_value=80))
def test_it_does_not_matter_how_a_document_is_cut(piece_bytes: int) -> None:
    document = '<!--c--><r><a x="1">be<b>no</b>fore</a><M::a/><p>t&amp;t</p><q>no</q></r>'
    assert walked(document, elements="a", texts="p", piece_bytes=piece_bytes) == [
        Comment("c"),
        Element("r", "", {}),
        Element("a", "r", {"x": "1"}),
        Text("p", "r", "t&t"),
    ]


def test_the_text_of_elements_within_is_not_its_own() -> None:
    assert walked("<p>a<q>b</q>c</p>", texts="p")[-1] == Text("p", "", "ac")


def test_a_text_that_is_too_long_is_not_handed_over() -> None:
    texts = walked(f"<r><p>{'a' * TEXT_CHARS_MAX}</p><p>{'a' * (TEXT_CHARS_MAX + 1)}</p></r>", texts="p")[1:]
    assert texts == [Text("p", "r", "a" * TEXT_CHARS_MAX), Text("p", "r", None)]


def test_deep_nesting_is_refused() -> None:
    assert walked("<a>" * DEPTH_MAX + "</a>" * DEPTH_MAX, elements="")
    with pytest.raises(FormatError, match="deep"):
        walked("<a>" * (DEPTH_MAX + 1), elements="a")


def test_very_many_names_are_refused() -> None:
    with pytest.raises(FormatError, match="different names"):
        walked("<a>" + "".join(f"<b{n} c{n}=''/>" for n in range(NAMES_MAX // 2 + 1)) + "</a>")


@pytest.mark.parametrize("tag", ["{}", "a {}=''"])
def test_a_very_long_name_is_refused(tag: str) -> None:
    assert walked(f"<{tag.format('n' * NAME_CHARS_MAX)}/>")
    with pytest.raises(FormatError, match="name in it is too long"):
        walked(f"<{tag.format('n' * (NAME_CHARS_MAX + 1))}/>")


@pytest.mark.parametrize("begin", ["<a b='", "<!--", "<?a ", "<a><![CDATA[</a", "<"])
def test_a_tag_without_an_end_is_given_up(begin: str) -> None:
    with pytest.raises(FormatError):
        walked(begin + "x" * (2 * TAG_BYTES_MAX), piece_bytes=256 * 1024)


@pytest.mark.parametrize("encoding", ["shift_jis", "idna", "base64", "utf-7", "none-such", "\0"])
def test_an_odd_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(FormatError):
        walked(f'<?xml version="1.0" encoding="{encoding}"?><a/>')


@given(st.binary(max_size=200) | st.text("<>/a&;![]-'\"= ?x", max_size=60).map(str.encode))
def test_any_bytes_are_walked_or_refused(content: bytes) -> None:
    with contextlib.suppress(FormatError):
        assert walked(content, elements="a", texts="a", piece_bytes=7)
