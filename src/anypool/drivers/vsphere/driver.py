"""What a vCenter can do, and how one is opened."""

from anypool.drivers.protocol import Driver
from anypool.drivers.vsphere.connect import Session
from anypool.drivers.vsphere.events import Events
from anypool.drivers.vsphere.observe import Observe
from anypool.model import Endpoint


class VsphereDriver(Observe, Events):
    """A vCenter with all of its datacenters, clusters and hosts."""


def connect(endpoint: Endpoint, secret: str) -> Driver:
    """Open an endpoint; raise `Unreachable`, `Denied` or `Invalid`."""
    session = Session(endpoint, secret)
    session.content()
    return VsphereDriver(session)
