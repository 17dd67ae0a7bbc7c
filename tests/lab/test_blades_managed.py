"""A blade's two controllers read and switch it through the product's own drivers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool import lab as labs
from anypool.drivers.ipmi import driver as ipmi
from anypool.drivers.presence import present
from anypool.drivers.protocol import Driver
from anypool.drivers.redfish import driver as redfish
from anypool.drivers.redfish.greeting import greet
from anypool.model import (
    BootOrder,
    Condition,
    Endpoint,
    EndpointId,
    HostId,
    Power,
    ServerAbility,
    Writable,
)
from tests.lab.conftest import lab_or_skip, machine, wait_until
from tests.lab.rack import Rack

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]
HOST = HostId("of one server each")


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    folder = tmp_path_factory.mktemp("managed")
    before = machine()
    lab = lab_or_skip("managed", folder / "labs", hosts=0, spares=0, blades=1, blade_memory_mib=256)
    yield Rack(lab, folder)
    labs.down(lab.name, lab.state_dir, print)
    wait_until(lambda: machine() == before, "nothing of the lab is left")


def by(rack: Rack, kind: str) -> Driver:
    status, server = rack.lab.status(), rack.lab.server("b1")
    place = server.bmc_url.split("/")[2]
    options = {"user": status.bmc_user}
    if kind == "redfish":
        options |= {"fingerprint": status.bmc_fingerprint.replace(":", "").lower()}
    endpoint = Endpoint(
        id=EndpointId("b"),
        driver=kind,
        uri=f"{kind}://{place}",
        options=tuple(options.items()),
    )
    password = Path(status.bmc_password_file).read_text().strip()
    return (redfish if kind == "redfish" else ipmi).connect(endpoint, password)


def test_a_blade_is_found_read_whole_and_power_cycled_by_redfish(rack: Rack) -> None:
    server = rack.lab.server("b1")
    host, _, port = server.bmc_url.split("/")[2].partition(":")
    with rack.lab.inside():
        greeting = greet(host, int(port or 443))
        assert greeting is not None
        assert present(host)
        driver = by(rack, "redfish")
        found = driver.hardware(HOST)
        assert found.uuid == server.uuid
        assert found.unread == ()
        assert found.model
        assert found.memory_mib == 256
        macs = [one.mac for card in found.cards for one in card.functions if one.mac]
        assert macs
        proved = {one.path: one for one in driver.prove_writes(HOST) if one.mac}
        assert any(one.may_write("mac") is Writable.PROVED for one in proved.values())
        again = [one.mac for card in driver.hardware(HOST).cards for one in card.functions]
        assert [mac for mac in again if mac] == macs, "what was proved changed nothing"
        driver.set_boot(HOST, BootOrder(target="Pxe"))
        cursor = driver.changes("", 0.0).cursor
        for deed, power in (("power_on_host", Power.ON), ("force_off_host", Power.OFF)):
            getattr(driver, deed)(HOST)
            assert driver.changes(cursor, 30.0).host, "its controller tells by itself"
            wait_until(lambda wanted=power: driver.power(HOST).power is wanted, f"it is {power}")
        assert driver.sensors(HOST)
        assert driver.hardware_log(HOST)
        (seen,) = driver.observe().servers
        assert ServerAbility.NETBOOT in seen.abilities
        driver.close()


def test_a_blade_is_read_and_power_cycled_by_ipmi(rack: Rack) -> None:
    server = rack.lab.server("b1")
    with rack.lab.inside():
        driver = by(rack, "ipmi")
        found = driver.hardware(HOST)
        assert found.uuid == server.uuid
        assert found.serial == "LAB0001"
        for deed, power in (("power_on_host", Power.ON), ("force_off_host", Power.OFF)):
            getattr(driver, deed)(HOST)
            wait_until(lambda wanted=power: driver.power(HOST).power is wanted, f"it is {power}")
        warm = [one for one in driver.sensors(HOST) if one.reading is not None]
        assert warm
        assert all(one.health is Condition.OK for one in warm)
        assert driver.hardware_log(HOST)
        driver.set_boot(HOST, BootOrder(target="Pxe"))
        assert driver.hardware(HOST).boot.target == "Pxe"
        driver.close()
