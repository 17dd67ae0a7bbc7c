"""The project's files and modules, for the checks in this folder."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "anypool"


def files() -> list[Path]:
    """Everything git tracks or would track, so that no check depends on what was built here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    """Every text file of the project, with its content."""
    for path in files():
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def modules(*, tests: bool = False) -> list[Path]:
    """The package's modules, with `tests` those of tests and benchmarks instead."""
    python = [path for path in files() if path.suffix == ".py"]
    return [path for path in python if path.is_relative_to(SOURCE) != tests]


def tree(path: Path) -> ast.Module:
    """A module as a syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """The modules a module imports, and whether it does so while it is being imported itself."""
    module = tree(path)
    top_level = {id(node) for node in module.body}
    for node in ast.walk(module):
        at_once = id(node) in top_level
        if isinstance(node, ast.Import):
            yield from ((name.name, at_once) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, at_once


def shown(path: Path) -> str:
    """A path as people say it."""
    return str(path.relative_to(ROOT))
