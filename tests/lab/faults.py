"""The faults of the real lab: each begins, lasts, and is over; who chooses them is elsewhere.

The numbers are those that people call them by: F2 libvirtd is killed, F3 an emulator is, F4 a
host freezes, F5 it dies, F6 networks part, F8 packets get lost, reset or slow, F9 a disk fails,
F10 it is slow, F11 a BMC misbehaves, F14 the database is away, F16 there are two managers, F17
libvirtd hangs, F18 somebody works beside us. F7, the lost reply, is in `test_once_network`.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

from anypool import lab as labs
from anypool.settings import Settings
from tests.lab.conftest import Guest, wait_until
from tests.lab.full_stack import BOTH, LEASE_S, LIBVIRT_PORT, Stack, write_settings
from tests.lab.processes import kill, stopped
from tests.service.test_store_postgres import Server

MOODS: tuple[labs.Mood, ...] = (
    "silent", "failing", "slow", "says-on", "deaf", "refusing", "cut",
)  # fmt: skip
"""Not `says-off`: of a host that is silent on all other paths nobody can know that it is a lie."""
LONGEST_S = 14.0
"""More than it takes until a host that is silent is switched off."""
SLOW = ("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "256kbit", "burst", "16kb",
        "latency", "400ms")  # fmt: skip
LOSS = ("-m", "statistic", "--mode", "random", "--probability", "0.3", "-j", "DROP")
RESET = ("-p", "tcp", "--dport", str(LIBVIRT_PORT), "-j", "REJECT", "--reject-with", "tcp-reset")


class Fault(NamedTuple):
    """A fault that was chosen: what it is, in words, and what does it."""

    name: str
    words: str
    lasting: AbstractContextManager[None]


class Faults:
    """Chooses faults by chance, and does them to a stack on a PostgreSQL of its own."""

    def __init__(self, stack: Stack, database: Server, chance: Random) -> None:
        self._stack = stack
        self._lab = stack.lab
        self._database = database
        self._chance = chance
        self._hosts = [s.name for s in stack.lab.status().servers if s.role == "host"]
        self._ways: dict[str, Callable[[str], Iterator[None]]] = {
            "F2": self._libvirtd_dies,
            "F3": self._emulator_dies,
            "F4": self._host_freezes,
            "F5": self._host_dies,
            "F6": self._network_parts,
            "F8": self._network_is_bad,
            "F9": self._disk_fails,
            "F10": self._disk_is_slow,
            "F11": self._bmc_misbehaves,
            "F14": self._database_is_away,
            "F16": self._two_managers,
            "F17": self._libvirtd_hangs,
            "F18": self._somebody_works_beside,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """All faults there are."""
        return tuple(self._ways)

    def choose(self, name: str) -> Fault:
        """Return a fault, on a host that is chosen by chance."""
        host = self._chance.choice(self._hosts)
        way = self._ways[name]
        words = way.__name__.strip("_").replace("_", " ")
        return Fault(name, f"{words} ({host})", contextmanager(way)(host))

    def _last(self, longest_s: float = 5.0) -> None:
        time.sleep(self._chance.uniform(1.0, longest_s))

    def _somewhere(self) -> tuple[str, str]:
        """Return a guest and where it runs."""
        name = self._chance.choice(BOTH)
        return name, wait_until(lambda: self._stack.place(name), f"{name} is in one place")

    def _libvirtd_dies(self, host: str) -> Iterator[None]:
        kill(self._stack.daemon(host))
        yield

    def _emulator_dies(self, _: str) -> Iterator[None]:
        name, place = self._somewhere()
        kill(self._stack.emulator(name, place))
        yield

    def _host_freezes(self, host: str) -> Iterator[None]:
        self._lab.freeze(host)
        self._last(LONGEST_S)
        yield
        if self._is_on(host):
            self._lab.thaw(host)

    def _host_dies(self, host: str) -> Iterator[None]:
        self._lab.kill(host)
        self._last(LONGEST_S)
        yield

    def _network_parts(self, host: str) -> Iterator[None]:
        mode = self._chance.choice(("full", "mgmt", "data", f"port:{LIBVIRT_PORT}"))
        self._lab.partition(host, mode)
        self._last(LONGEST_S)
        yield
        if self._is_on(host):
            self._lab.heal(host)

    def _network_is_bad(self, host: str) -> Iterator[None]:
        how = self._chance.choice(("loss", "reset", "slow"))
        if how == "slow":
            self._on(host, *SLOW)
        else:
            self._on(host, "iptables", "-I", "INPUT", *(LOSS if how == "loss" else RESET))
        self._last(8.0)
        yield
        if how == "slow":
            self._on(host, "tc", "qdisc", "del", "dev", "eth0", "root")
        else:
            self._on(host, "iptables", "-D", "INPUT", *(LOSS if how == "loss" else RESET))

    def _disk_fails(self, host: str) -> Iterator[None]:
        """Have a VM beside ours whose disk gives EIO at the first read: QEMU stops it."""
        if not self._is_on(host):
            yield
            return
        stranger = Stranger(self._stack, host)
        stranger.start()
        self._last()
        yield
        assert len(self._lab.running(stranger.guest.uuid)) <= 1
        stranger.end()

    def _disk_is_slow(self, _: str) -> Iterator[None]:
        name, place = self._somewhere()
        vm = self._stack.vms[name]
        self._lab.virsh(place, "blkdeviotune", vm, "vda", "--total-iops-sec", "1")
        self._last()
        yield
        self._lab.virsh(place, "blkdeviotune", vm, "vda", "--total-iops-sec", "0")

    def _bmc_misbehaves(self, host: str) -> Iterator[None]:
        """Misbehave while the host is dead: nothing may be believed that is not so."""
        labs.set_mood(self._lab.name, host, self._chance.choice(MOODS), self._lab.state_dir)
        if self._chance.random() < 0.5:
            self._lab.kill(host)
        self._last(LONGEST_S)
        yield
        labs.set_mood(self._lab.name, host, "well", self._lab.state_dir)

    def _database_is_away(self, _: str) -> Iterator[None]:
        if self._chance.random() < 0.5:
            self._database.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = 'anypool' AND pid <> pg_backend_pid()"
            )
        else:
            self._database.stop("immediate")
            self._last()
            self._database.start()
        yield

    def _two_managers(self, _: str) -> Iterator[None]:
        """Freeze the one that leads past its lease while another waits, and let it go on."""
        stack = self._stack
        folder = Path(stack.settings.state_dir).with_name("second")
        url = stack.settings.database
        settings = Settings(state_dir=str(folder), listen_port=0, database=url)
        write_settings(settings, database=url)
        for key in Path(stack.settings.state_dir).glob("secrets.key*"):
            shutil.copy(key, folder)
        with stack.another(settings):
            os.killpg(stack.manager.pid, signal.SIGSTOP)
            time.sleep(LEASE_S + self._chance.uniform(1.0, 4.0))
            os.killpg(stack.manager.pid, signal.SIGCONT)
            self._last()
            yield

    def _libvirtd_hangs(self, host: str) -> Iterator[None]:
        with stopped(self._stack.daemon(host)):
            self._last(LONGEST_S)
            yield

    def _somebody_works_beside(self, _: str) -> Iterator[None]:
        name, place = self._somewhere()
        vm = self._stack.vms[name]
        if self._chance.random() < 0.5:
            self._lab.virsh(place, "destroy", vm)
            yield
        else:
            self._lab.virsh(place, "suspend", vm)
            self._last()
            yield
            self._lab.virsh(place, "resume", vm)

    def _is_on(self, host: str) -> bool:
        return self._lab.server(host).power == "on"

    def _on(self, host: str, *argv: str) -> None:
        if self._is_on(host):
            self._lab.run_on(host, list(argv))


class Stranger:
    """A VM that nobody told us of; its disk fails at the first read."""

    def __init__(self, stack: Stack, host: str) -> None:
        self.guest = Guest(stack.lab, 77)
        self._lab = stack.lab
        self._host = host
        self._rules = stack.consoles / "failing.conf"
        self._disk = stack.consoles / "failing.raw"

    def start(self) -> None:
        self._rules.write_text('[inject-error]\nevent = "read_aio"\nerrno = "5"\n')
        self._disk.write_bytes(b"")
        os.truncate(self._disk, 1 << 20)
        drive = f"file=blkdebug:{self._rules}:{self._disk},format=raw,if=none,id=bad"
        device = "virtio-blk-pci,drive=bad,bus=pcie.0,addr=0x18,rerror=stop"
        words = "".join(
            f'<qemu:arg value="{one}"/>' for one in ("-drive", drive, "-device", device)
        )
        space = 'xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0"'
        more = f"<qemu:commandline {space}>{words}</qemu:commandline>"
        file = self._rules.with_suffix(".xml")
        file.write_text(self.guest.xml().replace("</domain>", f"{more}</domain>"))
        made = self._lab.virsh(self._host, "create", str(file))
        assert made.code == 0, made.err

    def end(self) -> None:
        for server in self._lab.running(self.guest.uuid):
            self._lab.virsh(server, "destroy", self.guest.uuid)
        for file in (self._rules, self._disk, self._rules.with_suffix(".xml")):
            file.unlink(missing_ok=True)
