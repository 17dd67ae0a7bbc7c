"""What others wait for is started first, and is ready or late before they start."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.engine.runs import dispatch
from anypool.model import (
    Component,
    PolicyId,
    Priority,
    Probe,
    ProbeKind,
    Ready,
    ReadyKind,
    Service,
    ServiceId,
    VmId,
)
from anypool.store import plans
from tests.simulation.ha_yard import RULE, HaYard, guarded
from tests.simulation.test_ha import put

PROBE = Probe(kind=ProbeKind.TCP, address="{vm}", port=80, interval_s=2)
DEAF: set[str] = set()


@pytest.fixture
def yard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HaYard]:
    DEAF.clear()
    monkeypatch.setattr(dispatch, "knock", lambda _, name: "no" if name in DEAF else "")
    yield from guarded(tmp_path, rule=replace(RULE, turn_s=60.0))


def serve(yard: HaYard, ready: Ready) -> tuple[VmId, VmId]:
    """Let one VM of the busiest host wait for another one; return the first, and who waits."""
    first, second, *_ = sorted(yard.on(yard.busiest()), reverse=True)
    components = (
        Component(name="web", vms=(second,), after=("db",)),
        Component(name="db", vms=(first,), ready=ready, probe=PROBE),
    )
    yard.engine.services.put(Service(id=ServiceId("shop"), components=components), "ada")
    return first, second


def die(yard: HaYard, *vms: VmId, seconds: float = 300) -> list[float]:
    """Let their host die; return when each of them ran again, as seconds since then."""
    began, found = yard.clock.now(), dict[VmId, float]()
    yard.world.kill_host(yard.where()[vms[0]])

    def ran() -> bool:
        for vm in vms:
            if vm in yard.where():
                found.setdefault(vm, yard.clock.now() - began)
        return len(found) == len(vms)

    assert yard.pass_(seconds, ran), found
    return [found[vm] for vm in vms]


def test_who_waits_starts_when_the_first_is_ready(yard: HaYard) -> None:
    first, second = serve(yard, Ready(when=ReadyKind.PROBE, timeout_s=200))
    DEAF.add(yard.engine.inventory.vms[first].name)
    host = yard.where()[first]
    yard.world.kill_host(host)
    assert yard.pass_(60, lambda: first in yard.where())
    yard.pass_(20)
    assert second not in yard.where()
    DEAF.clear()
    assert yard.pass_(20, lambda: second in yard.where())


def test_delay_is_waited_for(yard: HaYard) -> None:
    one, other = die(yard, *serve(yard, Ready(when=ReadyKind.DELAY, delay_s=25)))
    assert 25 <= other - one < 35


def test_one_that_is_never_ready_holds_up_nobody_for_ever(yard: HaYard) -> None:
    vms = serve(yard, Ready(when=ReadyKind.PROBE, timeout_s=15))
    DEAF.add(yard.engine.inventory.vms[vms[0]].name)
    one, other = die(yard, *vms)
    assert 15 <= other - one < 60


def test_lower_priority_waits_for_what_is_not_ready_and_only_for_its_turn(yard: HaYard) -> None:
    first, _ = serve(yard, Ready(when=ReadyKind.PROBE, timeout_s=500))
    (low,) = (
        yard.on(yard.where()[first])
        - set(yard.engine.services.all()[0].components[0].vms)
        - {first}
    )
    put(yard, "low", f'name = "{yard.engine.inventory.vms[low].name}"', Priority.LOWEST)
    DEAF.add(yard.engine.inventory.vms[first].name)
    one, later = die(yard, first, low)
    assert RULE.silent_s < one < later
    assert 60 <= later - one < 90
    with yard.store.store.reading() as tx:
        made = plans.of_policy(tx, PolicyId("ha"))
    assert len(made) >= 2
