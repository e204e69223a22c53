"""The wheel `dits-client`: built, installed and used where the repository cannot be seen (decision 0070)."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORMAT = ROOT / "domain" / "format"

TRY = """
import dits_client, sys
from dits_client.format.recipe import ChunkRef, Recipe
recipe = Recipe.opaque([ChunkRef.of(b"film")])
assert Recipe.decode(recipe.encode()) == recipe
assert not [name for name in sys.modules if name.split(".")[0] in {"domain", "gateway", "infra", "nats"}]
print(dits_client.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(command, cwd=ROOT / "gateway" / "client", check=True, capture_output=True)
    return next(place.glob("dits_client-*.whl"))


def test_the_wheel_works_where_the_repository_is_not(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([sys.executable, *install, str(wheel)], check=True, capture_output=True)
    others = [path for path in sys.path if path.endswith("site-packages")]
    program = f"import sys; sys.path[:0] = {[str(target)]!r}; sys.path += {others!r}\n{TRY}"
    command = [sys.executable, "-I", "-S", "-c", program]
    tried = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    assert tried.stdout.startswith(str(target))


def test_the_wheels_formats_are_the_servers(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        carried = {
            name.removeprefix("dits_client/format/"): packed.read(name)
            for name in packed.namelist()
            if name.startswith("dits_client/format/")
        }
    ours = {file.relative_to(FORMAT).as_posix(): file.read_bytes() for file in FORMAT.rglob("*.py")}
    assert carried == ours


def test_the_wheel_holds_no_links_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        links = [each.filename for each in packed.infolist() if each.external_attr >> 28 == 0o12]
        strange = [
            name
            for name in packed.namelist()
            if not name.endswith((".py", "py.typed")) and "dist-info" not in name
        ]
    assert (links, strange) == ([], [])
