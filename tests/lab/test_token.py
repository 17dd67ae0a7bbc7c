"""A host keeps the epoch of the manager that gives it orders; earlier ones are powerless there."""

from collections.abc import Iterator

import pytest

from anypool.drivers import Driver
from anypool.drivers.mandate import Acting, Held, KeepsToken, acting
from anypool.drivers.registry import connect
from anypool.drivers.wire import Mandate
from anypool.errors import OutcomeUnknown, Unreachable
from anypool.model import Endpoint, EndpointId, HostId, TraceKind, VmId, VmWish
from tests.lab.conftest import RunningLab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]
SITE, OTHER = "0123456789ab", "ba9876543210"
VM = VmWish(id=VmId("0a0a0a0a-0000-4000-8000-00000000000e"), name="token", memory_mib=32)


@pytest.fixture
def driver(lab: RunningLab) -> Iterator[Driver]:
    with lab.inside():
        uri = lab.server("h1").libvirt_uri
        made = connect(Endpoint(id=EndpointId("h1"), driver="libvirt", uri=uri), "")
    before = tokens(lab)
    yield made
    made.close()
    lab.virsh("h1", "undefine", VM.id)
    for left in tokens(lab) - before:
        lab.virsh("h1", "secret-undefine", left)


def tokens(lab: RunningLab) -> set[str]:
    """The secrets on h1 that are tokens."""
    words = lab.virsh("h1", "secret-list").out.split()
    return {word for word in words if word.startswith("616e7970-")}


def claim(driver: Driver, site: str, epoch: int) -> None:
    assert isinstance(driver, KeepsToken)
    driver.claim(site, epoch)


def deed(epoch: int, site: str = SITE) -> Acting:
    held = Held(lambda: 0.0)
    held.mandate = Mandate(site=site, epoch=epoch, until=1.0)
    return Acting(held, epoch)


def the_host(driver: Driver) -> HostId:
    return driver.info().hosts[0]


def exists(driver: Driver) -> bool:
    return any(vm.id == VM.id for vm in driver.observe().vms)


def test_a_deed_of_an_earlier_epoch_is_refused_by_the_host(lab: RunningLab, driver: Driver) -> None:
    before = tokens(lab)
    claim(driver, SITE, 4)
    with acting(deed(4)):
        driver.create_vm(VM, the_host(driver), "run-1/1")
    claim(driver, SITE, 5)
    claim(driver, SITE, 3)
    assert len(tokens(lab) - before) == 1, "lower ones are removed, and a zombie adds none"
    zombie = deed(4)
    with acting(zombie), pytest.raises(Unreachable, match="epoch 5 gives orders here, ours is 4"):
        driver.delete_vm(VM.id, the_host(driver), False)
    zombie.begun = True
    with acting(zombie), pytest.raises(OutcomeUnknown, match="epoch 5"):
        driver.delete_vm(VM.id, the_host(driver), False)
    assert exists(driver)
    with acting(deed(5)):
        driver.delete_vm(VM.id, the_host(driver), False)
    assert not exists(driver)


def test_records_of_other_installations_do_not_count(lab: RunningLab, driver: Driver) -> None:
    before = tokens(lab)
    claim(driver, OTHER, 1_000_001)
    claim(driver, SITE, 1)
    assert len(tokens(lab) - before) == 2
    with acting(deed(1)):
        driver.create_vm(VM, the_host(driver), "run-1/1")
    assert exists(driver)


def test_it_is_a_trace_that_can_be_erased(lab: RunningLab, driver: Driver) -> None:
    claim(driver, OTHER, 1)
    claim(driver, SITE, 2)
    before = tokens(lab)
    with acting(deed(2)):
        mine = [one for one in driver.traces() if one.kind is TraceKind.TOKEN]
        assert len(mine) == 1
        driver.erase_trace(mine[0])
        driver.erase_trace(mine[0])
    assert before - tokens(lab) == {mine[0].name}


def test_the_token_outlives_the_hosts_daemon(lab: RunningLab, driver: Driver) -> None:
    claim(driver, SITE, 7)
    there = tokens(lab)
    assert there
    lab.kill("h1")
    lab.boot("h1")
    assert tokens(lab) == there
