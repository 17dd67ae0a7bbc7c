"""Which operations each hypervisor behind libvirt has."""

from anypool.drivers.libvirt import platform
from anypool.drivers.libvirt.connect import Session
from anypool.drivers.libvirt.create import Create
from anypool.drivers.libvirt.observe import Observe
from anypool.drivers.libvirt.operate import Pause, Power, Rename
from anypool.drivers.libvirt.snapshots import Snapshots
from anypool.drivers.protocol import Driver
from anypool.model import Endpoint


class QemuDriver(Observe, Create, Power, Pause, Rename, Snapshots):
    """QEMU with KVM or TCG: everything."""


class TestDriver(Observe, Create, Power, Pause, Rename, Snapshots):
    """libvirt's own simulated hypervisor, `test:///`."""


class PlainDriver(Observe, Power, Pause):
    """Any other hypervisor: what they all have."""


_DRIVERS: dict[str, type[Observe]] = {"qemu": QemuDriver, "kvm": QemuDriver, "test": TestDriver}


def connect(endpoint: Endpoint, secret: str) -> Driver:
    """Open an endpoint and choose what it can do by what answers there."""
    session = Session(endpoint, secret)
    host = platform.read(session)
    return _DRIVERS.get(host.kind, PlainDriver)(session, host)
