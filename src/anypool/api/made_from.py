"""What is shown of the image that a VM was made from."""

from msgspec import Struct

from anypool.model import CopyState, Inventory, Vm


class OriginView(Struct, frozen=True, kw_only=True):
    """The version of an image that a VM was made from; `name` is null when the image is gone.

    `state` is newest, older, deprecated, changed (its volume was changed in place) or gone.
    """

    id: str
    version: int
    name: str | None
    digest: str | None
    state: str


def origin_view(vm: Vm, inventory: Inventory) -> OriginView | None:
    """Return what a VM was made from, None if that was no image of ours."""
    if (origin := vm.origin) is None:
        return None
    image = inventory.images.get(origin.image)
    version = None if image is None else image.version(origin.version)
    if image is None or version is None:
        return OriginView(
            id=origin.image,
            version=origin.version,
            name=None,
            digest=origin.digest or None,
            state="gone",
        )
    stores = {disk.datastore for disk in vm.disks}
    state = "older" if version is not image.newest else "newest"
    if version.deprecated:
        state = "deprecated"
    if any(copy.state is CopyState.CHANGED and copy.datastore in stores for copy in version.copies):
        state = "changed"
    return OriginView(
        id=image.id,
        version=version.number,
        name=image.called(version.number),
        digest=version.digest or origin.digest or None,
        state=state,
    )
