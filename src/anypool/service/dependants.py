"""Who would be lost with the volumes of an image: linked clones, and the VMs they belong to."""

from collections import defaultdict
from collections.abc import Iterable

from anypool.model import Image, ImageVersion, Inventory, Place, Vm, Volume


def dependants(
    image: Image,
    version: ImageVersion | None,
    inventory: Inventory,
    volumes: Iterable[Volume],
) -> tuple[str, ...]:
    """Return the names of the VMs that depend on an image, or on one version of it, sorted.

    A linked clone that no VM has is named as a volume. Of a VM that was made from it and
    whose volumes nobody sees, nobody can say that it does not depend on it: it is named.
    """
    places = frozenset(image.places)
    seen: dict[Place, Volume] = {(one.datastore, one.name): one for one in volumes}
    owners: dict[Place, list[Vm]] = defaultdict(list)
    found: set[str] = set()
    for vm in inventory.vms.values():
        for disk in vm.disks:
            if disk.datastore is None:
                continue
            owners[disk.datastore, disk.volume].append(vm)
            unseen = (disk.datastore, disk.volume) not in seen
            if unseen and _made_from(vm, image, version) and disk.datastore in dict(places):
                found.add(vm.name)
    for place, volume in seen.items():
        base = (volume.datastore, volume.base)
        if not volume.base or base not in places:
            continue
        here = version is None or image.holder(base) is version
        for vm in owners[place]:
            if _made_from(vm, image, version) if _knows(vm, image) else here:
                found.add(vm.name)
        if not owners[place] and here:
            found.add(f"the volume {volume.name}")
    return tuple(sorted(found))


def _knows(vm: Vm, image: Image) -> bool:
    return vm.origin is not None and vm.origin.image == image.id


def _made_from(vm: Vm, image: Image, version: ImageVersion | None) -> bool:
    if vm.origin is None or vm.origin.image != image.id:
        return False
    return version is None or image.version(vm.origin.version) is version
