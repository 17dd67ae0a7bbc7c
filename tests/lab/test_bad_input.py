"""Bad input, end to end on real hypervisors: a clear answer, and nothing left behind."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from anypool import lab as labs
from anypool.cli.showcase import IMAGE, fill_from_lab
from tests.lab.conftest import RunningLab, wait_until
from tests.lab.locked_libvirtd import PASSWORD, USER
from tests.service.process_kit import Said, Served, ended, served

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

TINY = "tiny"
LOCKED_PORT = 26509
IN_VAIN = "hint: is the host up, does libvirtd listen there, and is the name right?"
ANSWERS_S = 17.0


@pytest.fixture(scope="module")
def lab(own_lab: RunningLab) -> RunningLab:
    return own_lab


@pytest.fixture(scope="module")
def anypool(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A manager inside the lab with its hosts and image."""
    inside = labs.enter_command(lab.name, lab.state_dir)
    with served(tmp_path_factory.mktemp("bad") / "state", inside) as one:
        with one.client() as client:
            fill_from_lab(client, lab.status(), 0)
        yield one


class Left(NamedTuple):
    """All that a deed could leave behind: in the manager, the hypervisors, the datastores."""

    vms: list[str]
    endpoints: list[str]
    images: list[str]
    defined: dict[str, list[str]]
    files: list[str]


def left(anypool: Served, lab: RunningLab, *folders: Path) -> Left:
    hosts = [server.name for server in lab.status().servers if server.power == "on"]
    places = (Path(lab.status().datastore_dir), *folders)
    return Left(
        vms=sorted(vm["name"] for vm in anypool.rows("vms")),
        endpoints=sorted(one["id"] for one in anypool.rows("endpoints")),
        images=sorted(one["id"] for one in anypool.rows("images")),
        defined={h: lab.virsh(h, "list", "--all", "--name").out.split() for h in hosts},
        files=sorted(file.name for place in places for file in place.iterdir()),
    )


@pytest.fixture
def untouched(anypool: Served, lab: RunningLab) -> Iterator[None]:
    """Everything is as before."""
    was = left(anypool, lab)
    yield
    assert left(anypool, lab) == was


def golden(said: Said, code: int, message: str, hint: str) -> None:
    assert said == Said(code, "", f"anypool: {message}\nhint: {hint}\n")


# Endpoints


@contextmanager
def libvirtd_with_password(lab: RunningLab, folder: Path) -> Iterator[str]:
    """A libvirtd in the lab's network that asks for user and password; yield its address."""
    inside = labs.enter_command(lab.name, lab.state_dir)
    argv = [sys.executable, "-m", "tests.lab.locked_libvirtd", str(folder), str(LOCKED_PORT)]
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen([*inside, *argv], stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(lab, LOCKED_PORT), "libvirtd listens")
        yield f"test+tcp://{USER}@127.0.0.1:{LOCKED_PORT}/default"
    finally:
        daemon.kill()
        daemon.wait()


def answers(lab: RunningLab, port: int) -> bool:
    with lab.inside():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
    return True


def test_a_wrong_password(anypool: Served, lab: RunningLab, tmp_path: Path) -> None:
    was = left(anypool, lab)
    with libvirtd_with_password(lab, tmp_path) as uri:
        for password in ("wrong", "", PASSWORD):
            (tmp_path / "password").write_text(password)
            said = anypool("host", "add", uri, "--password-file", str(tmp_path / "password"))
            if password == PASSWORD:
                assert said.code == 0, said.err
                continue
            golden(
                said, 2,
                f"{uri} refused us: authentication failed: authentication failed",
                "check the user name and the password, or for ssh the key of the manager's user",
            )  # fmt: skip
            found = anypool.refused("POST", "/endpoints", {"uri": uri, "password": password}, 422)
            assert password not in found["detail"] or not password
            assert left(anypool, lab) == was
        name = anypool.rows("endpoints", q="uri ~ test")[0]["id"]
        assert anypool("endpoint", "remove", name, "-y").code == 0
    assert left(anypool, lab) == was


@pytest.mark.usefixtures("untouched")
def test_the_same_host_by_another_address(anypool: Served, lab: RunningLab) -> None:
    uri = lab.server("h1").libvirt_uri.replace(":16509", "")
    hint = "remove that endpoint first"
    golden(anypool("host", "add", uri), 5, "host h1 is managed already, through endpoint h1", hint)


