"""Power: start, shut down, power off, reboot, reset, suspend, resume, rename."""

from functools import partial
from typing import Any

from pyVmomi import vim

from anypool.drivers.names import check_name
from anypool.drivers.vsphere.acting import Acting, Found
from anypool.drivers.waiting import wait_until
from anypool.errors import Conflict, Rejected
from anypool.model import VM_DOWN, HostId, VmId, VmState

_PRESS_POLL_S = 0.5


class Power(Acting):
    """The operations that start and stop."""

    def start_vm(self, vm: VmId, host: HostId) -> None:
        """Start a stopped VM on its host; quiet if it runs."""
        here = self.live(vm, host)
        if here.runs:
            return
        if here.state is VmState.PAUSED:
            raise Conflict(f"VM {here.name} is suspended", hint="resume it instead")
        self._check_known(here)
        place = self.host_object(host)
        self.begin(f"start VM {here.name}", lambda _: here.thing.PowerOnVM_Task(place))

    def shut_down_vm(self, vm: VmId, host: HostId, wait_s: float) -> None:
        """Ask the guest and wait; `Rejected` if it still runs after `wait_s`."""
        here = self.live(vm, host)
        if here.state in VM_DOWN:
            return
        if not here.runs:
            raise Conflict(f"VM {here.name} is {here.state} and hears nothing", hint="resume it")
        self.session.do(f"shut VM {here.name} down", partial(_shut_down, here.thing))
        if not wait_until(lambda: not self.found(vm, host).runs, wait_s, _PRESS_POLL_S):
            raise Rejected(
                f"the guest of VM {here.name} has not shut down in {wait_s:g} s",
                hint="wait longer, or power the VM off",
            )

    def power_off_vm(self, vm: VmId, host: HostId) -> None:
        """Stop a VM at once; quiet if it is stopped."""
        here = self.live(vm, host)
        if here.state is VmState.STOPPED:
            return
        self._check_known(here)
        self.begin(f"power VM {here.name} off", lambda _: here.thing.PowerOffVM_Task())

    def reboot_vm(self, vm: VmId, host: HostId) -> None:
        """Ask the guest to restart; returns when it was asked."""
        here = self._running(vm, host)
        self.session.do(f"reboot VM {here.name}", lambda _: here.thing.RebootGuest())

    def reset_vm(self, vm: VmId, host: HostId) -> None:
        """Restart the guest without asking."""
        here = self._running(vm, host)
        self.begin(f"reset VM {here.name}", lambda _: here.thing.ResetVM_Task())

    def pause_vm(self, vm: VmId, host: HostId) -> None:
        """Suspend a running VM, which frees its memory; quiet if it is suspended."""
        here = self.live(vm, host)
        if here.state is VmState.PAUSED:
            return
        if not here.runs:
            raise Conflict(f"VM {here.name} is {here.state}", hint="only a running VM is paused")
        self.begin(f"suspend VM {here.name}", lambda _: here.thing.SuspendVM_Task())

    def resume_vm(self, vm: VmId, host: HostId) -> None:
        """Let a suspended VM run on; quiet if it runs."""
        here = self.live(vm, host)
        if here.runs:
            return
        if here.state is not VmState.PAUSED:
            raise Conflict(f"VM {here.name} is {here.state}", hint="start it instead")
        place = self.host_object(host)
        self.begin(f"resume VM {here.name}", lambda _: here.thing.PowerOnVM_Task(place))

    def rename_vm(self, vm: VmId, host: HostId, name: str) -> None:
        """Rename a stopped VM; its folder keeps its name."""
        check_name("VM", name)
        here = self.live(vm, host)
        if here.name == name:
            return
        if here.state is not VmState.STOPPED:
            raise Conflict(f"VM {here.name} is {here.state}", hint="stop it first")
        if (folder := here.entry.get("parent")) is not None:
            self.check_name_free(name, folder, here.moid)
        wish = vim.vm.ConfigSpec(name=name)
        self.begin(f"rename VM {here.name}", lambda _: here.thing.ReconfigVM_Task(wish))

    def _running(self, vm: VmId, host: HostId) -> Found:
        here = self.live(vm, host)
        if not here.runs:
            raise Conflict(f"VM {here.name} is {here.state}", hint="only a running VM can restart")
        return here

    def _check_known(self, here: Found) -> None:
        if here.state is VmState.UNKNOWN:
            raise Conflict(
                f"vCenter does not see VM {here.name}", hint="its host has lost touch; look there"
            )


def _shut_down(thing: Any, _: Any) -> None:
    thing.ShutdownGuest()
