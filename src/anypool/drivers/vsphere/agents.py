"""VMware Tools as the agents of guests: their heartbeat, as vCenter tells it with all else."""

from anypool.drivers.vsphere import properties
from anypool.drivers.vsphere.part import Part
from anypool.model import AgentReading, AgentState, VmId

_RUNS = ("guestToolsRunning", "guestToolsExecutingScripts")
_BEATS = {
    "green": AgentState.ANSWERS,
    "yellow": AgentState.ANSWERS,  # now and then: a guest under load, and alive
    "red": AgentState.SILENT,
}


class Agents(Part):
    """The operation that tells of heartbeats; nothing is asked for it."""

    def agents(self, vms: tuple[VmId, ...], wait_s: float) -> tuple[AgentReading, ...]:
        """Return what vCenter said last of some VMs that are switched on."""
        seen, wanted = self.inventory(), frozenset(vms)
        found = []
        for moid, entry in seen.of(properties.VM):
            key = seen.who.ids.get(moid)
            if key in wanted and entry.get("runtime.powerState") == "poweredOn":
                tools = str(entry.get("guest.toolsRunningStatus") or "")
                beat = str(entry.get("guestHeartbeatStatus") or "")
                found.append(AgentReading(vm=VmId(str(key)), state=_state(tools, beat)))
        return tuple(found)


def _state(tools: str, beat: str) -> AgentState:
    """Return what a heartbeat means; a guest that does not run Tools says nothing by it."""
    if beat in _BEATS:
        return _BEATS[beat]
    return AgentState.UNKNOWN if tools in _RUNS else AgentState.NONE
