"""Project files made by hand, as the programs write them, for the tests of `domain.nle`."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Sequence

from domain.format.media.source import BytesSource
from domain.nle.examining import examine
from domain.nle.project import NleProject

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
PATHS = ("/Volumes/Film/A001.mov", "/Volumes/Film/A002.mov")


def examined(content: bytes) -> NleProject:
    """What is found in a file that is known to be a project."""
    project = examine(BytesSource(content))
    assert project is not None
    return project


def premiere_xml(version: str = "42", paths: Sequence[str] = PATHS, more: str = "") -> bytes:
    media = "".join(
        f'\t<Media ObjectUID="{number}" Version="30">\n\t\t<FilePath>{path}</FilePath>\n'
        f"\t\t<Title>{number}</Title>\n\t\t<ActualMediaFilePath>{path}</ActualMediaFilePath>\n\t</Media>\n"
        for number, path in enumerate(paths)
    )
    return (
        f'{DECLARATION}<PremiereData Version="3">\n\t<Project ObjectRef="1"/>\n'
        f'\t<Project ObjectID="1" ClassID="62ad66dd-0dcd-42da-a660-6d8fbde94876" Version="{version}">\n'
        f'\t\t<Node Version="1"/>\n\t</Project>\n{media}{more}</PremiereData>\n'
    ).encode()


def premiere(version: str = "42", paths: Sequence[str] = PATHS, more: str = "") -> bytes:
    return gzip.compress(premiere_xml(version, paths, more), mtime=0)


def resolve_members(version: str = "19.1.3.0007", paths: Sequence[str] = PATHS) -> dict[str, str]:
    """Names with two colons are no slip: Resolve writes them."""
    clips = "".join(
        f"<Element><Sm2TiVideoClip><MediaFilePath>{path}</MediaFilePath></Sm2TiVideoClip></Element>"
        for path in paths
    )
    stamp = f'{DECLARATION}<!--DbAppVer="{version}" DbPrjVer="14"-->\n'
    return {
        "MediaPool/Master/MpFolder.xml": f"{stamp}<Sm2MpFolder><FieldsBlob/></Sm2MpFolder>",
        "project.xml": f'{stamp}<SM_Project DbId="1"><ListMgt::LmList/></SM_Project>',
        "SeqContainer/1f0c.xml": f"{stamp}<Sm2SequenceContainer>{clips}</Sm2SequenceContainer>",
    }


def resolve(version: str = "19.1.3.0007", paths: Sequence[str] = PATHS) -> bytes:
    return zipped(resolve_members(version, paths))


def zipped(members: dict[str, str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return target.getvalue()


def fcpx(version: str = "1.10", paths: Sequence[str] = PATHS) -> bytes:
    assets = "".join(
        f'<asset id="r{number}"><media-rep kind="original-media" src="file://{path}"/></asset>'
        for number, path in enumerate(paths)
    )
    return (
        f'{DECLARATION}<!DOCTYPE fcpxml>\n\n<fcpxml version="{version}">'
        f"<resources>{assets}</resources></fcpxml>"
    ).encode()


def version_word(major: int, minor: int = 0, patch: int = 0) -> bytes:
    """As After Effects packs it: system 13, a release, build 7."""
    word = major >> 3 << 26 | 13 << 22 | (major & 7) << 19 | minor << 15 | patch << 11 | 1 << 9 | 7
    return word.to_bytes(4, "big")


def head_chunk(major: int) -> bytes:
    return bytes(4) + version_word(major, 1, 2) + bytes(20)


def chunk(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "big") + content + bytes(len(content) % 2)


def alias(path: str) -> bytes:
    return json.dumps({"fullpath": path, "platform": "MacPOSIX"}).encode()


def aftereffects(major: int = 24, paths: Sequence[str] = PATHS) -> bytes:
    items = b"".join(
        chunk(b"LIST", b"Item" + chunk(b"LIST", b"Als2" + chunk(b"alas", alias(path)))) for path in paths
    )
    text = chunk(b"LIST", b"btdk" + b"no chunks in here")
    body = b"Egg!" + chunk(b"head", head_chunk(major)) + chunk(b"LIST", b"Fold" + text + items)
    return chunk(b"RIFX", body) + b"<?xpacket begin=?><x:xmpmeta/>"


def aepx(major: int = 24, paths: Sequence[str] = PATHS) -> bytes:
    items = "".join(
        f'<Item><Als2><fileReference fullpath="{path}"/><alas bdata="{alias(path).hex()}"/></Als2></Item>'
        for path in paths
    )
    return (
        f'{DECLARATION}<AfterEffectsProject xmlns="http://www.adobe.com/products/aftereffects">'
        f'<head bdata="{head_chunk(major).hex()}"/><Fold>{items}</Fold></AfterEffectsProject>'
    ).encode()
