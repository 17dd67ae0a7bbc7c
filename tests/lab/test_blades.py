"""Blades: machines of emulated hardware that start from the network as their controllers say."""

import json
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from anypool import lab as labs
from anypool.errors import Invalid
from anypool.lab.blades import netboot, system
from anypool.lab.places import default_cache_dir
from tests.lab.conftest import Traces, lab_or_skip, machine, wait_until
from tests.lab.rack import PORT, Rack, Told, fingerprint, serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

FUNCTION = "/redfish/v1/Chassis/{0}/NetworkAdapters/CNA1/NetworkDeviceFunctions/1"
VIRTUAL = "02:aa:00:00:00:01"
WATCHDOG_S = 15
SLACK_S = 15.0
"""An emulated processor shares two real ones with all other tests, and a short time would be over
while it only waits for its turn."""


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    """Two blades without anything else; at the end nothing of them is left."""
    folder = tmp_path_factory.mktemp("rack")
    before = machine()
    lab = lab_or_skip("rack", folder / "labs", hosts=0, spares=0, blades=2, blade_memory_mib=256)
    made = Rack(lab, folder)
    yield made
    made.reset("b1", "On")
    traces = Traces(lab)
    labs.down(lab.name, lab.state_dir, print)
    wait_until(lambda: not traces.left(), "nothing of the lab is left")
    assert machine() == before


@pytest.fixture(autouse=True)
def off(rack: Rack) -> Iterator[None]:
    """Both blades off and well after each test."""
    yield
    for blade in ("b1", "b2"):
        labs.set_mood(rack.lab.name, blade, "well", rack.lab.state_dir)
        rack.reset(blade, "ForceOff")


def test_a_blade_started_from_the_network_is_reset_when_its_warden_stands_still(
    rack: Rack,
) -> None:
    made = system.ensure(default_cache_dir(), print)
    files = {"vmlinuz": made.kernel, "initrd.gz": made.initrd}
    script = netboot.script_of(f"{system.CMDLINE} watchdog={WATCHDOG_S}")
    rack.patch("b1", FUNCTION.format("b1"), Ethernet={"MACAddress": VIRTUAL})
    rack.patch("b1", "Bios/Settings", Attributes={"ProcCores": 1})
    lab = rack.lab
    with netboot.serving(lab.name, lab.state_dir, files, script, {VIRTUAL: "10.77.0.50"}) as url:
        boot = {"BootSourceOverrideTarget": "UefiHttp", "HttpBootUri": url}
        rack.patch("b1", "", Boot=boot)
        rack.patch("b2", "", Boot={"BootSourceOverrideTarget": "Pxe"})
        rack.reset("b1", "On")
        rack.reset("b2", "On")
        rack.wait_for("b2", r"net0: 10\.77\.0\.2/", timeout_s=180)
        rack.reset("b2", "ForceOff")
        said = rack.wait_for("b1", r"system ready uuid (\S+)", timeout_s=300)
        assert said == lab.server("b1").uuid
        rack.wait_for("b1", r"address 10\.77\.0\.50 on eth0", timeout_s=120)
    kind = rack.wait_for("b1", r"watchdog: (.*\))", timeout_s=300)
    wanted = f"hardware: it resets a host that is frozen (i6300ESB timer, {WATCHDOG_S} s)"
    assert kind.strip() == wanted
    assert rack.get("b1", "")["Boot"]["BootSourceOverrideEnabled"] == "Disabled"
    assert rack.get("b1", "Bios")["Attributes"]["ProcCores"] == 1
    assert rack.ask("PATCH", "b1", FUNCTION.format("b1"), Ethernet={}).status_code == 409
    starts = rack.console("b1").count("SeaBIOS (version")
    rack.type("b1", "kill -STOP $(cat /run/warden.pid)")
    frozen = time.monotonic()
    wait_until(lambda: "WatchdogExpired" in rack.log("b1"), "the watchdog acts", timeout_s=60)
    assert time.monotonic() - frozen < WATCHDOG_S + SLACK_S
    wait_until(lambda: rack.console("b1").count("SeaBIOS (version") > starts, "it starts anew")
    assert rack.log("b1")[-2:] == ["WatchdogExpired", "Reset"]
    assert rack.power("b1") == "On"


def test_listeners_are_told_when_the_power_changes(rack: Rack) -> None:
    heard: list[bytes] = []
    handler = type("Listener", (Told,), {"heard": heard})
    with serving(rack, handler, PORT):
        answer = rack.ask(
            "POST",
            "b2",
            "/redfish/v1/EventService/Subscriptions",
            Destination=f"http://10.77.0.254:{PORT}/events",
            Context="test",
        )
        assert answer.status_code == 201
        rack.reset("b2", "On")
        assert rack.power("b2") == "On"
        labs.kill(rack.lab.name, "b2", rack.lab.state_dir)
        wait_until(lambda: len(heard) == 2, "both events arrive")
    events = [json.loads(body) for body in heard]
    told = {str(one["Events"][0]["MessageId"]).rpartition(".")[2] for one in events}
    assert told == {"ResourcePoweredOn", "ResourcePoweredOff"}
    assert {one["Context"] for one in events} == {"test"}
    assert rack.ask("DELETE", "b2", answer.headers["Location"]).status_code == 204


