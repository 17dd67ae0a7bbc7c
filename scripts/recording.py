"""Record the pictures of the documentation: real commands, on the pool that ./run started.

`make pictures`, while ./run goes on in another terminal.
"""

import io
import os
import re
import subprocess
import sys
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
}


def record(commands: tuple[str, ...], title: str) -> str:
    """Run commands one after another and return what a terminal shows, as an SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    for command in commands:
        console.print(Text.assemble(("$ ", "bold green"), (f"anypool {command}", "bold")))
        console.print(Text.from_ansi(said(command)), end="\n\n")
    picture = console.export_svg(title=title, theme=MONOKAI)
    return FONTS_FROM_ELSEWHERE.sub("", picture)


def said(command: str) -> str:
    """Run one command; return its output, with colours unless it is a table that moves."""
    still = {"FORCE_COLOR": "1"} if "--watch" not in command else {}
    done = subprocess.run(
        [ANYPOOL, *command.split()],
        env={**os.environ, **still, "COLUMNS": str(WIDTH)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout.rstrip()


def main() -> None:
    """Record every picture."""
    PICTURES.mkdir(exist_ok=True)
    for name, commands in RECORDINGS.items():
        picture = PICTURES / f"{name}.svg"
        picture.write_text(record(commands, "anypool"), encoding="utf-8")
        print(picture.relative_to(ROOT))


if __name__ == "__main__":
    main()
