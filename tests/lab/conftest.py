"""A lab for the tests of one session, and what tests need to look into it from outside."""

import ctypes
import os
import re
import subprocess
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from anypool import lab as labs
from anypool.lab.commands import Answer, run

pytest.register_assert_rewrite("tests.lab.full_stack", "tests.lab.oracle")

T = TypeVar("T")
CLONE_NEWNET = 0x40000000
LEAST_PAUSE_S, MOST_PAUSE_S = 0.05, 0.2


def wait_until(look: Callable[[], T | None], what: str, *, timeout_s: float = 20.0) -> T:
    """Poll `look` until it gives something true, and give that.

    The longer it takes, the less often: each look costs what those that are waited for need.
    """
    began = time.monotonic()
    while not (seen := look()):
        passed_s = time.monotonic() - began
        if passed_s > timeout_s:
            pytest.fail(f"not within {timeout_s:g} s: {what}")
        time.sleep(min(max(passed_s / 20, LEAST_PAUSE_S), MOST_PAUSE_S))
    return seen


@contextmanager
def inside(pid: int) -> Iterator[None]:
    """Let this thread (and programs it starts) use the network of process `pid`; needs root."""
    if os.geteuid() != 0:
        pytest.skip("only root can look into the lab's network from this process")
    with open(f"/proc/{threading.get_native_id()}/ns/net") as mine:
        _enter(f"/proc/{pid}/ns/net")
        try:
            yield
        finally:
            _enter(mine.name, mine.fileno())


def _enter(name: str, descriptor: int | None = None) -> None:
    opened = os.open(name, os.O_RDONLY) if descriptor is None else os.dup(descriptor)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(opened, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), name)
    finally:
        os.close(opened)


class RunningLab:
    """One lab that is up: the public functions bound to its name, plus a view from within."""

    def __init__(self, spec: labs.LabSpec) -> None:
        assert spec.state_dir is not None
        self.name = spec.name
        self.state_dir: Path = spec.state_dir
        self.spec = spec

    def status(self) -> labs.LabStatus:
        return labs.status(self.name, self.state_dir)

    def server(self, name: str) -> labs.ServerStatus:
        return next(server for server in self.status().servers if server.name == name)

    def kill(self, server: str) -> None:
        labs.kill(self.name, server, self.state_dir)

    def boot(self, server: str) -> None:
        """Boot a server and wait until its libvirt answers."""
        labs.boot(self.name, server, self.state_dir)
        self.wait_for_libvirt(server)

    def freeze(self, server: str) -> None:
        labs.freeze(self.name, server, self.state_dir)

    def thaw(self, server: str) -> None:
        labs.thaw(self.name, server, self.state_dir)

    def partition(self, server: str, mode: str = "full") -> None:
        labs.partition(self.name, server, mode, self.state_dir)

    def heal(self, server: str) -> None:
        labs.heal(self.name, server, self.state_dir)

    def processes(self, server: str) -> tuple[labs.Emulator, ...]:
        return labs.processes(self.name, server, self.state_dir)

    def running(self, vm_uuid: str) -> list[str]:
        """The servers that have an emulator for this VM, by the process table."""
        found = labs.all_processes(self.name, self.state_dir)
        return [name for name, some in sorted(found.items()) for p in some if p.vm_uuid == vm_uuid]

    def run(self, argv: list[str], *, timeout_s: float = 30.0) -> Answer:
        """Run a program in the lab's network."""
        return run([*labs.enter_command(self.name, self.state_dir), *argv], timeout_s=timeout_s)

    def run_on(self, server: str, argv: list[str], *, timeout_s: float = 30.0) -> Answer:
        """Run a program inside one server."""
        prefix = labs.server_command(self.name, server, self.state_dir)
        return run([*prefix, *argv], timeout_s=timeout_s)

    def virsh(self, server: str, *words: str, timeout_s: float = 60.0) -> Answer:
        """Ask one server's libvirt."""
        uri = self.libvirt_uri(server)
        return self.run(["virsh", "-q", "-c", uri, *words], timeout_s=timeout_s)

    def libvirt_uri(self, server: str) -> str:
        """The address of a server's libvirt, for which nobody need be asked."""
        one = next(one for one in self.spec.servers() if one.name == server)
        return one.libvirt_uri(rootless=os.geteuid() != 0)

    def wait_for_libvirt(self, server: str) -> None:
        wait_until(
            lambda: self.virsh(server, "pool-refresh", "shared").code == 0,
            f"libvirt on {server} answers",
            timeout_s=60,
        )

    def inside(self) -> Any:
        """This thread in the lab's network, for sockets of the test's own."""
        pid = self.status().supervisor_pid
        assert pid is not None
        return inside(pid)

    def http(self, method: str, url: str, **options: Any) -> httpx.Response:
        status = self.status()
        entry = (status.bmc_user, Path(status.bmc_password_file).read_text().strip())
        with self.inside(), httpx.Client(timeout=30, verify=False, auth=entry) as client:
            return client.request(method, url, **options)

    def repair(self) -> None:
        """End every VM and bring every host back to health."""
        for server in self.status().servers:
            if server.power == "on":
                labs.thaw(self.name, server.name, self.state_dir)
                labs.heal(self.name, server.name, self.state_dir)
            if server.role == "host" and server.power == "off":
                self.boot(server.name)
            if server.role == "spare" and server.power == "on":
                self.kill(server.name)
        for server in self.status().servers:
            if server.power == "on":
                self._end_vms(server.name)

    def _end_vms(self, server: str) -> None:
        self.wait_for_libvirt(server)
        for name in self.virsh(server, "list", "--all", "--name").out.split():
            self.virsh(server, "destroy", name)
            self.virsh(server, "undefine", name)


