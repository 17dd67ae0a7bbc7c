"""CPUs, memory and shares, changed while the VM runs as far as it was made to grow."""

import libvirt

from anypool.drivers.libvirt import xml_read, xml_vm
from anypool.drivers.libvirt.part import Part
from anypool.drivers.libvirt.xml_domain import KIB_PER_MIB, retuned
from anypool.drivers.libvirt.xml_vm import CPU_PERIOD_US
from anypool.drivers.libvirt.xml_write import document
from anypool.drivers.waiting import wait_until
from anypool.errors import Invalid, NotSupported, Rejected
from anypool.model import HostId, Resources, VmChange, VmId

LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
BALLOON_S = 20.0
_STOP = "stop it first"


class Reconfigure(Part):
    """The operation that changes a VM's size and shares."""

    def reconfigure_vm(self, vm: VmId, host: HostId, change: VmChange) -> None:
        """Change what is named; `Rejected` when a running VM cannot grow or shrink that far."""
        domain = self.find(vm, host)
        with self.session.reading(f"read VM {domain.name()}"):
            runs = bool(domain.isActive())
        if change.resources is not None:
            self._tune(domain, change.resources, runs)
        if change.vcpus is not None:
            self._set_vcpus(domain, change.vcpus, runs)
        if change.memory_mib is not None:
            self._set_memory(domain, change.memory_mib, runs)

    def _set_vcpus(self, domain: libvirt.virDomain, vcpus: int, runs: bool) -> None:
        if vcpus < 1:
            raise Invalid("a VM needs at least one CPU")
        with self.session.doing(f"give VM {domain.name()} {vcpus} CPUs"):
            if runs:
                self._plug_vcpus(domain, vcpus)
            if not domain.isPersistent():
                return
            most = domain.vcpusFlags(libvirt.VIR_DOMAIN_VCPU_MAXIMUM | CONFIG)
            if vcpus > most:
                domain.setVcpusFlags(vcpus, libvirt.VIR_DOMAIN_VCPU_MAXIMUM | CONFIG)
            domain.setVcpusFlags(vcpus, CONFIG)

    def _plug_vcpus(self, domain: libvirt.virDomain, vcpus: int) -> None:
        """Add or take CPUs of a running VM.

        With TCG a CPU is never taken: seen with QEMU 7.2, the request stays unanswered and
        the emulator dies of it later.
        """
        name, now = domain.name(), domain.vcpusFlags(LIVE)
        most = domain.vcpusFlags(libvirt.VIR_DOMAIN_VCPU_MAXIMUM | LIVE)
        if vcpus > most:
            raise Rejected(f"VM {name} can have at most {most} CPUs while it runs", hint=_STOP)
        if vcpus < now and self.platform.kind == "qemu":
            raise Rejected(f"VM {name} cannot give CPUs back while it runs with TCG", hint=_STOP)
        try:
            domain.setVcpusFlags(vcpus, LIVE)
        except libvirt.libvirtError as problem:
            if problem.get_error_code() != libvirt.VIR_ERR_OPERATION_TIMEOUT:
                raise
            if domain.vcpusFlags(LIVE) != vcpus:
                raise Rejected(f"the guest of VM {name} keeps its CPUs", hint=_STOP) from problem

    def _set_memory(self, domain: libvirt.virDomain, memory_mib: int, runs: bool) -> None:
        if memory_mib < 1:
            raise Invalid("a VM needs at least 1 MiB of memory")
        wanted_kib = memory_mib * KIB_PER_MIB
        with self.session.doing(f"give VM {domain.name()} {memory_mib} MiB"):
            if runs:
                self._balloon(domain, wanted_kib)
            if not domain.isPersistent():
                return
            kept = xml_read.parse(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
            if memory_mib > xml_read.size_mib(kept, "memory"):
                domain.setMemoryFlags(wanted_kib, libvirt.VIR_DOMAIN_MEM_MAXIMUM | CONFIG)
            domain.setMemoryFlags(wanted_kib, CONFIG)

    def _balloon(self, domain: libvirt.virDomain, wanted_kib: int) -> None:
        """Ask the guest and see it follow; put things back if it does not."""
        name = domain.name()
        before_kib, most_kib = domain.info()[2], domain.info()[1]
        if wanted_kib > most_kib:
            raise Rejected(
                f"VM {name} can have at most {most_kib // KIB_PER_MIB} MiB while it runs",
                hint=_STOP,
            )
        domain.setMemoryFlags(wanted_kib, LIVE)
        if not wait_until(lambda: bool(domain.info()[2] == wanted_kib), BALLOON_S):
            domain.setMemoryFlags(before_kib, LIVE)
            raise Rejected(
                f"the guest of VM {name} does not give or take memory",
                hint="is the guest up, with a balloon driver? otherwise stop the VM first",
            )

    def _tune(self, domain: libvirt.virDomain, wish: Resources, runs: bool) -> None:
        with self.session.doing(f"set shares and limits of VM {domain.name()}") as connection:
            if runs:
                self._tune_live(domain, wish)
            if domain.isPersistent():
                flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
                kept = xml_read.parse(domain.XMLDesc(flags))
                connection.defineXML(document(retuned(kept, wish)))

    def _tune_live(self, domain: libvirt.virDomain, wish: Resources) -> None:
        now = xml_vm.resources(xml_read.parse(domain.XMLDesc(0)))
        try:
            if (wish.cpu_shares, wish.cpu_limit_percent) != (now.cpu_shares, now.cpu_limit_percent):
                domain.setSchedulerParametersFlags(_scheduler(wish), LIVE)
            if wish.io_weight != now.io_weight:
                domain.setBlkioParameters({"weight": wish.io_weight or 500}, LIVE)
            if wish.memory_limit_mib != now.memory_limit_mib:
                limit = (
                    wish.memory_limit_mib * KIB_PER_MIB or libvirt.VIR_DOMAIN_MEMORY_PARAM_UNLIMITED
                )
                domain.setMemoryParameters({"hard_limit": limit}, LIVE)
        except libvirt.libvirtError as problem:
            said = problem.get_error_message() or ""
            if "cgroup" not in said.lower():
                raise
            raise NotSupported(
                f"host {self.platform.name} has no control groups for shares and limits: {said}",
                hint="mount cgroups on the host and list them in libvirt's qemu.conf",
            ) from problem


def _scheduler(wish: Resources) -> dict[str, int]:
    """libvirt's scheduler parameters; -1 is no limit, 1024 the usual share."""
    quota = wish.cpu_limit_percent * CPU_PERIOD_US // 100
    return {
        libvirt.VIR_DOMAIN_SCHEDULER_CPU_SHARES: wish.cpu_shares or 1024,
        libvirt.VIR_DOMAIN_SCHEDULER_GLOBAL_PERIOD: CPU_PERIOD_US,
        libvirt.VIR_DOMAIN_SCHEDULER_GLOBAL_QUOTA: quota or -1,
    }
