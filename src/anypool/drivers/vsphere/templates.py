"""Marking a VM as a template, and a template as a VM; vCenter does both at once, without a task."""

from anypool.drivers.vsphere.acting import Acting
from anypool.errors import Conflict
from anypool.model import HostId, VmId, VmState


class Templates(Acting):
    """The operation that marks."""

    def mark_template(self, vm: VmId, host: HostId, template: bool) -> None:
        """Make a template of a stopped VM, or a VM of a template; quiet if it is so."""
        here = self.found(vm, host)
        if here.is_template is template:
            return
        if here.state is not VmState.STOPPED:
            raise Conflict(f"VM {here.name} is {here.state}", hint="stop it first")
        if template:
            what = f"make VM {here.name} a template"
            self.session.do(what, lambda _: here.thing.MarkAsTemplate())
            return
        pool, place = self.root_pool(host), self.host_object(host)
        what = f"make template {here.name} a VM"
        self.session.do(what, lambda _: here.thing.MarkAsVirtualMachine(pool, place))
