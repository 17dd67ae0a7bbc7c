"""Packages of the distribution: downloaded and read, never installed."""

import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from posixpath import dirname, join, normpath

from anypool.errors import NotSupported, Unreachable
from anypool.lab.commands import run

_DOWNLOAD_TIMEOUT_S = 300.0


def files_of(
    packages: tuple[str, ...], workspace: Path, wanted: Callable[[str], bool]
) -> dict[str, bytes]:
    """Download packages into `workspace`; return their wanted files by path, such as `usr/bin/x`.

    A link to a file that is wanted too counts as that file. Raises `Unreachable` when no mirror
    answers.
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


def needed_by(metapackage: str, prefix: str) -> str:
    """Return the package with this prefix that a metapackage stands for; raise `NotSupported`."""
    answer = run(["apt-cache", "depends", metapackage], timeout_s=30)
    names = [line.split()[-1] for line in answer.out.splitlines() if "Depends:" in line]
    for name in names:
        if name.startswith(prefix):
            return name
    raise NotSupported(f"apt does not know {metapackage}", hint="run `apt-get update`")


def _read(archive: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    links: dict[str, str] = {}
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE
    ) as unpacking:
        assert unpacking.stdout is not None
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar:
            for member in tar:
                path = normpath(member.name)
                if not wanted(path):
                    continue
                if member.issym():
                    links[path] = normpath(join("/", dirname(path), member.linkname))[1:]
                content = tar.extractfile(member) if member.isfile() else None
                if content is not None:
                    found[path] = content.read()
    return found | {path: found[to] for path, to in links.items() if to in found}
