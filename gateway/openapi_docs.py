"""What is published of the API beside its page: its frozen forms and its changelog.

``python -m gateway.openapi_docs`` writes both below ``docs/``. The wire that a published edition describes
never changes again; a test compares.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from gateway.openapi import document
from gateway.operations import OPERATIONS
from gateway.wire.changes import Entry, changelog
from gateway.wire.editions import EDITIONS

DOCS = Path("docs")
CHANGELOG_HEAD = """\
# What each version of the API changed

Generated from the transformations between neighbouring versions (`python -m gateway.openapi_docs`); a running
gateway tells the same at `/versions/changelog`. Older versions go on as they were: their requests and answers
are translated, and have the same effect. The bodies in full: `docs/openapi/`.
"""


def pages() -> Mapping[str, str]:
    """Each page's text by its place below ``docs/``."""
    described = {
        f"openapi/{edition}.json": json.dumps(document(OPERATIONS, edition), indent=1, sort_keys=True) + "\n"
        for edition in EDITIONS
    }
    return {**described, "api-changelog.md": changelog_page()}


def changelog_page() -> str:
    page, version = CHANGELOG_HEAD, ""
    for entry in changelog():
        if entry["version"] != version:
            version = entry["version"]
            page += f"\n## {version}\n"
        page += f"\n{told(entry)}\n"
    return page


def told(entry: Entry) -> str:
    """A change, for people."""
    operations = ", ".join(f"`{name}`" for name in entry["operations"])
    return f"**{entry['title']}.** {entry['about']} Concerns {operations}."


if __name__ == "__main__":
    for place, text in pages().items():
        target = DOCS / place
        target.parent.mkdir(exist_ok=True)
        target.write_text(text)
