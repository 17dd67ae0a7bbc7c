"""Packages of the distribution: downloaded and read, never installed."""

import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from anypool.errors import Unreachable
from anypool.lab.commands import run

_DOWNLOAD_TIMEOUT_S = 300.0


def files_of(
    packages: tuple[str, ...], workspace: Path, wanted: Callable[[str], bool]
) -> dict[str, bytes]:
    """Download packages into `workspace` and return the wanted files of them, by their names.

    Raises `Unreachable` when no mirror answers.
    """
    answer = run(
        ["apt-get", "-o", "APT::Sandbox::User=", "-q", "download", *packages],
        timeout_s=_DOWNLOAD_TIMEOUT_S,
        cwd=workspace,
    )
    archives = sorted(workspace.glob("*.deb"))
    if answer.code != 0 or len(archives) != len(packages):
        raise Unreachable(
            f"apt could not download {', '.join(packages)}: {answer.last_line()}",
            hint="is a mirror reachable, and was `apt-get update` run?",
        )
    found: dict[str, bytes] = {}
    for archive in archives:
        found |= _read(archive, wanted)
        archive.unlink()
    return found


def _read(archive: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE
    ) as unpacking:
        assert unpacking.stdout is not None
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar:
            for member in tar:
                name = Path(member.name).name
                if wanted(name):
                    content = tar.extractfile(member) if member.isfile() else None
                    if content is not None:
                        found[name] = content.read()
    return found
