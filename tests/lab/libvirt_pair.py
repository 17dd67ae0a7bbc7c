"""Two hosts of the lab and one VM on them, seen through the libvirt driver."""

from collections import Counter
from pathlib import Path

from anypool.drivers import Driver, Migration
from anypool.drivers.registry import connect
from anypool.model import (
    Boot,
    DatastoreId,
    DiskWish,
    Endpoint,
    EndpointId,
    Host,
    JobState,
    NetworkId,
    Nic,
    StateReason,
    VmId,
    VmState,
    VmWish,
)
from tests.lab.conftest import RunningLab, wait_until

VM = VmId("0a0a0a0a-0000-4000-8000-000000000001")
LIBVIRT_PORT = 16509
GIVES_UP_S = 60.0
"""libvirt's own limit for a peer that does not answer is 30 s."""

Seen = tuple[VmState, StateReason] | None
ABSENT: Seen = None
COPYING: Seen = (VmState.PAUSED, StateReason.INCOMING)
HANDED_OVER: Seen = (VmState.PAUSED, StateReason.MIGRATING)
RUNNING: Seen = (VmState.RUNNING, StateReason.NONE)
ARRIVED: Seen = (VmState.RUNNING, StateReason.MIGRATED)
WAITING: Seen = (VmState.PAUSED, StateReason.BY_USER)
RESUMED_ITSELF: Seen = (VmState.RUNNING, StateReason.MIGRATION_CANCELLED)


class Pair:
    """The lab's hosts h1 and h2 with one VM, seen through two drivers."""

    def __init__(self, lab: RunningLab) -> None:
        self.lab = lab
        self.source, self.target = self.connect("h1"), self.connect("h2")
        self.here, self.there = host_of(self.source), host_of(self.target)
        self.console = Path(lab.status().console_dir) / f"{VM}.log"

    def connect(self, server: str) -> Driver:
        options = (("console_log_dir", self.lab.status().console_dir), ("accelerator", "tcg"))
        endpoint = Endpoint(
            id=EndpointId(server),
            driver="libvirt",
            uri=self.lab.server(server).libvirt_uri,
            options=options,
        )
        return connect(endpoint, "")

    def shared(self) -> DatastoreId:
        """The datastore both hosts see, marked if need be."""
        store = next(d for d in self.source.observe().datastores if d.name == "shared")
        self.source.mark_datastore(store.id)
        self.target.observe()
        return next(d.id for d in self.source.observe().datastores if d.name == "shared")

    def start(self, *, shareable: bool = False, options: str = "tick=0.1") -> None:
        """Start the VM on h1 and wait for its ticks."""
        image = self.lab.status().image
        assert image is not None
        kind = "raw" if shareable else "qcow2"
        disk = DiskWish(
            target="vda",
            datastore=self.shared(),
            size_bytes=16 << 20,
            volume=f"moving.{kind}",
            format=kind,
            shareable=shareable,
        )
        cmdline = f"{image.cmdline} {options}"
        wish = VmWish(
            id=VM,
            name="moving",
            memory_mib=image.memory_mib,
            disks=(disk,),
            nics=(Nic(mac="52:54:00:00:02:01", network=NetworkId("data")),),
            boot=Boot(kernel=image.kernel, initrd=image.initrd, cmdline=cmdline),
        )
        self.console.unlink(missing_ok=True)
        self.source.create_vm(wish, self.here.id, "test/1")
        self.source.start_vm(VM, self.here.id)
        wait_until(lambda: len(self.ticks()) > 3, "the guest ticks", timeout_s=150)

    def order(self, *, start_paused: bool = False, bandwidth_mib_s: int = 0) -> Migration:
        return Migration(
            vm=VM,
            source=self.here.id,
            target=self.there.id,
            peer_uri=self.there.peer_uri,
            peer_address=self.there.peer_address,
            start_paused=start_paused,
            bandwidth_mib_s=bandwidth_mib_s,
        )

    def both(self) -> tuple[Seen, Seen]:
        return look(self.source), look(self.target)

    def wait_for(self, here: Seen, there: Seen) -> None:
        wanted = (here, there)
        what = f"{wanted}, the last seen was {self.both()}"
        wait_until(lambda: self.both() == wanted, what, timeout_s=GIVES_UP_S)

    def finish(self, order: Migration) -> JobState:
        """Wait for the end of a migration and say what the driver says of it."""
        job = wait_until(
            lambda: (found := self.source.migration(order)).state is not JobState.RUNNING and found,
            "the migration ends",
            timeout_s=GIVES_UP_S,
        )
        assert job
        return job.state

    def ticks(self) -> list[int]:
        if not self.console.exists():
            return []
        lines = self.console.read_text(errors="replace").splitlines()[:-1]
        return [int(line.split()[1]) for line in lines if line.startswith("tick ")]

    def ticks_on(self, count: int = 5) -> None:
        goal = self.ticks()[-1] + count
        wait_until(lambda: self.ticks()[-1] >= goal, f"the guest ticks on to {goal}")

    def ran_twice(self) -> bool:
        """Whether two copies counted: the same tick came twice."""
        return max(Counter(self.ticks()).values()) > 1

    def daemon(self, server: str) -> int:
        """The process of a server's libvirtd."""
        for pid in self.lab.server(server).pids:
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"libvirtd"):
                return pid
        raise AssertionError(f"no libvirtd on {server}")

    def emulator(self, server: str) -> int:
        """The process of the VM on a server."""
        return next(p.pid for p in self.lab.processes(server) if p.vm_uuid == VM)

    def clear(self) -> None:
        """Forget every copy and the volumes."""
        self.lab.repair()
        for server in ("h1", "h2"):
            driver = self.connect(server)
            driver.discard_copy(VM, host_of(driver).id)
        driver = self.connect("h1")
        for name in ("moving.qcow2", "moving.raw"):
            driver.delete_volume(self.shared(), name)


def host_of(driver: Driver) -> Host:
    (host,) = driver.observe().hosts
    return host


def look(driver: Driver) -> Seen:
    found = driver.observe_vms((VM,)).vms
    return (found[0].state, found[0].reason) if found else None
