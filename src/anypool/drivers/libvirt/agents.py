"""QEMU's guest agents, asked whether they are there: over a connection of their own.

A guest that hangs keeps libvirt waiting for seconds, and a daemon works on few calls of one
client at a time. On this connection nobody else waits.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import libvirt
import libvirt_qemu

from anypool.drivers.libvirt import platform
from anypool.drivers.libvirt.connect import Session
from anypool.drivers.libvirt.part import Part
from anypool.model import AgentReading, AgentState, VmId

AT_ONCE = 4
"""Of the five calls that a daemon works on for one client."""
PATIENCE_S = 3
"""How long one answer is waited for; libvirt waits five more seconds until it has an ear."""
_PING = '{"execute": "guest-ping"}'
_SILENT = ("VIR_ERR_AGENT_UNRESPONSIVE", "VIR_ERR_AGENT_UNSYNCED", "VIR_ERR_AGENT_COMMAND_TIMEOUT")
"""Names of errors that say so; not every libvirt has the last one."""
_SAYS = {getattr(libvirt, name): AgentState.SILENT for name in _SILENT if hasattr(libvirt, name)}
_SAYS[libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED] = AgentState.NONE
"""All else, such as a VM that is being worked on, says nothing of its guest."""


class Agents(Part):
    """The operation that asks guests' agents."""

    def __init__(self, session: Session, host: platform.Platform) -> None:
        super().__init__(session, host)
        self._opening = threading.Lock()
        self._own: Session | None = None

    def agents(self, vms: tuple[VmId, ...], wait_s: float) -> tuple[AgentReading, ...]:
        """Ask some at a time; those that there was no time for are left out."""
        until = time.monotonic() + wait_s
        own = self._session()
        with own.reading("ask the agents of guests") as connection:
            ask = partial(_ask, connection, until)
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="agent") as threads:
                found = tuple(threads.map(ask, vms))
        return tuple(one for one in found if one is not None)

    def close(self) -> None:
        """Give both connections back."""
        super().close()
        with self._opening:
            if self._own is not None:
                self._own.close()

    def _session(self) -> Session:
        with self._opening:
            if self._own is None:
                self._own = self.session.sibling()
            return self._own


def _ask(connection: libvirt.virConnect, until: float, vm: VmId) -> AgentReading | None:
    """Return what one agent says, None if its VM does not run here or the time is up."""
    if time.monotonic() > until:
        return None
    try:
        domain = connection.lookupByUUIDString(vm)
        if domain.state(0)[0] != libvirt.VIR_DOMAIN_RUNNING:
            return None
    except libvirt.libvirtError:
        if not connection.isAlive():
            raise
        return None
    try:
        libvirt_qemu.qemuAgentCommand(domain, _PING, PATIENCE_S, 0)
    except libvirt.libvirtError as problem:
        if not connection.isAlive():
            raise
        said = _SAYS.get(problem.get_error_code(), AgentState.UNKNOWN)
        return AgentReading(vm=vm, state=said)
    return AgentReading(vm=vm, state=AgentState.ANSWERS)
