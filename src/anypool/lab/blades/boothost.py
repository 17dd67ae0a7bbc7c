"""A boot host on a lab's network: the product's own program, with a tgtd beside it."""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from anypool.errors import AnypoolError, NotSupported
from anypool.lab import outer, servers
from anypool.lab.blades import disk_system
from anypool.lab.commands import search_path
from anypool.lab.places import default_cache_dir
from anypool.lab.spec import MANAGEMENT_GATEWAY
from anypool.program import packed

_START_S = 30.0
_LOOK_AGAIN_S = 0.05


@contextmanager
def serving(name: str, state_dir: Path | None) -> Iterator[Path]:
    """Run a boot host at the lab's gateway; yield its folder, with `control` and `import` in it.

    Raises `NotSupported` where a program that it needs is missing, `AnypoolError` when it does
    not start. Nothing of it is left afterwards.
    """
    _refuse_unless_possible()
    enter = servers.enter_command(name, state_dir)
    with tempfile.TemporaryDirectory(prefix="boot-") as place, contextlib.ExitStack() as end:
        folder = Path(place)
        site = {"interface": "mgmt", "address": MANAGEMENT_GATEWAY, "prefix": 24}
        (folder / "site.json").write_text(json.dumps(site))
        program = folder / "program"
        program.write_bytes(packed("anypool.boothost"))
        log = end.enter_context((folder / "log").open("w"))
        tgtd = ["env", f"TGT_IPC_SOCKET={folder}/tgtd", "tgtd", "-f", "-C", "0"]
        tgtd += ["--iscsi", f"portal={MANAGEMENT_GATEWAY}:3260"]
        run = [sys.executable, "-I", str(program), "--folder", str(folder), "run"]
        for words in (tgtd, run):
            running = subprocess.Popen(
                [*enter, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            end.callback(_ended, running)
        _wait(folder)
        yield folder


@contextmanager
def serving_with_image(
    name: str, state_dir: Path | None, report: Callable[[str], None]
) -> Iterator[Path]:
    """Run a boot host whose import folder has the parts of a tiny system; yield its folder."""
    made = disk_system.ensure(default_cache_dir(), report)
    with serving(name, state_dir) as folder:
        disk_system.disk(folder / "import/disk.raw", "tiny")
        shutil.copy(made.kernel, folder / "import/kernel")
        shutil.copy(made.initrd, folder / "import/initrd")
        yield folder


def _refuse_unless_possible() -> None:
    if outer.own_mode() != "root":
        raise NotSupported("a boot host needs root", hint="a lab without root has none")
    for program, package in (("dnsmasq", "dnsmasq-base"), ("tgtd", "tgt"), ("tgtadm", "tgt")):
        if not shutil.which(program, path=search_path()):
            raise NotSupported(f"there is no {program}", hint=f"apt-get install {package}")


def _ended(running: "subprocess.Popen[bytes]") -> None:
    """End a program; tgtd ends only when it is killed."""
    running.terminate()
    try:
        running.wait(2)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


def _wait(folder: Path) -> None:
    deadline = time.monotonic() + _START_S
    while not (folder / "control").exists():
        if time.monotonic() > deadline:
            said = (folder / "log").read_text(errors="replace").splitlines()
            raise AnypoolError(f"the boot host does not start: {said[-1] if said else 'no word'}")
        time.sleep(_LOOK_AGAIN_S)
