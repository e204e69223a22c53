"""`docs/settings.md`, written from the model itself, so that it cannot fall behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic_core import PydanticUndefined

from infra.settings import PREFIX, SECRET_NAMES, Settings

HEAD = """\
# Settings

Every setting of Dits, generated from `infra/settings.py` by `dits settings --markdown`. A setting comes from
the environment (`DITS_<NAME>`) or from a TOML file, by its lower-case name without the prefix: the file that
`DITS_SETTINGS` names, or else `dits.toml` in the data directory. The environment wins. A secret may be named
by file: `DITS_NATS_PASSWORD_FILE` holds the path of a file that holds `DITS_NATS_PASSWORD`.

Units stand at the end of a name: `_bytes_max`, `_s` seconds, `_h` hours. An unknown, missing or wrong name
stops the start with exit code 78, and all such names are listed at once. `DITS_URL`, `DITS_API_KEY` and
`DITS_API_KEY_FILE` belong to the client's commands and are none of these.

| name | default | what it is |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class SettingLine:
    variable: str
    default: str
    meaning: str
    is_secret: bool


def setting_lines() -> Iterator[SettingLine]:
    for name, field in Settings.model_fields.items():
        unset = field.default is None or field.default is PydanticUndefined
        default = "" if unset else str(field.default)
        meaning = field.description or ""
        yield SettingLine(PREFIX + name.upper(), default, meaning, is_secret=name in SECRET_NAMES)


def settings_page() -> str:
    return HEAD + "".join(
        f"| `{line.variable}` | {f'`{line.default}`' if line.default else ''} "
        f"| {'Secret, or by file. ' if line.is_secret else ''}{line.meaning} |\n"
        for line in setting_lines()
    )
