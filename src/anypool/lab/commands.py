"""Running other programs: argument lists, never a shell string, always with a deadline."""

import os
import subprocess
from pathlib import Path

import msgspec

_SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a finished program said; `code` 124 when it overran its time and was ended."""

    code: int
    out: str
    err: str

    def last_line(self) -> str:
        """The last thing it said, for a message to people."""
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return lines[-1] if lines else f"exit status {self.code}, no message"


def search_path() -> str:
    """PATH with the folders of system programs, which ordinary users' PATH may lack."""
    return f"{os.environ.get('PATH', '/usr/bin:/bin')}:{_SYSTEM_FOLDERS}"


def run(argv: list[str], *, timeout_s: float, cwd: Path | None = None, text: str = "") -> Answer:
    """Run a program to its end with `text` as its input; a missing program gives code 127."""
    environment = os.environ | {"PATH": search_path(), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            argv,
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            cwd=cwd,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(code=124, out="", err=f"{argv[0]} gave no answer in {timeout_s:g} s")
    except FileNotFoundError as problem:
        return Answer(code=127, out="", err=f"{problem.filename} is not there")
    return Answer(code=done.returncode, out=done.stdout, err=done.stderr)
