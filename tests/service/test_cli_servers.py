"""`anypool server`: from a search for BMCs to a server that is switched, on the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.service.manager_kit import Manager, running
from tests.unit.cli_kit import Terminal
from tests.unit.redfish_kit import PASSWORD, SYSTEM, USER, Service, served
from tests.unit.redfish_rack import CD, blade


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(tmp_path_factory.mktemp("bmc")) as made:
        blade(made)
        yield made


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path_factory.mktemp("state")) as made:
        yield made
    structlog.reset_defaults()


@pytest.fixture
def anypool(
    manager: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    return Terminal(capsys)


def test_a_server_is_found_adopted_looked_at_and_switched(
    anypool: Terminal, service: Service, tmp_path: Path
) -> None:
    address = service.url.removeprefix("https://")
    leases = tmp_path / "leases"
    leases.write_text("1700000000 52:54:00:00:00:01 127.0.0.1 bmc1 *\n")
    port = address.partition(":")[2]
    found = anypool("server", "discover", "--dhcp", str(leases), "--port", port, "--ipmi-port", "9")
    assert found.code == 0, found.err
    assert service.fingerprint in found.out
    assert "new" in found.out

    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    said = ("--user", USER, "--password-file", str(secret), "--name", "b3")
    asked = anypool("server", "adopt", address, *said)
    assert asked.code == 2
    assert service.fingerprint in asked.err, "nothing is trusted that nobody compared"
    adopted = anypool("server", "adopt", address, *said, "--fingerprint", service.fingerprint)
    assert adopted.code == 0, adopted.err
    assert "addresses" in adopted.out

    shown = anypool("server", "hardware", "b3").out
    for part in ("Contoso", "CPU 1", "DIMM A1", "MR-16i", "Rack 4 Box 1", "CNA 2x25", "Drive 0"):
        assert part in shown, part
    assert "writable: mac told" in shown
    assert "41.5 Cel" in anypool("server", "sensors", "b3").out
    assert "Fan 2 failed" in anypool("server", "events", "b3").out
    assert json.loads(anypool("server", "hardware", "b3", "-o", "json").out)["unread"] == []

    assert anypool("server", "boot", "b3", "Pxe").code == 0
    assert service.patches[-1][1]["Boot"]["BootSourceOverrideTarget"] == "Pxe"
    medium = service.extra[CD]
    service.actions[f"{CD}/Insert"] = lambda body: medium.update(Image=body["Image"], Inserted=True)
    service.actions[f"{CD}/Eject"] = lambda _: medium.update(Image=None, Inserted=False)
    assert anypool("server", "media", "b3", "http://10.0.0.9/a.iso").code == 0
    assert medium["Inserted"]
    assert anypool("server", "media", "b3").code == 0
    assert not medium["Inserted"]

    del service.extra[SYSTEM]
    assert anypool("server", "power", "b3", "force-off").code == 2, "it is asked before"
    off = anypool("server", "power", "b3", "force-off", "--yes")
    assert off.code == 0, off.err
    assert service.power == "Off"
    assert anypool("server", "power", "b3", "on").code == 0
    assert "on" in anypool("server", "list").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("discover",), "no address to look at"),
        (("discover", "10.0.0.0/8"), "more than 4096"),
        (("discover", "--dhcp", "/nowhere"), "is it the file of leases"),
        (("power", "none", "on"), "no server 'none'"),
        (("sensors", "none"), "no server 'none'"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(
    anypool: Terminal, words: tuple[str, ...], said: str
) -> None:
    refused = anypool("server", *words)
    assert refused.code != 0
    assert said in refused.err
