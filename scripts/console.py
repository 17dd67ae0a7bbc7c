"""Build the web console when its sources, or the API it is typed by, changed: `make console`.

The files go to src/anypool/api/web, where the manager finds them and a wheel takes them from.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from scripts.reference import ROOT, api_document

CONSOLE = ROOT / "console"
BUILT = ROOT / "src/anypool/api/web"
DOCUMENT = CONSOLE / "openapi.json"
STAMP = ROOT / ".state/console.json"
_NODE_LEAST = 18
_MADE = ("node_modules", "openapi.json", "schema.ts")
_SHAPES = ("api", "model", "plan", "service", "search", "engine", "planner")
"""Where the shapes of the API's answers are written."""


class Stamp(NamedTuple):
    """What a build was made of: hashes of the Python, the API document, and the console."""

    python: str
    document: str
    console: str


def _hash(paths: Iterable[Path]) -> str:
    made = hashlib.sha256()
    for path in sorted(paths):
        made.update(f"{path.relative_to(ROOT)}\0".encode())
        made.update(path.read_bytes())
    return made.hexdigest()


def _console_sources() -> list[Path]:
    found = []
    for folder, inner, names in os.walk(CONSOLE):
        inner[:] = [name for name in inner if name not in _MADE]
        found += [Path(folder, name) for name in names if name not in _MADE]
    return found


def _python_sources() -> list[Path]:
    return [path for name in _SHAPES for path in (ROOT / "src/anypool" / name).rglob("*.py")]


def _last() -> Stamp:
    try:
        return Stamp(**json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Stamp("", "", "")


def _keep(stamp: Stamp) -> None:
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.write_text(json.dumps(stamp._asdict()), encoding="utf-8")


def missing_tools() -> str:
    """What is missing to build with, "" if nothing is."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "Node.js and npm are not installed (Debian and Ubuntu: apt-get install nodejs npm)"
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    number = said.stdout.strip().removeprefix("v")
    if int(number.partition(".")[0]) < _NODE_LEAST:
        return f"Node.js {number} is too old; {_NODE_LEAST} is needed"
    return ""


def _npm(*words: str) -> None:
    subprocess.run(["npm", *words], cwd=CONSOLE, check=True, stdout=sys.stderr)


def _install() -> None:
    lock = _hash([CONSOLE / "package-lock.json"])
    mark = CONSOLE / "node_modules/.anypool-lock"
    if not mark.exists() or mark.read_text(encoding="utf-8") != lock:
        print("==> fetching what the console is made of from npm", flush=True)
        _npm("ci", "--no-audit", "--no-fund", "--silent")
        mark.write_text(lock, encoding="utf-8")


def build() -> str:
    """Build if anything changed; return what was missing, "" if the console is up to date."""
    last, there = _last(), (BUILT / "index.html").exists()
    python, console = _hash(_python_sources()), _hash(_console_sources())
    if there and last.python == python and last.console == console and DOCUMENT.exists():
        return ""
    document = msgspec.json.encode(api_document(), order="sorted")
    stamp = Stamp(python, hashlib.sha256(document).hexdigest(), console)
    if there and stamp[1:] == last[1:] and DOCUMENT.exists():
        _keep(stamp)
        return ""
    if missing := missing_tools():
        return missing
    _install()
    print("==> building the web console", flush=True)
    DOCUMENT.write_bytes(document)
    for step in ("types", "check", "units", "build"):
        _npm("run", "--silent", step)
    _keep(stamp)
    return ""


def main() -> None:
    """Build; with `--if-possible` a machine without Node.js is told, and that is all."""
    missing = build()
    if missing and "--if-possible" in sys.argv:
        print(f"==> the web console was not built: {missing}", flush=True)
    elif missing:
        sys.exit(f"anypool: the web console cannot be built: {missing}")


if __name__ == "__main__":
    main()
