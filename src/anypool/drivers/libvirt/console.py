"""The consoles of a running VM."""

from functools import partial
from xml.etree import ElementTree as ET

from anypool.drivers.doors import Doors
from anypool.drivers.libvirt import serial, xml_read
from anypool.drivers.libvirt.address import peer_address
from anypool.drivers.libvirt.connect import Session
from anypool.drivers.libvirt.part import Part
from anypool.drivers.libvirt.platform import Platform
from anypool.errors import Conflict, Invalid, Rejected
from anypool.model import Console, VmId, VmState

_ANYWHERE = frozenset({"0.0.0.0", "::", ""})


class Consoles(Part):
    """The operation that leads to a console."""

    def __init__(self, session: Session, host: Platform) -> None:
        super().__init__(session, host)
        self._doors = Doors()

    def close(self) -> None:
        """Send the visitors away, and give the connection back."""
        self._doors.close()
        super().close()

    def console(self, vm: VmId, kind: str) -> Console:
        """Lead to the `vnc` or `serial` console; the serial one is taken when somebody comes.

        VNC that listens everywhere is at the host's address; one that listens on 127.0.0.1
        can be reached on the host only.
        """
        if kind not in ("vnc", "serial"):
            raise Invalid(f"there is no console {kind!r}", hint="vnc or serial")
        domain = self.session.vm(vm)
        if (state := self.state(domain)) not in (VmState.RUNNING, VmState.PAUSED):
            raise Conflict(f"VM {domain.name()} is {state}", hint="start it first")
        with self.session.reading(f"read VM {domain.name()}"):
            devices = xml_read.parse(domain.XMLDesc(0)).find("devices")
        if devices is not None and kind == "serial" and _has_serial(devices):
            return Console(kind=kind, path=self._doors.open(partial(serial.carry, domain)))
        if devices is not None and kind == "vnc":
            port = xml_read.attribute(devices, "graphics[@type='vnc']", "port", "-1")
            listen = xml_read.attribute(devices, "graphics[@type='vnc']", "listen")
            if port.isdigit():
                own = peer_address(self.session.endpoint) or "127.0.0.1"
                address = own if listen in _ANYWHERE else listen
                return Console(kind=kind, address=address, port=int(port))
        raise Rejected(f"VM {domain.name()} has no {kind} console", hint="was it made elsewhere?")


def _has_serial(devices: ET.Element) -> bool:
    return devices.find("serial[@type='pty']") is not None
