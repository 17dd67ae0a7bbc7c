"""Where the consoles of a running VM are."""

from anypool.drivers.libvirt import xml_read
from anypool.drivers.libvirt.address import peer_address
from anypool.drivers.libvirt.part import Part
from anypool.errors import Conflict, Invalid, Rejected
from anypool.model import Console, VmId, VmState

_ANYWHERE = frozenset({"0.0.0.0", "::", ""})


class Consoles(Part):
    """The operation that finds a console."""

    def console(self, vm: VmId, kind: str) -> Console:
        """Find the `vnc` or `serial` console; VNC that listens everywhere is at the host's address.

        A VNC console that listens on 127.0.0.1 can be reached on the host only.
        """
        if kind not in ("vnc", "serial"):
            raise Invalid(f"there is no console {kind!r}", hint="vnc or serial")
        domain = self.session.vm(vm)
        if (state := self.state(domain)) not in (VmState.RUNNING, VmState.PAUSED):
            raise Conflict(f"VM {domain.name()} is {state}", hint="start it first")
        with self.session.reading(f"read VM {domain.name()}"):
            devices = xml_read.parse(domain.XMLDesc(0)).find("devices")
        if devices is not None and kind == "serial":
            path = xml_read.attribute(devices, "serial[@type='pty']/source", "path")
            if path:
                return Console(kind=kind, path=path)
        if devices is not None and kind == "vnc":
            port = xml_read.attribute(devices, "graphics[@type='vnc']", "port", "-1")
            listen = xml_read.attribute(devices, "graphics[@type='vnc']", "listen")
            if port.isdigit():
                own = peer_address(self.session.endpoint) or "127.0.0.1"
                address = own if listen in _ANYWHERE else listen
                return Console(kind=kind, address=address, port=int(port))
        raise Rejected(f"VM {domain.name()} has no {kind} console", hint="was it made elsewhere?")
