"""Record the pictures of the documentation: real commands, with what they really say.

`make pictures`, while ./run goes on in another terminal; `python -m scripts.recording demo`
records that of the demo, which it starts itself.
"""

import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs/pictures"
ANYPOOL = str(Path(sys.executable).with_name("anypool"))
WIDTH = 96
FONTS_FROM_ELSEWHERE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
RECORDINGS = {
    "evacuation": (
        "host list",
        "host evacuate h1 --dry-run",
        "host evacuate h1 --watch",
        "host list",
        "host leave h1 --watch",
    ),
    "demo": (
        "vm list --filter 'tag = database and host.name < h20' --limit 4",
        "demo play lost-answer",
        "vm migrate shop-web-01 --watch",
        "demo play host-freeze h07",
        "host list --filter 'state = unknown'",
        "demo play heal",
        "vm migrate staging-db-01 --dry-run",
    ),
}
DEMO = "demo"
UNTIL = {"host list --filter 'state = unknown'": "unknown"}
"""Commands that are repeated until they say this."""
PATIENCE_S = 90.0


def record(commands: tuple[str, ...], title: str) -> str:
    """Run commands one after another and return what a terminal shows, as an SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    for command in commands:
        console.print(Text.assemble(("$ ", "bold green"), (f"anypool {command}", "bold")))
        if command in UNTIL:
            await_words(command)
        console.print(Text.from_ansi(said(command)), end="\n\n")
    picture = console.export_svg(title=title, theme=MONOKAI)
    return FONTS_FROM_ELSEWHERE.sub("", picture)


def said(command: str) -> str:
    """Run one command; return its output, with colours unless it is a table that moves."""
    still = {"FORCE_COLOR": "1"} if "--watch" not in command else {}
    done = subprocess.run(
        [ANYPOOL, *shlex.split(command)],
        env={**os.environ, **still, "COLUMNS": str(WIDTH)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return done.stdout.rstrip()


def await_words(command: str) -> None:
    """Return when a command says what it is waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while UNTIL.get(command, "") not in said(command):
        assert time.monotonic() < deadline, command
        time.sleep(1)


@contextmanager
def demo() -> Iterator[None]:
    """Run a demo meanwhile, in which the commands above are carried out."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ANYPOOL_CONFIG"] = f"{folder}/contexts.json"
        words = [ANYPOOL, DEMO, "--listen", "127.0.0.1:0"]
        shown = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert shown.stdout is not None
        try:
            assert any("Ctrl-C here" in line for line in shown.stdout), "it never began"
            yield
        finally:
            shown.terminate()
            shown.wait(PATIENCE_S)


def main() -> None:
    """Record the pictures that are named, or every one."""
    PICTURES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or RECORDINGS:
        picture = PICTURES / f"{name}.svg"
        with demo() if name == DEMO else nullcontext():
            picture.write_text(record(RECORDINGS[name], "anypool"), encoding="utf-8")
        print(picture.relative_to(ROOT))


if __name__ == "__main__":
    main()
