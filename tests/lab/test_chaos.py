"""Faults of all kinds on the real lab, by chance and one after the other, while VMs migrate.

Real libvirtd, QEMU, BMCs and PostgreSQL. An oracle reads the process table 20 times a second:
no VM may run twice at any moment, and once a fault is over everything runs again, is shown as
it is, and nothing is left. A seed chooses it all: TEST_SEED plays one again, TEST_FAULTS says
how many; `make prove` plays 60, with the lost reply of a migration first and last.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from anypool import lab as labs
from anypool.errors import AnypoolError
from tests.lab.conftest import RunningLab, lab_or_skip, wait_until
from tests.lab.faults import Faults
from tests.lab.full_stack import (
    BOTH,
    UNLOCKED,
    Scenario,
    Stack,
    all_connected,
    call_back,
    heal,
    prepare,
)
from tests.lab.oracle import Oracle
from tests.lab.test_once_network import test_the_answer_of_a_finished_target_is_lost as lose_reply
from tests.service.test_store_postgres import Server

pytestmark = [pytest.mark.lab, pytest.mark.postgres, pytest.mark.timeout(7200)]

PROVES = os.environ.get("TEST_PROFILE") == "prove"
FAULTS = int(os.environ.get("TEST_FAULTS") or (60 if PROVES else 4))
SEED = int(os.environ.get("TEST_SEED") or (time.time_ns() % 10**6 if PROVES else 95))
RUNS_AGAIN_S = 120.0
"""After a fault is over, whatever it was."""
RULE = {
    "kind": "ha", "level": "automatic", "silent_s": 8, "power_every_s": 2, "cold_s": 0,
    "fences_within_s": 1,
}  # fmt: skip


class Chaos(Stack):
    """A stack whose manager is on a PostgreSQL, with both guests protected."""

    def __init__(self, lab: RunningLab, folder: Path, server: Server) -> None:
        super().__init__(lab, folder)
        url = server.url("anypool")
        self.written = {"database": url}
        self.settings = replace(self.settings, database=url)


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="anypool-pg-", dir="/tmp") as folder:
        server = Server(Path(folder))
        server.start()
        server.sql("CREATE DATABASE anypool")
        yield server
        server.stop("immediate")


@pytest.fixture
def chaos(tmp_path: Path, database: Server) -> Iterator[Chaos]:
    """A lab of its own, of which nothing is left afterwards."""
    lab = lab_or_skip(f"c{os.getpid()}", tmp_path / "lab", spares=0)
    made = Chaos(lab, tmp_path / "stack", database)
    try:
        made.start()
        made.fill()
        made.client.post("/policies", {"name": "ha", "scope": "pool = default", "rule": RULE})
        yield made
    finally:
        made.stop()
        labs.down(lab.name, lab.state_dir, print)
    wait_until(lambda: not left_of(lab), "nothing of the lab is left")


def left_of(lab: RunningLab) -> list[str]:
    """What the machine still has of a lab that is down: processes, mounts, its folder."""
    folder = str(lab.state_dir / lab.name).encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes()
            found += [words.decode(errors="replace")] if folder in words else []
    mounts = Path("/proc/self/mounts").read_bytes().splitlines()
    found += [line.decode() for line in mounts if folder in line]
    return found + [folder.decode()] * os.path.exists(folder)


def test_no_fault_runs_a_vm_twice_or_loses_it(chaos: Chaos, database: Server) -> None:
    print(f"seed {SEED}, {FAULTS} faults")
    chance = Random(SEED)
    faults = Faults(chaos, database, chance)
    deck: list[str] = []
    before = files(chaos)
    with Oracle(chaos.consoles) as oracle:
        for number in range(FAULTS):
            if PROVES and number in (0, FAULTS - 1):
                lose_reply(Scenario(chaos, oracle, prepare(chaos)), killed=bool(number))
            ready(chaos)
            deck = deck or chance.sample(faults.names, len(faults.names))
            fault = faults.choose(deck.pop())
            begun = time.monotonic()
            if chance.random() < 0.5:
                migrate(chaos, chance)
            with fault.lasting:
                pass
            watched(chaos, oracle, partial(runs_again, chaos))
            print(f"{number + 1}: {fault.name} {fault.words}: {time.monotonic() - begun:.1f} s")
        end(chaos, oracle, before)
        print(f"{oracle.samples} samples, {oracle.longest_s * 1000:.0f} ms apart at most")


def files(chaos: Chaos) -> set[str]:
    return {one.name for one in Path(chaos.lab.status().datastore_dir).iterdir()}


def ready(chaos: Chaos) -> None:
    """Have both guests, started where somebody or something ended them."""
    for number, name in enumerate(BOTH):
        if name not in chaos.vms:
            chaos.make(name, f"h{number + 1}", shareable=name == UNLOCKED)


def migrate(chaos: Chaos, chance: Random) -> None:
    """Ask for a migration; what comes of it is judged by where the guest is in the end."""
    name, host = chance.choice(BOTH), chance.choice(("h1", "h2", "h3"))
    try:
        chaos.post(f"/vms/{chaos.vms[name]}/migrate", {"host": host})
    except AnypoolError as error:
        print(f"no migration: {error.message}")


def watched(chaos: Chaos, oracle: Oracle, look: partial[bool]) -> None:
    """Wait until all is well again; meanwhile no guest may run twice."""

    def safely() -> bool:
        for name in BOTH:
            vm = chaos.vms[name]
            assert not oracle.twice(vm), f"{name} ran twice: {oracle.twice(vm)}"
            assert not oracle.console(vm).forks(), f"{name} was counted on by two copies"
        return look()

    wait_until(safely, "everything runs again", timeout_s=RUNS_AGAIN_S)


def runs_again(chaos: Chaos) -> bool:
    """Mend what is broken, and say whether all is well."""
    for server in chaos.lab.status().servers:
        if server.power == "off":
            chaos.lab.boot(server.name)
    heal(chaos.lab)
    if not all_connected(chaos):
        return False
    try:
        call_back(chaos)
        return all([is_well(chaos, name) for name in BOTH])
    except AnypoolError:
        return False


def is_well(chaos: Chaos, name: str) -> bool:
    """Say whether a guest is in one place and shown there; start it if somebody stopped it."""
    seen = chaos.vm(name)
    place = chaos.place(name)
    if seen["state"] == "stopped" and not place and is_idle(chaos):
        chaos.post(f"/vms/{chaos.vms[name]}/start")
    if seen["state"] == "paused" and place and is_idle(chaos):
        chaos.post(f"/vms/{chaos.vms[name]}/resume")
    shown = seen["state"] == "running" and seen["host_name"] == place
    return bool(place and shown and chaos.definitions(name) == [place] and is_idle(chaos))


def is_idle(chaos: Chaos) -> bool:
    return all(
        one["state"] in ("done", "failed", "cancelled") for one in chaos.client.items("/operations")
    )


def end(chaos: Chaos, oracle: Oracle, before: set[str]) -> None:
    """Both guests tick, each once; then they are deleted, and nothing of them is left."""
    chaos.wait_for_ticks(oracle)
    for name in BOTH:
        assert len(oracle.copies(chaos.vms[name])) == 1
        chaos.do(f"/vms/{chaos.vms[name]}/power-off")
        operation = chaos.client.delete(f"/vms/{chaos.vms[name]}", volumes="true")["operation"][
            "id"
        ]
        assert chaos.end(operation)["state"] == "done"
    for server in chaos.lab.status().servers:
        assert chaos.lab.processes(server.name) == ()
        assert chaos.lab.virsh(server.name, "list", "--all", "--name").out.split() == []
    assert files(chaos) == before
