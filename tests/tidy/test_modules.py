"""Modules stay small, well named and in their place."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

from tests.tidy.project import PACKAGE, SOURCE, imported, modules, shown, tree

MODULE_LINES = 400
FUNCTION_LINES = 70
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "tools"}
VENDOR_SDKS = {"libvirt": "drivers/libvirt", "libvirt_qemu": "drivers/libvirt"}


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("tests", [False, True])
def test_no_module_is_longer_than_400_lines(tests: bool) -> None:
    long = {shown(path): line_count(path) for path in modules(tests=tests)}
    assert {name: lines for name, lines in long.items() if lines > MODULE_LINES} == {}


def test_no_function_is_longer_than_70_lines() -> None:
    long = {
        f"{shown(path)}:{node.lineno} {node.name}": lines
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}


def test_no_module_is_a_drawer_for_everything() -> None:
    named = [shown(path) for path in modules() if FORBIDDEN_NAMES & {path.stem, path.parent.name}]
    assert named == []


def test_modules_do_not_import_each_other_in_circles() -> None:
    graph = grimp.build_graph("anypool", cache_dir=None)
    needs = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as found:
        pytest.fail(" -> ".join(found.args[1]))


def test_a_vendor_library_is_imported_in_its_driver_only() -> None:
    strays = [
        f"{shown(path)} imports {name}"
        for path in modules()
        for name, _ in imported(path)
        if (home := VENDOR_SDKS.get(name.partition(".")[0]))
        and not path.is_relative_to(PACKAGE / home)
    ]
    assert strays == []


def test_a_driver_is_loaded_by_the_registry_only() -> None:
    folders = [f"anypool.drivers.{path.parent.name}" for path in driver_folders()]
    strays = [
        f"{shown(path)} imports {name}"
        for path in modules()
        for name, at_once in imported(path)
        for folder in folders
        if at_once
        and (name == folder or name.startswith(f"{folder}."))
        and not path.is_relative_to(SOURCE / folder.replace(".", "/"))
    ]
    assert strays == []


def test_the_product_starts_without_any_vendor_library() -> None:
    """Also through the libraries of others: only a process that connects may load them."""
    code = (
        "import importlib, pkgutil, sys, anypool\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print(*sorted({'libvirt', 'libvirtmod'} & set(sys.modules)))"
    )
    starters = [
        name
        for name in ("anypool.app", "anypool.cli.main", "anypool.drivers.worker")
        if (SOURCE / f"{name.replace('.', '/')}.py").exists()
    ]
    loaded = subprocess.run(
        [sys.executable, "-c", code, *starters],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert loaded.stdout.split() == []


def test_every_driver_says_what_it_was_seen_against() -> None:
    silent = [
        shown(path.parent)
        for path in driver_folders()
        if not (path.parent / "quality.toml").is_file()
    ]
    assert silent == []


def driver_folders() -> list[Path]:
    """The `__init__.py` of each driver."""
    return sorted((PACKAGE / "drivers").glob("*/__init__.py"))
