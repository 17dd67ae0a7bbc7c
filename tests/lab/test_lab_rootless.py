"""The lab of an ordinary user: the same servers, guests, migration, cuts and BMCs, no root.

As root, the tests below become the user `nobody` in a mount namespace whose /dev/net/tun
everybody may use, as on an ordinary machine; this session's own is not touched.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import alive

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
AS_NOBODY = """
mount -t tmpfs tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200 &&
exec setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
"""

STORY = """
import sys
from pathlib import Path
from anypool import lab as labs
from tests.lab.conftest import Guest, RunningLab, wait_until

spec = labs.LabSpec(name="user", hosts=2, spares=0, state_dir=Path(sys.argv[1]))
assert labs.up(spec, print).mode == "rootless"
lab = RunningLab(spec)
guest = Guest(lab, 1)
guest.start("h1")
fetch = ["busybox", "wget", "-q", "-O", "-", f"http://{guest.address}/"]
answer = wait_until(lambda: lab.run(fetch).out, "the guest answers")
boot_id = answer.partition('"boot_id": "')[2][:36]
assert len(boot_id) == 36, answer
target = lab.server("h2").libvirt_uri
moved = lab.virsh("h1", "migrate", "--live", "--unsafe", "--p2p", guest.name, target)
assert moved.code == 0, moved.err
assert lab.running(guest.uuid) == ["h2"]
guest.wait_for_ticks(2)
assert boot_id in lab.run(fetch).out
assert lab.run_on("h2", ["hostname"]).out.strip() == "h2"

lab.partition("h2", "port:16509")
assert lab.virsh("h2", "hostname", timeout_s=2).code != 0
lab.heal("h2")
lab.wait_for_libvirt("h2")
lab.freeze("h2")
assert [emulator.state for emulator in lab.processes("h2")] == ["T"]
reading = "import ssl, sys, urllib.request as u\\nssl_ = ssl._create_unverified_context()"
reading += "\\nprint(u.urlopen(sys.argv[1], context=ssl_).read().decode())"
root = lab.run([sys.executable, "-c", reading, lab.server("h2").bmc_url])
assert "RedfishVersion" in root.out, root.err
lab.kill("h2")
assert lab.running(guest.uuid) == []
lab.boot("h2")
print("pids", *[pid for server in lab.status().servers for pid in server.pids])
labs.down("user", spec.state_dir, print)
print("the end")
"""

UserRun = Callable[[str, Path], subprocess.CompletedProcess[str]]


@pytest.fixture
def user_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder an ordinary user can write and reach."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    folder = Path("/var/tmp") / f"anypool-test-{os.getpid()}"
    folder.mkdir()
    shutil.chown(folder, "nobody", "nogroup")
    yield folder
    shutil.rmtree(folder)


def as_user(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", script, str(folder / "state")]
    if os.geteuid() == 0:
        argv = ["unshare", "--mount", "sh", "-c", AS_NOBODY, "sh", *argv]
    return subprocess.run(
        argv,
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        check=False,
    )


def test_a_lab_without_root(user_folder: Path) -> None:
    probed = as_user("from anypool.lab import probe; print(probe().mode)", user_folder)
    if probed.stdout.strip() != "rootless":
        reason = as_user("from anypool.lab import probe; print(probe().reason)", user_folder)
        pytest.skip(f"no lab without root here: {reason.stdout.strip() or probed.stderr}")
    told = as_user(STORY, user_folder)
    assert told.returncode == 0, told.stdout + told.stderr
    lines = told.stdout.splitlines()
    assert lines[-1] == "the end"
    pids = next(line for line in lines if line.startswith("pids ")).split()[1:]
    assert pids
    assert not [pid for pid in pids if alive(int(pid))]
