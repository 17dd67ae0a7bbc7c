"""A service is started in order: with probes that fail first, and the manager killed anywhere."""

from pathlib import Path

import pytest

from anypool.engine.runs import dispatch
from anypool.model import (
    Component,
    Probe,
    ProbeKind,
    Ready,
    ReadyKind,
    Service,
    ServiceId,
    Vm,
    VmState,
)
from anypool.plan import Plan, StopHow, StopVm
from anypool.planner import plan_service_start
from anypool.planner.operate import plan_action
from anypool.store.records import RunState, StepState
from tests.simulation.yard import Yard


class Guests:
    """What the probes find: a database that answers some questions after its VM runs."""

    def __init__(self, deaf: int) -> None:
        self.yard: Yard | None = None
        self.deaf = deaf
        self.asked = 0
        self.good = False

    def knock(self, probe: Probe, name: str) -> str:
        assert self.yard is not None
        db, web = pair(self.yard)
        assert name == db.name
        copies = self.yard.copies()
        assert [state for _, state in copies[db.id]] == [VmState.RUNNING]
        if not self.good:
            states = [state for _, state in copies[web.id]]
            assert states == [VmState.STOPPED], "it was started before what it needs was ready"
        self.asked += 1
        self.good = self.asked > self.deaf
        return "" if self.good else "not yet"


def pair(yard: Yard) -> tuple[Vm, Vm]:
    vms = sorted(yard.engine.inventory.vms.values(), key=lambda vm: vm.name)
    return vms[0], vms[1]


def start(yard: Yard, ready: Ready) -> Plan:
    db, web = pair(yard)
    probe = Probe(kind=ProbeKind.TCP, address="db.lan", port=5432)
    service = Service(
        id=ServiceId("shop"),
        components=(
            Component(name="web", vms=(web.name,), after=("db",)),
            Component(name="db", vms=(db.name,), ready=ready, probe=probe),
        ),
    )
    return plan_service_start(yard.engine.inventory, service, {"db": (db,), "web": (web,)})


def site(folder: Path, guests: Guests) -> Yard:
    folder.mkdir()
    yard = guests.yard = Yard(folder)
    for vm in pair(yard):
        if vm.state is VmState.RUNNING and vm.host is not None:
            off = StopVm(vm=vm.id, host=vm.host, how=StopHow.POWER_OFF)
            yard.finish(yard.begin(plan_action(yard.engine.inventory, off, "test")))
    return yard


def started(
    folder: Path, crash_at: tuple[int, str], monkeypatch: pytest.MonkeyPatch, ready: Ready
) -> Yard:
    guests = Guests(deaf=3)
    monkeypatch.setattr(dispatch, "knock", guests.knock)
    yard = site(folder, guests)
    run = yard.begin(start(yard, ready))
    yard.store.writes, yard.store.crash_at = 0, crash_at
    assert yard.finish(run).state is RunState.DONE, yard.steps(run)
    yard.check_safe()
    states = [state for vm in pair(yard) for _, state in yard.copies()[vm.id]]
    assert states == [VmState.RUNNING, VmState.RUNNING]
    if ready.when is ReadyKind.PROBE:
        assert guests.asked > guests.deaf
    yard.close()
    return yard


READY = [Ready(when=ReadyKind.PROBE), Ready(when=ReadyKind.DELAY, delay_s=5)]


@pytest.mark.parametrize("ready", READY, ids=["probe", "delay"])
def test_every_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ready: Ready) -> None:
    writes = started(tmp_path / "whole", (0, ""), monkeypatch, ready).store.writes
    for number in range(1, writes + 1):
        for side in ("before", "after"):
            folder = tmp_path / f"{number}-{side}"
            assert started(folder, (number, side), monkeypatch, ready).crashes == 1


def test_one_that_never_answers_ends_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guests = Guests(deaf=1_000_000)
    monkeypatch.setattr(dispatch, "knock", guests.knock)
    yard = site(tmp_path / "site", guests)
    run = yard.begin(start(yard, Ready(when=ReadyKind.PROBE, timeout_s=20)))
    assert yard.finish(run).state is RunState.FAILED
    states = [step.state for step in yard.steps(run)]
    assert states == [StepState.DONE, StepState.FAILED, StepState.CANCELLED]
    assert yard.steps(run)[1].message == "not done after 20 s: not yet"
    assert 5 < guests.asked < 60
    db, web = pair(yard)
    assert [state for _, state in yard.copies()[web.id]] == [VmState.STOPPED]
    assert [state for _, state in yard.copies()[db.id]] == [VmState.RUNNING]
    yard.close()
