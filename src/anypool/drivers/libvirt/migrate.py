"""Live migration from host to host, and what both sides show meanwhile.

The transfer is peer to peer: the source's libvirtd leads it, so it goes on when this
process dies, and any process may ask how it stands. What `Vm.state` and `Vm.reason` say
on both sides, seen with libvirt 9.0 and QEMU 7.2 (`tests/lab/test_libvirt_migration.py`):

=====================================  ======================  ==========================
moment                                 source                  target
=====================================  ======================  ==========================
not begun, or failed while copying     RUNNING, as before      absent
copying                                RUNNING, as before      PAUSED, INCOMING
handing over                           PAUSED, MIGRATING       PAUSED, INCOMING
done                                   absent                  RUNNING, MIGRATED
done, `start_paused`                   absent                  PAUSED, BY_USER
target finished, its answer is lost    PAUSED, MIGRATING       RUNNING, MIGRATED
- some 20 s later, lock effective      PAUSED, MIGRATING       RUNNING, MIGRATED
- some 20 s later, no effective lock   RUNNING, M.-CANCELLED   RUNNING, MIGRATED (twice!)
the same with `start_paused`           PAUSED, MIGRATING       PAUSED, BY_USER
- some 20 s later, lock or not         RUNNING, M.-CANCELLED   PAUSED, BY_USER
libvirtd of the source killed          nobody answers          absent within 0.3 s
- and started again                    RUNNING, as before      absent
libvirtd of the target killed          RUNNING, as before      its QEMU ended too; absent
QEMU of the source killed              CRASHED (0.7 s later)   absent
QEMU of the target killed              RUNNING, as before      absent
=====================================  ======================  ==========================

The waiting source (PAUSED, MIGRATING after the job's end) stays so for ever, also when its
libvirtd is restarted. The source resumes by itself when it loses the target, so a target
that was resumed before the source was seen gone may be a second copy.
"""

import threading
from typing import Any

import libvirt
from msgspec.structs import replace

from anypool.drivers.libvirt import transfer, trouble, xml_read, xml_vm
from anypool.drivers.libvirt.address import Address
from anypool.drivers.libvirt.connect import Session
from anypool.drivers.libvirt.part import Part, long
from anypool.drivers.libvirt.platform import Platform
from anypool.drivers.libvirt.transfer import Transfer
from anypool.drivers.libvirt.way import way_of
from anypool.drivers.protocol import Migration
from anypool.drivers.waiting import wait_until
from anypool.errors import Conflict, Invalid, NotFound, OutcomeUnknown, Rejected
from anypool.model import Job, JobState, VmId, VmState

BEGIN_S = 30.0
CANCEL_S = 20.0
ANSWER_S = 2.0
_EVENT_S = 0.5
_RPC_ERRORS = frozenset({libvirt.VIR_FROM_RPC, libvirt.VIR_FROM_REMOTE, libvirt.VIR_FROM_STREAMS})


