"""A console leads to the VM's own host or to a door of ours, and nowhere else."""

import os
import socket
from pathlib import Path

import pytest

from anypool.drivers.doors import Doors
from anypool.errors import Rejected, Unreachable
from anypool.model import Console, Endpoint, EndpointId
from anypool.service.console_place import checked

REMOTE = "qemu+tls://192.0.2.7/system"
LOCAL = "qemu:///system"


def endpoint(uri: str, *options: tuple[str, str]) -> Endpoint:
    return Endpoint(id=EndpointId("e"), driver="libvirt", uri=uri, options=options)


def vnc(address: str) -> Console:
    return Console(kind="vnc", address=address, port=5900)


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        (REMOTE, "192.0.2.7"),
        (LOCAL, "127.0.0.1"),
        ("qemu+ssh://root@[2001:db8::1]/x", "2001:db8::1"),
    ],
)
def test_the_host_itself(uri: str, address: str) -> None:
    assert checked(vnc(address), endpoint(uri)).address == address


def test_the_address_of_its_peers_too() -> None:
    known = endpoint(REMOTE, ("peer_uri", "qemu+tcp://198.51.100.3/system"))
    assert checked(vnc("198.51.100.3"), known).address == "198.51.100.3"


def test_a_name_is_resolved_here_and_now() -> None:
    found = checked(vnc("localhost"), endpoint("qemu+tls://localhost/system"))
    assert found.address in ("127.0.0.1", "::1")
    with pytest.raises(Unreachable, match="not known"):
        checked(vnc("192.0.2.7"), endpoint("qemu+tls://nowhere.invalid/system"))


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "0.0.0.0", "169.254.169.254", "192.0.2.8", "h1", "", "2130706433"],
)
def test_anywhere_else_is_refused(address: str) -> None:
    with pytest.raises(Rejected) as caught:
        checked(vnc(address), endpoint(REMOTE))
    assert "serial" in caught.value.hint


def test_this_machine_is_loopback_only() -> None:
    with pytest.raises(Rejected):
        checked(vnc("192.0.2.7"), endpoint(LOCAL))


def test_a_door_is_let_through() -> None:
    doors = Doors()
    path = doors.open(lambda visitor: None)
    try:
        assert checked(Console(kind="serial", path=path), endpoint(REMOTE)).path == path
    finally:
        doors.close()


def test_other_sockets_are_no_doors(tmp_path: Path) -> None:
    other = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(other))
        for path in (str(other), "/run/docker.sock", "/etc/passwd", "door"):
            with pytest.raises(Rejected):
                checked(Console(kind="serial", path=path), endpoint(LOCAL))


def test_a_folder_that_others_may_enter_is_no_door() -> None:
    doors = Doors()
    path = doors.open(lambda visitor: None)
    try:
        os.chmod(Path(path).parent, 0o755)
        with pytest.raises(Rejected):
            checked(Console(kind="serial", path=path), endpoint(LOCAL))
    finally:
        doors.close()
