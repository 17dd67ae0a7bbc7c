"""Every hypervisor that libvirt speaks to, QEMU first."""

from anypool.drivers.protocol import Driver
from anypool.errors import NotSupported
from anypool.model import Endpoint


def connect(endpoint: Endpoint, secret: str) -> Driver:
    """Open an endpoint; raise `Unreachable`, `Denied`, `Invalid` or `NotSupported`."""
    try:
        from anypool.drivers.libvirt import driver
    except ModuleNotFoundError as problem:
        if problem.name != "libvirt":
            raise
        raise NotSupported(
            "the Python module libvirt is not installed",
            hint="install python3-libvirt, or `pip install anypool[libvirt]`",
        ) from problem
    return driver.connect(endpoint, secret)