class Migrations(Part):
    """The operations that migrate; asked of the source's endpoint."""

    def __init__(self, session: Session, host: Platform) -> None:
        """Hear of the end of jobs, which tells how long the pause was."""
        super().__init__(session, host)
        self._lock = threading.Lock()
        self._transfers: dict[VmId, Transfer] = {}
        self._adopted: set[VmId] = set()
        self._pauses_ms: dict[VmId, int] = {}
        session.listen(self._hear)

    @long
    def begin_migration(self, order: Migration) -> None:
        """Begin and return once memory flows; quiet if a migration is under way already."""
        domain = self.find(order.vm, order.source)
        if transfer.statistics(domain) is not None:
            self._adopt(order, domain)
            return
        flags = self._flags(order, domain)
        with way_of(self, order) as uri:
            self._begin(replace(order, invitation=None), domain, (uri, flags))

    def _begin(self, order: Migration, domain: libvirt.virDomain, way: tuple[str, int]) -> None:
        begun = Transfer(order, domain, way, self.session.hold_lane)
        with self._lock:
            self._pauses_ms.pop(order.vm, None)
            self._transfers[order.vm] = begun
        with self.session.doing(f"begin to migrate VM {domain.name()}"):
            begun.begin()
        if not wait_until(lambda: begun.ended.is_set() or _flows(domain), BEGIN_S):
            raise OutcomeUnknown(
                f"VM {domain.name()}: no memory flowed in {BEGIN_S:g} s", hint="look at both hosts"
            )
        if begun.problem is not None:
            with self._lock:
                self._transfers.pop(order.vm, None)
            raise self._explained(begun.problem, order, domain.name())

    def migration(self, order: Migration) -> Job:
        """Say how it stands; `GONE` when only looking at both hosts tells."""
        self.check_host(order.source)
        with self._lock:
            mine = self._transfers.get(order.vm)
        if mine is not None and mine.order == order:
            if transfer.statistics(mine.domain) is None:  # libvirt's answer is on its way
                mine.ended.wait(ANSWER_S)
            return self._ended(mine) if mine.ended.is_set() else _progress(mine.domain)
        try:
            domain = self.session.vm(order.vm)
        except NotFound:
            return Job(state=JobState.GONE, message="the source does not know the VM any more")
        if transfer.statistics(domain) is None:
            return Job(state=JobState.GONE)
        self._adopt(order, domain)
        return _progress(domain)

    def cancel_migration(self, order: Migration) -> None:
        """Abort the job and wait for its end; quiet if there is none."""
        try:
            domain = self.find(order.vm, order.source)
        except NotFound:
            self.check_host(order.source)
            return
        if transfer.statistics(domain) is None:
            return
        with self.session.doing(f"cancel the migration of VM {domain.name()}"):
            try:
                domain.abortJob()
            except libvirt.libvirtError as problem:
                if problem.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID:
                    raise
        self.wait_for(lambda: transfer.statistics(domain) is None, "cancel the migration", CANCEL_S)

    def _flags(self, order: Migration, domain: libvirt.virDomain) -> int:
        if not order.peer_uri:
            raise Invalid(
                f"host {order.target} has no address for its peers",
                hint="add its endpoint by qemu+tls://, or set the endpoint option peer_uri",
            )
        if (state := self.state(domain)) not in (VmState.RUNNING, VmState.PAUSED):
            raise Conflict(f"VM {domain.name()} is {state}", hint="only a running VM migrates")
        flags: int = (
            libvirt.VIR_MIGRATE_LIVE
            | libvirt.VIR_MIGRATE_PEER2PEER
            | libvirt.VIR_MIGRATE_PERSIST_DEST
            | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
            | libvirt.VIR_MIGRATE_ABORT_ON_ERROR
        )
        if self._on_shared_disks(domain):
            flags |= libvirt.VIR_MIGRATE_UNSAFE
        if order.start_paused:
            flags |= libvirt.VIR_MIGRATE_PAUSED
        if Address(order.peer_uri).transport == "tls":
            flags |= libvirt.VIR_MIGRATE_TLS
        return flags

    def _on_shared_disks(self, domain: libvirt.virDomain) -> bool:
        """Whether it has disks; libvirt cannot know that our marked datastores are shared."""
        with self.session.reading(f"read VM {domain.name()}"):
            described = xml_read.parse(domain.XMLDesc(0))
        disks = xml_vm.disks(described, lambda _: None)
        for disk in disks:
            pool = self.pools.at(disk.path)
            if pool is None or not pool.shared:
                raise Rejected(
                    f"VM {domain.name()} cannot migrate: its disk {disk.target} is not on a "
                    "shared datastore",
                    hint="mark the datastore if every host sees the same one under the same path",
                )
        return bool(disks)

    def _adopt(self, order: Migration, domain: libvirt.virDomain) -> None:
        """Mind the pause of a transfer that another process began."""
        with self._lock:
            mine = self._transfers.get(order.vm)
            if order.vm in self._adopted or (mine is not None and not mine.ended.is_set()):
                return
            self._adopted.add(order.vm)

        def forget() -> None:
            with self._lock:
                self._adopted.discard(order.vm)

        transfer.mind_the_pause(order, domain, threading.Event(), forget)

    def _ended(self, mine: Transfer) -> Job:
        if mine.problem is None:
            if self._runs_here(mine.order.vm):  # it has come back since
                return Job(state=JobState.GONE)
            return Job(state=JobState.DONE, pause_ms=self._pause_ms(mine.order.vm))
        said = str(mine.problem.get_error_message())
        unsure = mine.problem.get_error_domain() in _RPC_ERRORS
        return Job(state=JobState.GONE if unsure else JobState.FAILED, message=said)

    def _runs_here(self, vm: VmId) -> bool:
        try:
            return self.state(self.session.vm(vm)) in (VmState.RUNNING, VmState.PAUSED)
        except NotFound:
            return False

    def _pause_ms(self, vm: VmId) -> int:
        wait_until(lambda: vm in self._pauses_ms, _EVENT_S)
        return self._pauses_ms.get(vm, 0)

    def _hear(self, connection: libvirt.virConnect) -> None:
        connection.domainEventRegisterAny(
            None, libvirt.VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, self._heard, None
        )

    def _heard(self, _: object, domain: libvirt.virDomain, job: dict[str, Any], __: object) -> None:
        self._pauses_ms[VmId(domain.UUIDString())] = int(job.get("downtime", 0))

    def _explained(self, problem: libvirt.libvirtError, order: Migration, name: str) -> Exception:
        what = f"migrate VM {name} to {order.peer_uri}"
        if not self.session.connection().isAlive():
            return OutcomeUnknown(f"{what}: the connection to the source broke", hint="look first")
        explained = trouble.explained(problem, what)
        explained.hint = explained.hint or "does the source reach the target's libvirt there?"
        return explained


def _progress(domain: libvirt.virDomain) -> Job:
    found = transfer.statistics(domain) or {}
    return Job(
        state=JobState.RUNNING,
        bytes_total=found.get("data_total", 0),
        bytes_left=found.get("data_remaining", 0),
    )


def _flows(domain: libvirt.virDomain) -> bool:
    found = transfer.statistics(domain)
    return found is not None and found.get("memory_total", 0) > 0
