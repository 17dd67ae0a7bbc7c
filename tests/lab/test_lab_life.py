"""A lab comes up once, meets no other lab, and leaves nothing behind however it ends."""

import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from anypool import lab as labs
from anypool.errors import Conflict, NotFound
from tests.lab.conftest import (
    Guest,
    RunningLab,
    Traces,
    lab_or_skip,
    machine,
    parent_of,
    wait_until,
)

pytestmark = pytest.mark.lab


def test_up_twice_is_one_lab(lab: RunningLab) -> None:
    before = lab.status()
    said: list[str] = []
    after = labs.up(lab.spec, said.append)
    assert said == [f"lab {lab.name} is up already"]
    assert after == before


def test_up_from_two_processes_at_once_is_one_lab(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as both:
        specs = [labs.LabSpec(name="twice", hosts=1, spares=0, state_dir=tmp_path)] * 2
        one, other = both.map(lambda spec: labs.up(spec, print), specs)
    assert one.supervisor_pid == other.supervisor_pid
    labs.down("twice", tmp_path, print)


def test_a_lab_of_another_size_is_refused(lab: RunningLab) -> None:
    spec = labs.LabSpec(name=lab.name, hosts=2, state_dir=lab.state_dir)
    with pytest.raises(Conflict):
        labs.up(spec, print)


def test_servers_are_separate_hosts(lab: RunningLab) -> None:
    status = lab.status()
    hosts = [server for server in status.servers if server.role == "host"]
    assert [server.power for server in status.servers] == ["on", "on", "on", "off"]
    assert {lab.virsh(host.name, "hostname").out.strip() for host in hosts} == {"h1", "h2", "h3"}
    for host in hosts:
        assert host.uuid in lab.virsh(host.name, "capabilities").out
        volumes = lab.virsh(host.name, "vol-list", "shared").out
        assert f"anypool-datastore-{status.datastore_uuid}" in volumes
        assert "anypool-datastore" not in lab.virsh(host.name, "vol-list", "local").out
        assert "active" in lab.virsh(host.name, "net-list").out
        assert lab.run_on(host.name, ["hostname"]).out.strip() == host.name


def test_two_labs_do_not_meet(lab: RunningLab, tmp_path: Path) -> None:
    other = lab_or_skip("other", tmp_path, hosts=1, spares=0)
    try:
        assert other.server("h1").management_address == lab.server("h1").management_address
        Guest(other, 1).start("h1")
        assert len(other.processes("h1")) == 1
        assert lab.processes("h1") == ()
        assert lab.virsh("h1", "list", "--name").out.strip() == ""
        other.kill("h1")
        assert lab.virsh("h1", "hostname").code == 0
    finally:
        labs.down("other", tmp_path, print)


@pytest.mark.parametrize("victim", ["supervisor", "launcher", "director"])
def test_kill_9_ends_everything(tmp_path: Path, victim: str) -> None:
    before = machine()
    doomed = lab_or_skip("doomed", tmp_path, hosts=2, spares=0)
    Guest(doomed, 1).start("h2")
    traces = Traces(doomed)
    os.kill(pid_of(victim, doomed), signal.SIGKILL)
    wait_until(lambda: not traces.left(), "everything of the lab is gone")
    assert not doomed.status().up
    assert doomed.processes("h2") == ()
    with pytest.raises(NotFound):
        doomed.freeze("h2")
    labs.up(doomed.spec, print)
    traces = Traces(doomed)
    labs.down("doomed", tmp_path, print)
    assert traces.left() == set()
    assert machine() == before
    assert list(tmp_path.iterdir()) == []


def test_down_after_kill_9_and_without_a_lab(tmp_path: Path) -> None:
    doomed = lab_or_skip("doomed", tmp_path, hosts=1, spares=0)
    supervisor = doomed.status().supervisor_pid
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    labs.down("doomed", tmp_path, print)
    labs.down("doomed", tmp_path, print)
    assert list(tmp_path.iterdir()) == []


def test_a_lab_whose_folder_was_removed_ends(tmp_path: Path) -> None:
    orphan = lab_or_skip("orphan", tmp_path, hosts=1, spares=0)
    traces = Traces(orphan)
    shutil.rmtree(tmp_path / orphan.name)
    wait_until(lambda: not traces.left(), "everything of the lab is gone")


def test_down_keeps_the_folder_when_asked(tmp_path: Path) -> None:
    kept = lab_or_skip("kept", tmp_path, hosts=1, spares=0)
    identity = kept.status().datastore_uuid
    labs.down("kept", tmp_path, print, keep=True)
    assert not kept.status().up
    labs.up(kept.spec, print)
    assert kept.status().datastore_uuid == identity
    labs.down("kept", tmp_path, print)


def pid_of(victim: str, lab: RunningLab) -> int:
    supervisor = lab.status().supervisor_pid
    assert supervisor is not None
    if victim == "supervisor":
        return supervisor
    if victim == "launcher":
        return parent_of(supervisor)
    children = [pid for pid in Traces(lab).pids if parent_of(pid) == supervisor]
    return next(
        pid for pid in children if b"supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
