"""VMs that are defined anew on another host, with the volumes they have."""

from anypool.model import Disk, DiskWish, Vm, VmWish


def wish_of(vm: Vm) -> VmWish:
    """Return a VM as it is defined anew: with the volumes it has."""
    return VmWish(
        id=vm.id,
        name=vm.name,
        vcpus=vm.vcpus,
        memory_mib=vm.memory_mib,
        cpu_model=vm.cpu_model,
        disks=tuple(_disk(one) for one in vm.disks),
        nics=vm.nics,
        boot=vm.boot,
        resources=vm.resources,
        tags=vm.tags,
        origin=vm.origin,
    )


def _disk(disk: Disk) -> DiskWish:
    assert disk.datastore is not None
    return DiskWish(
        target=disk.target,
        datastore=disk.datastore,
        size_bytes=disk.size_bytes,
        volume=disk.volume,
        format=disk.format,
        shareable=disk.shareable,
    )
