"""The project's own source, read and parsed once for all house tests."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("domain", "projections", "workers", "gateway", "infra")
PACKAGES = (*PRODUCT, "tests")
CODE = (*PACKAGES, "bench")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    path: str
    """From the root, with slashes."""
    text: str
    tree: ast.Module

    @property
    def is_test(self) -> bool:
        return self.path.startswith("tests/")

    every_node: tuple[ast.AST, ...]
    """Walked once: a walk costs more than all that the rules do with it."""

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}"

    def nodes(self) -> Iterator[ast.AST]:
        return iter(self.every_node)

    def functions(self) -> Iterator[Function]:
        return (node for node in self.nodes() if isinstance(node, Function))

    def classes(self) -> Iterator[ast.ClassDef]:
        return (node for node in self.nodes() if isinstance(node, ast.ClassDef))

    def imports(self) -> Iterator[tuple[ast.AST, str]]:
        """Every absolute import as ``package.module.name`` (a name may be a module or not)."""
        for node in self.nodes():
            if isinstance(node, ast.Import):
                yield from ((node, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def modules() -> tuple[Module, ...]:
    return tuple(_modules())


def product() -> Iterator[Module]:
    return (module for module in modules() if module.path.split("/")[0] in PRODUCT)


@cache
def tracked_texts() -> tuple[tuple[str, str], ...]:
    """Path and content of every tracked text file; of every file, where there is no git."""
    found: list[tuple[str, str]] = []
    for path in _tracked():
        if path.is_file() and not path.is_symlink():
            raw = path.read_bytes()
            if b"\0" not in raw:
                found.append((path.relative_to(ROOT).as_posix(), raw.decode(errors="replace")))
    return tuple(found)


def expect_none(found: Sequence[str]) -> None:
    """Fails with every finding on a line of its own."""
    assert not found, "\n" + "\n".join(found)


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of a name or an attribute; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def body_lines(node: Function) -> int:
    """From the line of its ``def`` to its last, the docstring not counted (style rule 6)."""
    assert node.end_lineno is not None
    first = node.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0
    return node.end_lineno - node.lineno + 1 - docstring


def _modules() -> Iterator[Module]:
    for package in CODE:
        for path in sorted((ROOT / package).rglob("*.py")):
            linked = any(above.is_symlink() for above in (path, *path.parents) if above != ROOT)
            if not linked:
                text = path.read_text()
                tree = ast.parse(text)
                yield Module(path.relative_to(ROOT).as_posix(), text, tree, tuple(ast.walk(tree)))


def _tracked() -> Iterator[Path]:
    if (ROOT / ".git").exists():
        command = ["git", "-C", str(ROOT), "ls-files", "-z"]
        names = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        yield from (ROOT / name for name in names.split("\0") if name)
        return
    for part in (*CODE, "docs", "deploy", ".ci"):
        yield from (path for path in (ROOT / part).rglob("*") if "__pycache__" not in path.parts)
