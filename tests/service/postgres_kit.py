"""A PostgreSQL of the tests' own: Debian's programs, a folder in /tmp, an unprivileged user."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from pwd import getpwnam

import psycopg
import pytest


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed (Debian's package `postgresql`)")
    return found[-1].parent


class Server:
    """A PostgreSQL on a unix socket in a folder of its own, as an unprivileged user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = _programs()
        self.user = "nobody" if os.geteuid() == 0 else None
        if self.user:
            os.chown(folder, getpwnam(self.user).pw_uid, -1)
        self._run("initdb", "-A", "trust", "-U", "ada", "-E", "UTF8", "--locale=C", "-N")

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c max_connections=40"
        self._run(
            "pg_ctl", "-w", "-t", "30", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self, how: str = "fast") -> None:
        self._run("pg_ctl", "-w", "-t", "30", "-m", how, "stop")

    def url(self, database: str = "postgres", user: str = "ada") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        argv = [str(self.programs / program), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(
            argv,
            check=True,
            timeout=60,
            user=self.user,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )


@contextmanager
def running() -> Iterator[Server]:
    """Give a server that runs; nothing is left of it."""
    with tempfile.TemporaryDirectory(prefix="anypool-pg-", dir="/tmp") as folder:
        made = Server(Path(folder))
        made.start()
        try:
            yield made
        finally:
            made.stop("immediate")
