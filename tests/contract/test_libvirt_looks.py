# ruff: noqa: E402 - nothing here works without libvirt
"""Every call into libvirt that looking makes, recorded on the real library: none is a writer."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

libvirt = pytest.importorskip("libvirt")

from anypool.drivers.libvirt.connect import Session
from anypool.drivers.observing import DEEDS
from anypool.drivers.registry import connect
from anypool.errors import NotSupported
from anypool.model import Endpoint, EndpointId
from tests.contract.test_declared import sample_arguments

READERS = frozenset(
    {
        *("virConnect.isAlive", "virConnect.close", "virConnect.setKeepAlive"),
        *("virConnect.getCapabilities", "virConnect.getInfo", "virConnect.getHostname"),
        *("virConnect.getType", "virConnect.getVersion", "virConnect.getLibVersion"),
        *("virConnect.getCPUStats", "virConnect.getMemoryStats", "virConnect.getAllDomainStats"),
        *("virConnect.listAllStoragePools", "virConnect.listAllNetworks"),
        "virConnect.listAllSecrets",  # their names; their values are another call
        *("virConnect.listAllDomains", "virConnect.domainListGetStats"),
        *("virConnect.storagePoolLookupByName", "virConnect.lookupByUUIDString"),
        *("virConnect.domainEventRegisterAny", "virConnect.networkEventRegisterAny"),
        *("virConnect.storagePoolEventRegisterAny", "virConnect.getDomainCapabilities"),
        *("virDomain.UUIDString", "virDomain.XMLDesc", "virDomain.name", "virDomain.connect"),
        *("virDomain.state", "virDomain.info", "virDomain.listAllSnapshots"),
        *("virDomainSnapshot.getXMLDesc", "virDomainSnapshot.getName", "virNetwork.XMLDesc"),
        *("virStoragePool.XMLDesc", "virStoragePool.name", "virStoragePool.listVolumes"),
        *("virStoragePool.listAllVolumes", "virStoragePool.storageVolLookupByName"),
        *("virStorageVol.name", "virStorageVol.XMLDesc", "virStorageVol.info"),
    }
)
"""Each was looked up in libvirt's documentation: it changes nothing on the host, and none is
refused on a read-only connection. What is not in here fails the test."""

ROUNDS = 60
"""A full reading a minute for an hour."""

HELD = """<domain type='test'><name>held</name><memory unit='MiB'>64</memory>
<os><type>hvm</type></os><devices><disk type='file' device='disk'>
<source file='/default-pool/by-hand.img'/>
<target dev='vda'/></disk></devices></domain>"""
"""A VM with a disk that its storage pool does not know yet: a driver would like to refresh it."""


class Recorder:
    """Counts the calls of every method of libvirt's classes while it is `on`."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.flags: list[int] = []
        self.on = True

    @contextmanager
    def off(self) -> Iterator[None]:
        """Do not count what a person at the host does."""
        self.on = False
        yield
        self.on = True


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    for name, kind in inspect.getmembers(libvirt, inspect.isclass):
        if not name.startswith("vir") or issubclass(kind, Exception):
            continue
        for method, function in list(vars(kind).items()):
            if inspect.isfunction(function) and not method.startswith("_"):
                monkeypatch.setattr(kind, method, _counted(made, f"{name}.{method}", function))
    real = libvirt.openAuth

    def open_auth(uri: str, credentials: Any, flags: int) -> Any:
        made.flags.append(flags)
        return real(uri, credentials, flags)

    monkeypatch.setattr(libvirt, "openAuth", open_auth)
    return made


def _counted(recorder: Recorder, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*given: Any, **named: Any) -> Any:
        if recorder.on:
            recorder.calls[name] += 1
        return function(*given, **named)

    return counted


def test_an_hour_of_looking_calls_no_writer(recorder: Recorder) -> None:
    endpoint = Endpoint(
        id=EndpointId("watched"), driver="libvirt", uri="test:///default", observe_only=True
    )
    with recorder.off():
        person = libvirt.open("test:///default")
        snapshot = "<domainsnapshot><name>before</name></domainsnapshot>"
        person.lookupByName("test").snapshotCreateXML(snapshot, 0)
        person.defineXML(HELD)
        before = _written(person)
    driver = connect(endpoint, "")
    cursor = driver.changes("", 0.0).cursor
    (host,) = driver.observe().hosts
    for number in range(ROUNDS):
        with recorder.off():
            _work(person, number)
        found = driver.changes(cursor, 1.0)
        cursor = found.cursor
        assert driver.observe_vms(tuple(sorted(found.vms))).vms
        driver.measure()
        driver.traces()
        frame = driver.observe()
        assert frame.vms
        for operation in sorted(DEEDS):
            with pytest.raises(NotSupported):
                getattr(driver, operation)(*sample_arguments(operation))
    driver.close()
    assert set(recorder.flags) == {libvirt.VIR_CONNECT_RO}
    assert set(recorder.calls) <= READERS, set(recorder.calls) - READERS
    assert recorder.calls["virDomain.XMLDesc"] >= ROUNDS, "nothing was recorded"
    with recorder.off():
        assert _written(person) == before
        person.lookupByName("test").snapshotLookupByName("before").delete(0)
        person.lookupByName("held").undefine()
        person.close()
    assert host.observe_only


def test_libvirt_itself_refuses_a_write_of_such_a_connection() -> None:
    endpoint = Endpoint(
        id=EndpointId("watched"), driver="libvirt", uri="test:///default", observe_only=True
    )
    session = Session(endpoint, "")
    connection = session.connection()
    with pytest.raises(libvirt.libvirtError, match=r"read.?only"):
        connection.lookupByName("test").destroy()
    with pytest.raises(NotSupported), session.doing("destroy"):
        pytest.fail("a deed was let in")
    session.close()


def _work(person: Any, number: int) -> None:
    """Do what happens on a host all day: something that is worth a look."""
    vm = person.lookupByName("test")
    if number % 2:
        vm.resume()
    else:
        vm.suspend()


def _written(person: Any) -> tuple[str, ...]:
    """Return everything on the host that we could have written into."""
    domains = [one.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) for one in person.listAllDomains(0)]
    pools = person.listAllStoragePools(0)
    return (*domains, *(f"{pool.name()} {sorted(pool.listVolumes())}" for pool in pools))
