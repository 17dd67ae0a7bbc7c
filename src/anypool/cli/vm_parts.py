"""`anypool vm disk|nic|snapshot`: what a VM has."""

from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where
from anypool.cli.deeds import PLAINLY, How, do
from anypool.cli.words import with_unit

disk = App(name="disk", help="Disks of a VM.")
nic = App(name="nic", help="Network adapters of a VM.")
snapshot = App(name="snapshot", help="Snapshots of a VM.")


@disk.command(name="add")
def add_disk(
    vm: str,
    size: str,
    /,
    *,
    datastore: Annotated[str, Parameter(help="where it is made; as the first disk")] = "",
    how: How = PLAINLY,
    where: Where = HERE,
) -> int:
    """Make an empty disk, such as of 10GiB, and give it to a VM, also while it runs."""
    body: Json = {"size": with_unit(size)}
    body |= {"datastore": datastore} if datastore else {}
    return _post(f"{_vm(vm)}/disks", body, how, where)


@disk.command(name="remove")
def remove_disk(vm: str, target: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Take a disk, such as vdb, from a VM; its volume stays."""
    path = f"{_vm(vm)}/disks/{key(target)}"
    return _delete(path, how, where, f"Take disk {target} from {vm}?")


@nic.command(name="add")
def add_nic(
    vm: str,
    network: str,
    /,
    *,
    mac: Annotated[str, Parameter(help="its address; made up if left out")] = "",
    how: How = PLAINLY,
    where: Where = HERE,
) -> int:
    """Give a VM an adapter on a network, also while it runs."""
    body: Json = {"network": network}
    body |= {"mac": mac} if mac else {}
    return _post(f"{_vm(vm)}/nics", body, how, where)


@nic.command(name="remove")
def remove_nic(vm: str, mac: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Take an adapter from a VM, by its address."""
    return _delete(f"{_vm(vm)}/nics/{key(mac)}", how, where, f"Take adapter {mac} from {vm}?")


@snapshot.command(name="create")
def create_snapshot(vm: str, name: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Take a snapshot of a VM, with its memory if it runs."""
    return _post(f"{_vm(vm)}/snapshots", {"name": name}, how, where)


@snapshot.command(name="revert")
def revert_snapshot(vm: str, name: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Return a VM to a snapshot."""
    path = f"{_vm(vm)}/snapshots/{key(name)}/revert"
    question = f"Return {vm} to {name}? What happened since is lost."
    return do(where, how, lambda client, dry: client.post(path, dry_run=dry), question=question)


@snapshot.command(name="delete")
def delete_snapshot(vm: str, name: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Forget a snapshot of a VM."""
    path = f"{_vm(vm)}/snapshots/{key(name)}"
    return _delete(path, how, where, f"Delete the snapshot {name} of {vm}?")


def _vm(name: str) -> str:
    return f"/vms/{key(name)}"


def _post(path: str, body: Json, how: How, where: Where) -> int:
    return do(where, how, lambda client, dry: client.post(path, body, dry_run=dry))


def _delete(path: str, how: How, where: Where, question: str) -> int:
    return do(where, how, lambda client, dry: client.delete(path, dry_run=dry), question=question)
