"""Hosts: maintenance mode, standby, and waking from it."""

from anypool.drivers.vsphere.acting import Acting
from anypool.errors import Conflict, NotSupported
from anypool.model import HostId, Power, PowerReading

ENTER_S = 600
"""Seconds until vCenter gives up: a host that is empty is there at once."""


class HostModes(Acting):
    """The operations on hosts."""

    def enter_maintenance(self, host: HostId) -> None:
        """Let vSphere run nothing on a host; quiet if it is so. VMs that are off stay there."""
        self.mirror.refresh()
        if self.host_entry(host).get("runtime.inMaintenanceMode"):
            return
        thing, name = self.host_object(host), self.host_name(host)
        self.begin(
            f"let host {name} enter maintenance mode",
            lambda _: thing.EnterMaintenanceMode_Task(ENTER_S, False, None),
        )

    def leave_maintenance(self, host: HostId) -> None:
        """Let vSphere run VMs on a host again; quiet if it is so."""
        self.mirror.refresh()
        if not self.host_entry(host).get("runtime.inMaintenanceMode"):
            return
        thing, name = self.host_object(host), self.host_name(host)
        self.begin(
            f"let host {name} leave maintenance mode",
            lambda _: thing.ExitMaintenanceMode_Task(ENTER_S),
        )

    def power(self, host: HostId) -> PowerReading:
        """Return whether vCenter sees a host on; one that it has lost touch with is unknown."""
        self.mirror.refresh()
        entry = self.host_entry(host)
        state = str(entry.get("runtime.powerState"))
        if state in ("standBy", "poweredOff"):
            return PowerReading(power=Power.OFF)
        seen = entry.get("runtime.connectionState") == "connected"
        on = seen and state == "poweredOn"
        return PowerReading(power=Power.ON if on else Power.UNKNOWN)

    def force_off_host(self, host: HostId) -> None:
        """Refuse: what vCenter can switch off at once it cannot switch on again."""
        raise NotSupported(
            f"a vCenter does not cut the power of host {self.host_name(host)}",
            hint="give the host its BMC, which does",
        )

    def power_off_host(self, host: HostId) -> None:
        """Put a host into standby, from which it can be woken; quiet if it is in it."""
        self.mirror.refresh()
        state = str(self.host_entry(host).get("runtime.powerState"))
        if state == "standBy":
            return
        name = self.host_name(host)
        if state != "poweredOn":
            raise Conflict(f"host {name} is {state}", hint="look at the host itself")
        thing = self.host_object(host)
        self.begin(
            f"put host {name} into standby",
            lambda _: thing.PowerDownHostToStandBy_Task(ENTER_S, False),
        )

    def power_on_host(self, host: HostId) -> None:
        """Wake a host from standby; quiet if it is up."""
        self.mirror.refresh()
        state = str(self.host_entry(host).get("runtime.powerState"))
        if state == "poweredOn":
            return
        thing, name = self.host_object(host), self.host_name(host)
        self.begin(f"wake host {name}", lambda _: thing.PowerUpHostFromStandBy_Task(ENTER_S))
