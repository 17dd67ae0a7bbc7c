"""Which operations each hypervisor behind libvirt has."""

from anypool.drivers.libvirt import platform
from anypool.drivers.libvirt.address import Address
from anypool.drivers.libvirt.adopt import Adopt
from anypool.drivers.libvirt.agents import Agents
from anypool.drivers.libvirt.connect import Session
from anypool.drivers.libvirt.console import Consoles
from anypool.drivers.libvirt.create import Create
from anypool.drivers.libvirt.devices import Devices
from anypool.drivers.libvirt.digest import DigestPart
from anypool.drivers.libvirt.events import Events
from anypool.drivers.libvirt.invite import Invites
from anypool.drivers.libvirt.measure import Statistics
from anypool.drivers.libvirt.migrate import Migrations
from anypool.drivers.libvirt.observe import Observe
from anypool.drivers.libvirt.operate import Pause, Power, Rename
from anypool.drivers.libvirt.reach import Reaches
from anypool.drivers.libvirt.reconfigure import Reconfigure
from anypool.drivers.libvirt.snapshots import Snapshots
from anypool.drivers.libvirt.traces import Traces
from anypool.drivers.protocol import Driver
from anypool.model import Endpoint


class QemuDriver(
    Observe,
    Create,
    Adopt,
    Power,
    Pause,
    Rename,
    Reconfigure,
    Devices,
    Snapshots,
    Migrations,
    Consoles,
    Statistics,
    Events,
    Traces,
    DigestPart,
    Agents,
):
    """QEMU with KVM or TCG: everything."""


class QemuBySshDriver(QemuDriver, Reaches):
    """The same where ssh leads to it: its host can be asked for its neighbours."""


class QemuByKeyDriver(QemuBySshDriver, Invites):
    """The same where nobody else may log in: who brings a VM is invited for that."""


class TestDriver(Observe, Create, Power, Pause, Rename, Snapshots, Statistics, Events, Traces):
    """libvirt's own simulated hypervisor, `test:///`."""


class PlainDriver(Observe, Power, Pause, Statistics, Events):
    """Any other hypervisor: what they all have."""


_DRIVERS: dict[str, type[Observe]] = {"qemu": QemuDriver, "kvm": QemuDriver, "test": TestDriver}


def connect(endpoint: Endpoint, secret: str) -> Driver:
    """Open an endpoint; raise `Unreachable`, `Denied` or `Invalid`.

    What it can do is chosen by what answers there. When the connection is opened again
    later, the same host must answer.
    """
    session = Session(endpoint, secret)
    host = platform.read(session)
    session.expect(lambda connection: platform.check_same(session, connection, host))
    kind = _DRIVERS.get(host.kind, PlainDriver)
    if kind is QemuDriver and Address(endpoint.uri).transport == "ssh":
        kind = QemuByKeyDriver if session.options.get("host_key") else QemuBySshDriver
    return kind(session, host)