@pytest.mark.usefixtures("untouched")
def test_addresses_where_nobody_is(anypool: Served, lab: RunningLab) -> None:
    here = lab.server("h1").libvirt_uri
    own = here.split("//")[1].split(":")[0]
    nobody = own.rpartition(".")[0] + ".250"
    for address, why in ((nobody, ""), ("192.0.2.1", "Network is unreachable")):
        began = time.monotonic()
        said = anypool("host", "add", here.replace(own, address))
        assert time.monotonic() - began < ANSWERS_S
        first, second = said.err.splitlines()
        assert (said.code, second) == (7, IN_VAIN)
        assert first.startswith(f"anypool: {address} does not answer on port 16509: {why}")
    said = anypool("host", "add", here.replace(":16509", ":1"))
    assert said.err.splitlines()[0].endswith("does not answer on port 1: Connection refused")


def test_a_host_that_is_frozen(anypool: Served, lab: RunningLab) -> None:
    uri = lab.server("h3").libvirt_uri
    assert anypool("endpoint", "remove", "h3", "-y").code == 0
    was = left(anypool, lab)
    lab.freeze("h3")
    try:
        began = time.monotonic()
        golden(
            anypool("host", "add", uri, "--name", "h3"), 7,
            f"info: {uri} gave no answer within 15 s",
            "it hangs or is overloaded; look at the hypervisor's service there",
        )  # fmt: skip
        assert time.monotonic() - began < ANSWERS_S + 3
    finally:
        lab.thaw("h3")
    assert left(anypool, lab) == was
    options = {"console_log_dir": lab.status().console_dir}
    body = {"uri": uri, "name": "h3", "options": options}
    assert anypool.request("POST", "/endpoints", body).status_code == 201


# VMs


@pytest.mark.usefixtures("untouched")
def test_not_enough_memory_on_any_host(anypool: Served) -> None:
    said = anypool("vm", "create", "big", "--image", IMAGE, "--memory", "900GiB")
    lines = said.err.splitlines()
    assert (said.code, lines[-1]) == (6, "hint: free memory, add a host or ask for less")
    assert [line.split()[0] for line in lines[1:4]] == ["h1", "h2", "h3"]
    assert all("short: needs 900 GiB" in line for line in lines[1:4])


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("name", ["a</name><devices/>", "a;touch /tmp/x", "$(id)", "a'b", "a&b"])
def test_names_that_mean_something_elsewhere(anypool: Served, name: str) -> None:
    said = anypool("vm", "create", name, "--image", IMAGE)
    assert said.code == 2
    assert said.err.startswith(f"anypool: {name!r} is not a name for a VM\nhint: use 1 to 63")


@pytest.mark.usefixtures("untouched")
def test_an_image_whose_volume_is_gone(anypool: Served, lab: RunningLab) -> None:
    clone = ("vol-clone", "--pool", "shared", f"{IMAGE}.qcow2", "brief.qcow2")
    assert lab.virsh("h1", *clone).code == 0
    words = ("--datastore", "shared", "--volume", "brief.qcow2")
    added = anypool("image", "add", "brief", *words)
    assert added.code == 0, added.err
    assert lab.virsh("h1", "vol-delete", "--pool", "shared", "brief.qcow2").code == 0
    said = anypool("vm", "create", "orphan", "--image", "brief", "--host", "h1", "-w")
    assert said.code == 1
    assert "its image brief.qcow2 is not on the datastore shared" in said.err
    gone = anypool("image", "add", "again", *words)
    assert (gone.code, gone.err.splitlines()[0]) == (
        3,
        "anypool: there is no volume brief.qcow2 on shared",
    )
    assert anypool("image", "remove", "brief", "-y").code == 0


