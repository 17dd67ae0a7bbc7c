"""What a vCenter can do, and how one is opened."""

from anypool.drivers.protocol import Driver
from anypool.drivers.vsphere.agents import Agents
from anypool.drivers.vsphere.connect import Session
from anypool.drivers.vsphere.events import Events
from anypool.drivers.vsphere.hostmode import HostModes
from anypool.drivers.vsphere.labels import Labels
from anypool.drivers.vsphere.making import Making
from anypool.drivers.vsphere.measure import Statistics
from anypool.drivers.vsphere.migrate import Migrations
from anypool.drivers.vsphere.observe import Observe
from anypool.drivers.vsphere.operate import Power
from anypool.drivers.vsphere.snapshots import Snapshots
from anypool.drivers.vsphere.templates import Templates
from anypool.drivers.vsphere.traces import Traces
from anypool.model import Endpoint


class VsphereDriver(
    Observe,
    Statistics,
    Events,
    Making,
    Power,
    Snapshots,
    Migrations,
    HostModes,
    Templates,
    Labels,
    Traces,
    Agents,
):
    """A vCenter with all of its datacenters, clusters and hosts."""


def connect(endpoint: Endpoint, secret: str) -> Driver:
    """Open an endpoint; raise `Unreachable`, `Denied` or `Invalid`."""
    session = Session(endpoint, secret)
    session.content()
    return VsphereDriver(session)