class Guest:
    """A VM of the lab's own image, run by virsh, and what it says about itself."""

    def __init__(self, lab: RunningLab, number: int, *, options: str = "") -> None:
        self.lab = lab
        self.name = f"guest{number}"
        self.uuid = f"00000000-0000-4000-8000-{number:012x}"
        self.mac = f"52:54:00:00:01:{number:02x}"
        self.address = f"10.78.1.{number}"
        self.options = options
        self.console = Path(lab.status().console_dir) / f"{self.name}.log"

    def xml(self) -> str:
        image = self.lab.status().image
        assert image is not None
        vm = ET.Element("domain", type="qemu")
        ET.SubElement(vm, "name").text = self.name
        ET.SubElement(vm, "uuid").text = self.uuid
        ET.SubElement(vm, "memory", unit="MiB").text = str(image.memory_mib)
        ET.SubElement(vm, "vcpu").text = "1"
        boot = ET.SubElement(vm, "os")
        ET.SubElement(boot, "type", arch="x86_64", machine="q35").text = "hvm"
        ET.SubElement(boot, "kernel").text = image.kernel
        ET.SubElement(boot, "initrd").text = image.initrd
        ET.SubElement(boot, "cmdline").text = f"{image.cmdline} {self.options}"
        ET.SubElement(ET.SubElement(vm, "features"), "acpi")
        ET.SubElement(ET.SubElement(vm, "cpu", mode="custom"), "model").text = "qemu64"
        devices = ET.SubElement(vm, "devices")
        card = ET.SubElement(devices, "interface", type="network")
        ET.SubElement(card, "mac", address=self.mac)
        ET.SubElement(card, "source", network="data")
        ET.SubElement(card, "model", type="virtio")
        serial = ET.SubElement(devices, "serial", type="file")
        ET.SubElement(serial, "source", path=str(self.console), append="on")
        ET.SubElement(devices, "memballoon", model="virtio")
        return ET.tostring(vm, encoding="unicode")

    def start(self, server: str) -> None:
        self.console.unlink(missing_ok=True)
        file = self.console.with_suffix(".xml")
        file.write_text(self.xml())
        answer = self.lab.virsh(server, "create", str(file))
        assert answer.code == 0, answer.err
        wait_until(lambda: self.ticks(), f"{self.name} ticks", timeout_s=30)

    def ticks(self) -> list[int]:
        """The ticks on the console so far."""
        text = self.console.read_text(errors="replace") if self.console.exists() else ""
        return [int(number) for number in re.findall(r"^tick (\d+) ", text, re.MULTILINE)]

    def says(self) -> dict[str, Any]:
        """What the guest answers over HTTP."""

        def look() -> dict[str, Any] | None:
            try:
                said: dict[str, Any] = self.lab.http("GET", f"http://{self.address}/").json()
            except httpx.ConnectError:
                return None
            return said

        return wait_until(look, f"{self.name} answers")

    def wait_for_ticks(self, count: int) -> None:
        goal = self.ticks()[-1] + count
        wait_until(lambda: self.ticks()[-1] >= goal, f"{self.name} ticks on to {goal}")


