"""What is said to people, and asked from them."""

import getpass
import sys
from pathlib import Path

from rich.console import Console

from anypool.errors import Invalid

_LONGEST_SECRET = 4096


def out() -> Console:
    """Return the console of standard output, unbroken lines where it is no terminal."""
    return _console(stderr=False)


def err() -> Console:
    """Return the console of standard error, where everything goes that is no result."""
    return _console(stderr=True)


def note(text: str) -> None:
    """Say something that is no result."""
    err().print(clean(text), markup=False)


def clean(text: object) -> str:
    """Return a text without control characters: names come from other machines."""
    return "".join(
        c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in str(text)
    )


def asks() -> bool:
    """Return whether somebody is there who can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Return once somebody agreed; raise `Invalid` when nobody is there or they refuse."""
    if yes:
        return
    if not asks():
        raise Invalid(f"{question} Nobody is there to ask", hint="add --yes to agree beforehand")
    err().print(f"{clean(question)} [y/N] ", end="", markup=False)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Invalid("not confirmed; nothing was done")


def read_secret(source: str, prompt: str) -> str:
    """Return a secret from a file, from standard input (`-`), or typed on a terminal.

    Raises `Invalid` when no file is named and nobody is there to type.
    """
    if source == "-":
        return sys.stdin.readline(_LONGEST_SECRET).rstrip("\r\n")
    if source:
        return first_line(Path(source))
    if not asks():
        raise Invalid(f"{prompt} is needed", hint="use --password-file FILE, or - for stdin")
    return getpass.getpass(f"{prompt}: ", stream=sys.stderr)


def first_line(path: Path) -> str:
    """Return the first line of a file, which holds a secret; raise `Invalid`."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline(_LONGEST_SECRET).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}") from error


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 100_000
    return Console(stderr=stderr, highlight=False, emoji=False, soft_wrap=True, width=width)
