"""The documentation's console blocks: commands, and what a page shows below them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^>]*) -->\n)?^ *```console\n(?P<body>.*?)^ *```", re.M | re.S
)


class Command(NamedTuple):
    """One line after a `$`; `mark` is the comment before its block, `shown` what follows it."""

    words: tuple[str, ...]
    mark: str
    shown: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.words)


def commands(page: Path) -> Iterator[Command]:
    """Every command of a page, in its order."""
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        for part in re.split(r"^ *\$ ", block["body"], flags=re.M)[1:]:
            line, *shown = part.rstrip().split("\n")
            words = tuple(shlex.split(line, comments=True))
            yield Command(words, block["mark"] or "", tuple(shown))


def pages() -> list[Path]:
    """Every page people read."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