def test_a_frozen_and_cut_off_blade_is_switched_off(rack: Rack) -> None:
    lab = rack.lab
    lab_boot(rack, "b2")
    lab.freeze("b2")
    lab.partition("b2", "full")
    assert lab.server("b2").frozen
    with pytest.raises(Invalid):
        lab.partition("b2", "port:22")
    assert rack.power("b2") == "On"
    rack.reset("b2", "ForceOff")
    assert lab.server("b2").pids == ()
    assert (
        rack.ask("POST", "b2", "Actions/ComputerSystem.Reset", ResetType="Nmi").status_code == 409
    )


def lab_boot(rack: Rack, blade: str) -> None:
    labs.boot(rack.lab.name, blade, rack.lab.state_dir)
    assert rack.power(blade) == "On"


def test_controllers_misbehave_when_they_are_told_to(rack: Rack) -> None:
    lab = rack.lab
    labs.set_mood(lab.name, "b1", "other-certificate", lab.state_dir)
    usual = lab.status().bmc_fingerprint
    assert fingerprint(rack, "b1") != usual
    assert fingerprint(rack, "b2") == usual
    labs.set_mood(lab.name, "b1", "deaf", lab.state_dir)
    assert fingerprint(rack, "b1") == usual
    before = rack.get("b1", FUNCTION.format("b1"))
    assert rack.ask("PATCH", "b1", FUNCTION.format("b1"), BootMode="HTTP").status_code == 204
    assert rack.get("b1", FUNCTION.format("b1")) == before
    labs.set_mood(lab.name, "b1", "slow", lab.state_dir)
    begin = time.monotonic()
    assert rack.power("b1") == "Off"
    assert time.monotonic() - begin > 2


def test_ipmitool_switches_a_blade_and_reads_what_it_is(rack: Rack) -> None:
    server = rack.lab.server("b2")
    assert rack.ipmi("b2", "power", "status") == "Chassis Power is off"
    rack.ipmi("b2", "chassis", "bootdev", "pxe", "options=persistent")
    assert rack.get("b2", "")["Boot"]["BootSourceOverrideTarget"] == "Pxe"
    assert rack.get("b2", "")["Boot"]["BootSourceOverrideEnabled"] == "Continuous"
    rack.ipmi("b2", "power", "on")
    wait_until(lambda: rack.power("b2") == "On", "it is on")
    assert server.uuid in rack.ipmi("b2", "mc", "guid")
    assert "47 degrees C" in rack.ipmi("b2", "sdr")
    assert "LAB0002" in rack.ipmi("b2", "fru")
    rack.ipmi("b2", "power", "off")
    wait_until(lambda: rack.power("b2") == "Off", "it is off")
    assert "Power State" in rack.ipmi("b2", "sel", "list")
    labs.set_mood(rack.lab.name, "b2", "says-on", rack.lab.state_dir)
    assert rack.ipmi("b2", "power", "status") == "Chassis Power is on"
    labs.set_mood(rack.lab.name, "b2", "well", rack.lab.state_dir)
    rack.ipmi("b2", "chassis", "bootdev", "none")


def test_a_medium_is_inserted_and_started_from(rack: Rack) -> None:
    (rack.folder / "disk.iso").write_bytes(b"\0" * 65536)
    handler = partial(SimpleHTTPRequestHandler, directory=str(rack.folder))
    with serving(rack, handler, PORT):
        where = "VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia"
        answer = rack.ask("POST", "b2", where, Image=f"http://10.77.0.254:{PORT}/disk.iso")
        assert answer.status_code == 204, answer.text
    assert rack.get("b2", "VirtualMedia/Cd")["Inserted"]
    rack.patch("b2", "", Boot={"BootSourceOverrideTarget": "Cd"})
    lab_boot(rack, "b2")
    rack.wait_for("b2", r"Booting from DVD/CD", timeout_s=30)
    where = "VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia"
    assert rack.ask("POST", "b2", where, Any=0).status_code == 204
    assert not rack.get("b2", "VirtualMedia/Cd")["Inserted"]


def test_a_blade_keeps_its_settings_when_its_lab_is_up_already(rack: Rack) -> None:
    again = labs.up(rack.lab.spec, print)
    assert [server.name for server in again.servers] == ["b1", "b2"]
    assert all(server.role == "blade" and not server.libvirt_uri for server in again.servers)
    assert Path(again.bmc_password_file).exists()
