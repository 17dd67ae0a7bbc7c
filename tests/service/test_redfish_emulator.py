"""The driver of BMCs against a service by other people: sushy-tools' emulator."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from anypool.drivers.protocol import Driver
from anypool.drivers.redfish.driver import connect
from anypool.model import BootOrder, Condition, Endpoint, EndpointId, HostId, MediumOrder, Power
from tests.service.bmc_emulator_kit import Emulated, emulated, uuid

HOST = HostId(uuid(0))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    with emulated(tmp_path_factory.mktemp("emulator"), 2) as made:
        yield made


@pytest.fixture
def driver(service: Emulated) -> Iterator[Driver]:
    options = (
        ("fingerprint", service.fingerprint),
        ("system", f"/redfish/v1/Systems/{uuid(0)}"),
        ("user", "somebody"),
    )
    endpoint = Endpoint(id=EndpointId("b"), driver="redfish", uri=service.url, options=options)
    made = connect(endpoint, "password")
    yield made
    made.close()


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def image(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "tiny.iso").write_bytes(b"x" * 2048)
    server = HTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(tmp_path)))
    thread = threading.Thread(target=partial(server.serve_forever, 0.02), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/tiny.iso"
    server.shutdown()
    server.server_close()


def test_a_server_is_read_whole(driver: Driver) -> None:
    found = driver.hardware(HOST)
    assert (found.uuid, found.maker, found.name) == (uuid(0), "Sushy Emulator", "blade000")
    assert found.health is Condition.OK
    macs = [one.mac for card in found.cards for one in card.functions]
    assert macs == ["52:54:00:88:00:00"]
    assert found.chassis[0].maker == "Contoso"
    assert [one.name for one in driver.sensors(HOST)]
    assert {"boot-override", "virtual-media"} <= found.abilities


def test_power_goes_round_and_the_next_start_is_set(driver: Driver) -> None:
    driver.power_on_host(HOST)
    assert driver.power(HOST).power is Power.ON
    driver.force_off_host(HOST)
    assert driver.power(HOST).power is Power.OFF
    driver.set_boot(HOST, BootOrder(target="Pxe", once=False))
    assert driver.hardware(HOST).boot.target == "Pxe"


def test_an_image_goes_in_and_out(driver: Driver, image: str) -> None:
    driver.set_medium(HOST, MediumOrder(image=image))
    inside = {one.name: one.image for one in driver.hardware(HOST).media if one.inserted}
    assert list(inside.values()) == [image]
    driver.set_medium(HOST, MediumOrder())
    assert not [one for one in driver.hardware(HOST).media if one.inserted]