@pytest.fixture
def tiny(anypool: Served, lab: RunningLab) -> Iterator[Path]:
    """A datastore of two megabytes on h1 with an image of 600 KiB; its folder from outside."""
    folder = f"{Path(lab.status().datastore_dir).parent}/servers/h1/{TINY}"
    for argv in (
        ["mkdir", "-p", folder],
        ["mount", "-t", "tmpfs", "-o", "size=2m", TINY, folder],
        ["dd", "if=/dev/urandom", f"of={folder}/small.raw", "bs=1k", "count=600"],
    ):
        done = lab.run_on("h1", argv)
        assert done.code == 0, done.err
    assert lab.virsh("h1", "pool-create-as", TINY, "dir", "--target", folder).code == 0
    known = wait_until(lambda: anypool.rows("datastores", q=f"name = {TINY}"), "it is seen")
    place = known[0]["id"]
    added = anypool(
        "image", "add", "small", "--datastore", place, "--volume", "small.raw", "--format", "raw"
    )
    assert added.code == 0, added.err
    pid = lab.server("h1").pids[0]
    yield Path(f"/proc/{pid}/root{folder}")
    assert anypool("image", "remove", "small", "-y").code == 0
    lab.virsh("h1", "pool-destroy", TINY)
    lab.run_on("h1", ["umount", folder])


@pytest.mark.parametrize("more", [(), ("--shareable",)], ids=["linked-clone", "copy"])
def test_a_datastore_that_is_full(
    anypool: Served, lab: RunningLab, tiny: Path, more: tuple[str, ...]
) -> None:
    fill(tiny / "filler", leave=65536)
    was = left(anypool, lab, tiny)
    said = anypool("vm", "create", "large", "--image", "small", *more, "-w")
    assert said.code == 1, said
    hint = "No space left on device; the datastore is full; free some space or choose another one"
    assert said.err.endswith(f"{hint}\n"), said.err
    assert "Child process" not in said.err
    assert left(anypool, lab, tiny) == was
    failed = anypool.rows("operations", limit="1")[0]
    assert failed["state"] == "failed"
    assert "No space left" in failed["message"]
    (tiny / "filler").unlink()
    again = anypool("vm", "create", "large", "--image", "small", *more, "--stopped", "-w")
    assert again.code == 0, again.err
    assert anypool("vm", "delete", "large", "--volumes", "-y", "-w").code == 0
    assert [file.name for file in tiny.iterdir()] == ["small.raw"]


def fill(file: Path, *, leave: int) -> None:
    """Leave so many bytes of a disk."""
    with file.open("wb", buffering=0) as output:
        try:
            while output.write(b"x" * 4096):
                pass
        except OSError:
            output.truncate(output.tell() - leave)


def test_two_creates_of_one_name_and_a_delete_too_early(anypool: Served, lab: RunningLab) -> None:
    was = left(anypool, lab)
    words = ("vm", "create", "twin", "--image", IMAGE, "-w")
    both = [ended(one) for one in [anypool.start(*words) for _ in range(2)]]
    assert sorted(said.code for said in both) == [0, 5], both
    loser = next(said for said in both if said.code)
    golden(loser, 5, "there is a VM called twin already", "choose another name")
    defined = left(anypool, lab).defined
    assert sum(names.count("twin") for names in defined.values()) == 1
    running = anypool("vm", "delete", "twin", "--volumes", "-y")
    golden(running, 5, "twin is running", "shut it down first")
    again = anypool("vm", "create", "twin", "--image", IMAGE)
    golden(again, 5, "there is a VM called twin already", "choose another name")
    assert anypool("vm", "stop", "twin", "--force", "-y", "-w").code == 0
    assert anypool("vm", "delete", "twin", "--volumes", "-y", "-w").code == 0
    assert left(anypool, lab) == was


def test_an_evacuation_with_nowhere_to_go(anypool: Served, lab: RunningLab) -> None:
    assert anypool("vm", "create", "stuck", "--image", IMAGE, "--host", "h1", "-w").code == 0
    for other in ("h2", "h3"):
        assert anypool("host", "evacuate", other, "-w").code == 0
    said = anypool("host", "evacuate", "h1", "-w")
    assert said == Said(
        6,
        "",
        "anypool: h1 cannot be emptied: no place for stuck\n"
        "  stuck on h2  host is in maintenance\n"
        "  stuck on h3  host is in maintenance\n"
        "hint: stop these VMs, free memory elsewhere or add a host\n",
    )
    assert not anypool.rows("hosts", q="name = h1")[0]["maintenance"]
    for other in ("h2", "h3"):
        assert anypool("host", "leave", other, "-w").code == 0
    assert anypool("vm", "stop", "stuck", "--force", "-y", "-w").code == 0
    assert anypool("vm", "delete", "stuck", "--volumes", "-y", "-w").code == 0
