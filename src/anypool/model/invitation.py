"""What one manager of VMs must know of another, for a VM to move there: for one order alone."""

from msgspec import Struct

from anypool.model.ids import DatastoreId, NetworkId


class Doorway(Struct, frozen=True, kw_only=True, gc=False):
    """A network of the other side by its names there; `group` and `switch` if distributed."""

    network: NetworkId
    name: str
    place: str
    group: str = ""
    switch: str = ""


class Invitation(Struct, frozen=True, kw_only=True, gc=False):
    """How a VM comes to a host behind another endpoint; names are those of that platform.

    It holds a password or a private key, is never stored, and shows none when it is printed.
    `thumbprint` is what the other side shows: the hash of a certificate, or a host key of SSH.
    """

    url: str
    thumbprint: str
    user: str
    secret: str
    instance: str = ""
    host: str = ""
    pool: str = ""
    folder: str = ""
    stores: tuple[tuple[DatastoreId, str], ...] = ()
    networks: tuple[Doorway, ...] = ()

    def __repr__(self) -> str:
        return f"Invitation({self.url}, {self.host})"