def alive(pid: int) -> bool:
    """Whether a process runs still, by the process table."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def lab_or_skip(name: str, state_dir: Path, **made: Any) -> RunningLab:
    """Bring a lab up, or skip the test with the reason why none can be here."""
    found = labs.probe()
    if not found.possible:
        packages = ", ".join(package.package for package in found.missing)
        pytest.skip(f"no lab here: {found.reason}{'; missing: ' if packages else ''}{packages}")
    spec = labs.LabSpec(name=name, state_dir=state_dir, **made)
    labs.up(spec, print)
    return RunningLab(spec)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """Three hosts and a spare, for the whole session; tests leave it as `clean_lab` does."""
    yield from a_lab(f"t{os.getpid()}", tmp_path_factory)


@pytest.fixture(scope="module")
def own_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A lab for the managers of one file: hosts obey none beside a newer one."""
    yield from a_lab(f"m{os.getpid()}", tmp_path_factory)


def a_lab(name: str, factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """Give a lab that is up, and take it down."""
    state_dir = factory.mktemp("lab")
    running = lab_or_skip(name, state_dir)
    yield running
    labs.down(running.name, state_dir, print)


@pytest.fixture
def clean_lab(lab: RunningLab) -> Iterator[RunningLab]:
    """The session's lab, repaired and emptied after the test."""
    yield lab
    lab.repair()


class Traces:
    """What a running lab has on the machine, noted while it is up, to be looked for later."""

    def __init__(self, lab: RunningLab) -> None:
        supervisor = lab.status().supervisor_pid
        assert supervisor is not None
        self.pids = {supervisor, parent_of(supervisor)} | set(_descendants(supervisor))
        mine = _namespaces_of("self")
        self.namespaces = {ns for pid in self.pids for ns in _namespaces_of(pid)} - mine
        assert len(self.pids) > 4
        assert len(self.namespaces) > 4

    def left(self) -> set[str]:
        """The processes and namespaces of the lab that are still there."""
        there = {ns for entry in Path("/proc").glob("[0-9]*") for ns in _namespaces_of(entry.name)}
        return {str(pid) for pid in self.pids if alive(pid)} | (self.namespaces & there)


def machine() -> tuple[set[str], set[str]]:
    """The links and mounts of the machine itself."""
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True)
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return {line.split()[0] for line in links.stdout.splitlines()}, set(mounts)


def parent_of(pid: int) -> int:
    """The parent process of `pid`; 0 when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[1])


def _descendants(ancestor: int) -> Iterator[int]:
    pids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    parents = {pid: parent_of(pid) for pid in pids}
    for pid in pids:
        above = parents[pid]
        while above and above != ancestor:
            above = parents.get(above, 0)
        if above:
            yield pid


def _namespaces_of(pid: int | str) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/ns").glob("*"):
        try:
            found.add(os.readlink(entry))
        except OSError:
            continue
    return found
