"""What an endpoint's address says."""

import pytest

from anypool.drivers.libvirt.address import Address, peer_address, peer_uri
from anypool.errors import Invalid
from anypool.model import Endpoint, EndpointId


def endpoint(uri: str, **options: str) -> Endpoint:
    return Endpoint(id=EndpointId("e"), driver="libvirt", uri=uri, options=tuple(options.items()))


@pytest.mark.parametrize(
    ("uri", "transport", "host", "port"),
    [
        ("qemu:///system", "", "", 0),
        ("qemu+tcp://10.0.0.1/system", "tcp", "10.0.0.1", 16509),
        ("qemu+tcp://[fd00::1]:99/system", "tcp", "fd00::1", 99),
        ("qemu://host/system", "tls", "host", 16514),
        ("qemu+ssh://root@host/system", "ssh", "host", 0),
        ("test:///default", "", "", 0),
        ("xen+tcp://dom0/system", "tcp", "dom0", 16509),
    ],
)
def test_parts(uri: str, transport: str, host: str, port: int) -> None:
    address = Address(uri)
    assert (address.transport, address.host, address.port) == (transport, host, port)


@pytest.mark.parametrize("uri", ["", "10.0.0.1", "http://x/", "qemu+tcp://[::1/x", "qemu:// x/y"])
def test_no_addresses(uri: str) -> None:
    with pytest.raises(Invalid):
        Address(uri)


def test_ssh_never_asks() -> None:
    assert Address("qemu+ssh://h/system").to_open() == "qemu+ssh://h/system?no_tty=1"
    assert Address("qemu+ssh://h/s?keyfile=k").to_open() == "qemu+ssh://h/s?keyfile=k&no_tty=1"
    assert Address("test:///default").to_open() == "test:///default"


def test_peers_reach_a_remote_endpoint_by_its_own_address() -> None:
    remote = endpoint("qemu+tls://h7/system")
    assert (peer_uri(remote), peer_address(remote)) == ("qemu+tls://h7/system", "h7")
    assert peer_uri(endpoint("qemu:///system")) == ""
    assert peer_address(endpoint("qemu:///system")) == ""
    assert peer_uri(endpoint("qemu+unix:///system?socket=/x")) == ""


def test_an_option_says_how_peers_reach_a_local_endpoint() -> None:
    local = endpoint("qemu:///system", peer_uri="qemu+tcp://10.0.0.9/system")
    assert peer_uri(local) == "qemu+tcp://10.0.0.9/system"
    assert peer_address(local) == "10.0.0.9"
