"""Power: start, shut down, power off, reboot, reset, pause, resume, rename."""

import libvirt

from anypool.drivers.libvirt import states, trouble
from anypool.drivers.libvirt.part import Part, long
from anypool.drivers.names import check_name
from anypool.drivers.waiting import wait_until
from anypool.errors import Busy, Conflict, NotFound, Rejected
from anypool.model import VM_ALIVE, HostId, StateReason, VmId, VmState

_SHUT_DOWN_POLL_S = 0.1
_PRESS_S = 5.0
"""The button is pressed again so often: a guest that still boots does not hear it."""


class Power(Part):
    """The operations that start and stop."""

    @long
    def start_vm(self, vm: VmId, host: HostId) -> None:
        """Start a stopped VM; quiet if it runs."""
        domain = self.find(vm, host)
        state = self.state(domain)
        if state is VmState.RUNNING:
            return
        if state in VM_ALIVE:
            raise Conflict(f"VM {domain.name()} is {state}", hint="resume it instead")
        with self.session.doing(f"start VM {domain.name()}"):
            domain.createWithFlags(0)

    @long
    def shut_down_vm(self, vm: VmId, host: HostId, wait_s: float) -> None:
        """Press the power button and wait; `Rejected` if the guest still runs after `wait_s`."""
        domain = self.find(vm, host)
        name = domain.name()
        state = self.state(domain)
        if state not in VM_ALIVE:
            return
        if state is not VmState.RUNNING:
            raise Conflict(f"VM {name} is {state} and hears nothing", hint="resume it first")
        left_s = wait_s
        while left_s >= 0:
            self._press(domain)
            if wait_until(lambda: self._stopped(domain), min(left_s, _PRESS_S), _SHUT_DOWN_POLL_S):
                return
            left_s -= _PRESS_S
        raise Rejected(
            f"the guest of VM {name} has not shut down in {wait_s:g} s",
            hint="wait longer, or power the VM off",
        )

    @long
    def power_off_vm(self, vm: VmId, host: HostId) -> None:
        """Stop a VM at once; quiet if it is stopped."""
        domain = self.find(vm, host)
        if self.state(domain) not in VM_ALIVE:
            return
        with self.session.doing(f"power off VM {domain.name()}"):
            try:
                domain.destroyFlags(0)
            except libvirt.libvirtError as problem:
                if not trouble.is_gone(problem) and not self._stopped(domain):
                    raise
        self.wait_for(lambda: self._stopped(domain), f"power off VM {domain.name()}")

    def reboot_vm(self, vm: VmId, host: HostId) -> None:
        """Ask the guest to restart; returns when it was asked."""
        domain = self._running(vm, host)
        with self.session.doing(f"reboot VM {domain.name()}"):
            domain.reboot(0)

    def reset_vm(self, vm: VmId, host: HostId) -> None:
        """Restart the guest without asking."""
        domain = self._running(vm, host)
        with self.session.doing(f"reset VM {domain.name()}"):
            domain.reset(0)

    def _press(self, domain: libvirt.virDomain) -> None:
        with self.session.doing(f"shut down VM {domain.name()}"):
            try:
                domain.shutdownFlags(0)
            except libvirt.libvirtError as problem:
                if not trouble.is_gone(problem) and not self._stopped(domain):
                    raise

    def _running(self, vm: VmId, host: HostId) -> libvirt.virDomain:
        domain = self.find(vm, host)
        if (state := self.state(domain)) is not VmState.RUNNING:
            raise Conflict(f"VM {domain.name()} is {state}", hint="only a running VM can restart")
        return domain

    def _stopped(self, domain: libvirt.virDomain) -> bool:
        try:
            return self.state(domain) not in VM_ALIVE
        except NotFound:
            return True


class Pause(Part):
    """The operations that stop the CPUs and let them run on."""

    def pause_vm(self, vm: VmId, host: HostId) -> None:
        """Stop the CPUs; quiet if they stand."""
        domain, state = self._alive(vm, host)
        if state is VmState.PAUSED:
            return
        with self.session.doing(f"pause VM {domain.name()}"):
            domain.suspend()
        self.wait_for(lambda: self.state(domain) is VmState.PAUSED, f"pause VM {domain.name()}")

    def resume_vm(self, vm: VmId, host: HostId) -> None:
        """Let the CPUs run on; quiet if they run; `Busy` while the VM is being received."""
        domain, state = self._alive(vm, host)
        if state is VmState.RUNNING:
            return
        with self.session.doing(f"resume VM {domain.name()}"):
            if state is VmState.SUSPENDED:
                domain.pMWakeup(0)
            else:
                _refuse_moving(domain)
                domain.resume()
        self.wait_for(lambda: self.state(domain) is VmState.RUNNING, f"resume VM {domain.name()}")

    def _alive(self, vm: VmId, host: HostId) -> tuple[libvirt.virDomain, VmState]:
        domain = self.find(vm, host)
        if (state := self.state(domain)) not in VM_ALIVE:
            raise Conflict(f"VM {domain.name()} is {state}", hint="start it first")
        return domain, state


class Rename(Part):
    """The operation that renames."""

    def rename_vm(self, vm: VmId, host: HostId, name: str) -> None:
        """Rename a stopped VM; quiet if it bears the name."""
        check_name("VM", name)
        domain = self.find(vm, host)
        if domain.name() == name:
            return
        if (state := self.state(domain)) in VM_ALIVE:
            raise Conflict(f"VM {domain.name()} is {state}", hint="stop it, then rename it")
        with self.session.doing(f"rename VM {domain.name()}") as connection:
            if any(other.name() == name for other in connection.listAllDomains(0)):
                raise Conflict(f"there is a VM named {name} on this host already")
            domain.rename(name, 0)


def _refuse_moving(domain: libvirt.virDomain) -> None:
    """Raise `Busy` while a migration holds a paused VM, on either side."""
    if states.reason_of(*domain.state(0)) is not StateReason.MIGRATING:
        return
    if states.is_incoming(domain) or domain.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE:
        raise Busy(f"VM {domain.name()} is being migrated", hint="wait for the end of it")
