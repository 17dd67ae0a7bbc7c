"""The wheel by itself: built, installed where no vendor's library is, and used."""

import os
import re
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.service.manager_kit import until
from tests.service.test_demo import READY
from tests.tidy.project import ROOT, SOURCE, files

VENDORS = ("libvirt", "libvirtmod", "pyVmomi", "sushy_tools", "psycopg", "pytest")
LIMIT_S = 60


def run(*words: str | Path, **environment: str) -> str:
    done = subprocess.run(
        list(map(str, words)), cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env={**os.environ, **environment}, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheel and sdist, built as `make wheel` does."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def fresh(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of the wheel, of what its metadata asks for, and of nothing else.

    The dependencies are not downloaded again, but linked from where this test runs.
    """
    place = tmp_path_factory.mktemp("fresh")
    run(sys.executable, "-m", "venv", "--without-pip", place)
    python = place / "bin/python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    wheel = next(built.glob("*.whl"))
    pip = (
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "--quiet",
        "--disable-pip-version-check",
    )
    run(*pip, "install", "--no-deps", "--no-index", wheel, PIP_FIND_LINKS="")
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        asked = Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist", [])
    for distribution in closure(asked):
        for name in tops(distribution) - {"..", "__pycache__"}:
            top, there = site / name, Path(str(distribution.locate_file(name)))
            if there.exists() and not top.exists():
                top.symlink_to(there)
    return place / "bin"


def tops(distribution: metadata.Distribution) -> set[str]:
    """What a distribution puts into its folder; Debian's packages do not list their files."""
    if distribution.files:
        return {file.parts[0] for file in distribution.files}
    named = distribution.read_text("top_level.txt") or distribution.name.replace("-", "_")
    return {name + ending for name in named.split() for ending in ("", ".py")}


def closure(asked: Iterable[str]) -> Iterator[metadata.Distribution]:
    """Every distribution that these requirements lead to, extras aside."""
    waiting, seen = list(asked), set()
    while waiting:
        requirement = Requirement(waiting.pop())
        extras = requirement.extras or {""}
        marker = requirement.marker
        if marker is not None and not marker.evaluate({"extra": ""}):
            continue
        key = (requirement.name.lower(), frozenset(extras))
        if key in seen:
            continue
        seen.add(key)
        found = metadata.distribution(requirement.name)
        for more in found.requires or []:
            inner = Requirement(more).marker
            if inner is None or any(inner.evaluate({"extra": extra}) for extra in {"", *extras}):
                waiting.append(str(without_marker(Requirement(more))))
        yield found


CONSOLE = SOURCE / "anypool/api/web"
"""What the web console is built to, in no commit."""


def without_marker(requirement: Requirement) -> Requirement:
    requirement.marker = None
    return requirement


def test_the_wheel_has_everything_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        packed = {name for name in archive.namelist() if name.startswith("anypool/")}
    there = {
        str(path.relative_to(SOURCE)) for path in files() if path.is_relative_to(SOURCE / "anypool")
    }
    console = {str(one.relative_to(SOURCE)) for one in CONSOLE.rglob("*") if one.is_file()}
    assert packed == there | console
    assert "anypool/py.typed" in packed


def test_the_sdist_can_be_built_from(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "src/anypool/app.py"} <= names
    assert not [name for name in names if name.startswith((".venv", ".state", "dist"))]


def test_no_vendors_library_is_there(fresh: Path) -> None:
    code = (
        "import importlib.util, sys\n"
        "print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])"
    )
    assert run(fresh / "python", "-c", code, *VENDORS).strip() == "[]"
    named = run(fresh / "python", "-c", "import anypool; print(anypool.__file__)")
    assert str(fresh.parent) in named


def test_every_module_that_needs_no_vendor_can_be_imported(fresh: Path) -> None:
    code = (
        "import importlib, pkgutil, anypool\n"
        "for found in pkgutil.walk_packages(anypool.__path__, 'anypool.'):\n"
        "    if not found.name.startswith(('anypool.drivers.libvirt', 'anypool.drivers.vsphere', "
        "'anypool.drivers.ipmi', 'anypool.lab.bmc', 'anypool.lab.blades', "
        "'anypool.store.migrations.env')):\n"
        "        importlib.import_module(found.name)\n"
    )
    run(fresh / "python", "-c", code)


def test_a_demo_from_the_wheel_alone(fresh: Path, tmp_path: Path) -> None:
    around = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config"),
              "TMPDIR": str(tmp_path), "PYTHONPATH": ""}  # fmt: skip
    (tmp_path / "config").mkdir()
    said = tmp_path / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [fresh / "anypool", "demo", "--listen", "127.0.0.1:0"],
            cwd="/", env={**os.environ, **around},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        until(
            lambda: process.poll() is not None or READY in said.read_text(), "it is ready", LIMIT_S
        )
        assert re.search(r"/login#code=\S+", said.read_text()), said.read_text()
        query = "tag = prod and memory >= 64GiB"
        found = run(fresh / "anypool", "vm", "list", "--filter", query, "-o", "name", **around)
        assert "orders-db-01" in found.split()
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_S) == 0
    finally:
        process.kill()
        process.wait()
    assert [path.name for path in tmp_path.iterdir()].count("said") == 1
    assert {path.name for path in tmp_path.rglob("*")} == {"config", "said"}


def test_a_vendor_that_is_not_there_is_named_with_the_way_to_get_it(
    fresh: Path, tmp_path: Path
) -> None:
    told = run(fresh / "anypool", "doctor", "--state", tmp_path / "state", "-o", "json")
    assert "python3-libvirt is not there" in told


def test_the_unit_names_this_very_program(fresh: Path) -> None:
    assert f"ExecStart={fresh}/anypool serve" in run(fresh / "anypool", "systemd-unit")
