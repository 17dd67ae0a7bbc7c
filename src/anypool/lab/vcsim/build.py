"""Building the simulated vCenter out of Debian's source, once per recipe."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from anypool.errors import NotSupported
from anypool.lab.commands import run
from anypool.lab.locks import locked
from anypool.lab.places import default_cache_dir
from anypool.lab.vcsim.repairs import REPAIRS, repaired

BUILD_LIMIT_S = 300.0
GOPATH = Path("/usr/share/gocode")
SIMULATOR = GOPATH / "src/github.com/vmware/govmomi/simulator"
_MISSING = "install Debian's golang-go and golang-github-vmware-govmomi-dev"
_OURS = ("main.go", "extension.go", "deeds.go", "sites.go")


def missing() -> str:
    """Return what is missing for building it, "" if nothing is."""
    if not SIMULATOR.is_dir():
        return "golang-github-vmware-govmomi-dev"
    return "" if shutil.which("go") else "golang-go"


def build(cache: Path | None = None, report: Callable[[str], None] = lambda _: None) -> Path:
    """Return the program, built in the cache if it is not there; raise `NotSupported`.

    Only the first time takes long: half a minute.
    """
    if lacking := missing():
        raise NotSupported(f"there is no {lacking} here", hint=_MISSING)
    folder = (cache or default_cache_dir()) / "vcsim"
    folder.mkdir(parents=True, exist_ok=True)
    sources = _sources()
    program = folder / f"vcsim-{_digest(sources)}"
    with locked(folder / "lock"):
        if not program.exists():
            report("building the simulated vCenter (half a minute, once)")
            _compile(folder, sources, program)
    return program


def _sources() -> dict[str, str]:
    """Return our files and the mended ones, by name."""
    ours = resources.files("anypool.lab.vcsim")
    found = {name: ours.joinpath(name).read_text(encoding="utf-8") for name in _OURS}
    for name in sorted({repair.file for repair in REPAIRS}):
        found[name] = repaired(name, (SIMULATOR / name).read_text(encoding="utf-8"))
    return found


def _digest(sources: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()[:16]


def _compile(folder: Path, sources: dict[str, str], program: Path) -> None:
    work = folder / "source"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for name, text in sources.items():
        (work / name).write_text(text, encoding="utf-8")
    replaced = {str(SIMULATOR / name): str(work / name) for name in sources if name != "main.go"}
    overlay = work / "overlay.json"
    overlay.write_text(json.dumps({"Replace": replaced}), encoding="utf-8")
    made = program.with_suffix(".new")
    settings = {
        "GO111MODULE": "off",
        "GOPROXY": "off",
        "GOFLAGS": "",
        "GOPATH": str(GOPATH),
        "GOCACHE": str(folder / "objects"),
    }
    command = ["env", *(f"{name}={value}" for name, value in settings.items())]
    command += ["go", "build", "-overlay", str(overlay), "-o", str(made), str(work / "main.go")]
    answer = run(command, timeout_s=BUILD_LIMIT_S)
    if answer.code != 0:
        raise NotSupported(
            f"vcsim could not be built: {answer.last_line()}", hint=answer.err[-500:]
        )
    os.replace(made, program)
    shutil.rmtree(work, ignore_errors=True)
