"""Snapshots: with memory if the VM runs, known by their step in their description."""

from typing import Any

from anypool.drivers.names import check_name
from anypool.drivers.vsphere import notes
from anypool.drivers.vsphere.acting import Acting, Found
from anypool.drivers.vsphere.inventory import plain
from anypool.errors import Conflict, NotFound
from anypool.model import HostId, VmId


class Snapshots(Acting):
    """The operations on snapshots."""

    def create_snapshot(self, vm: VmId, host: HostId, name: str, tag: str) -> None:
        """Take a snapshot; one of that name by the same step is enough."""
        check_name("snapshot", name)
        here = self.live(vm, host)
        if (taken := tree(here, name)) is not None:
            if notes.made_by(taken.description) == tag:
                return
            raise Conflict(f"VM {here.name} has a snapshot {name} already", hint="choose another")
        self.begin(
            f"take snapshot {name} of VM {here.name}",
            lambda _: here.thing.CreateSnapshot_Task(
                name=name, description=notes.words(tag), memory=here.runs, quiesce=False
            ),
        )

    def revert_snapshot(self, vm: VmId, host: HostId, name: str) -> None:
        """Return to a snapshot; a VM that ran when it was taken runs afterwards."""
        here = self.live(vm, host)
        if (taken := tree(here, name)) is None:
            raise NotFound(f"VM {here.name} has no snapshot {name}")
        place = self.host_object(host)
        self.begin(
            f"return VM {here.name} to snapshot {name}",
            lambda _: taken.snapshot.RevertToSnapshot_Task(place, False),
        )

    def delete_snapshot(self, vm: VmId, host: HostId, name: str) -> None:
        """Forget a snapshot; those taken after it stay. Quiet if it is not there."""
        here = self.found(vm, host)
        if (taken := tree(here, name)) is None:
            return
        self.begin(
            f"forget snapshot {name} of VM {here.name}",
            lambda _: taken.snapshot.RemoveSnapshot_Task(False, True),
        )


def tree(here: Found, name: str) -> Any:
    """Return the snapshot of a VM that bears a name, None if it has none."""
    waiting = list(getattr(here.entry.get("snapshot"), "rootSnapshotList", ()) or ())
    while waiting:
        one = waiting.pop(0)
        if plain(one.name) == name:
            return one
        waiting += list(one.childSnapshotList or ())
    return None
