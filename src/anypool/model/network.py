"""A network that VMs attach to."""

from msgspec import Struct

from anypool.model.ids import EndpointId, NetworkId


class Network(Struct, frozen=True, kw_only=True, gc=False):
    """One network by name; hosts that carry the same name carry the same network.

    `vlan` is its VLAN, 0 for none or where nobody says; `place` and `labels` are the
    platform's own, as of a host.
    """

    id: NetworkId
    name: str
    kind: str = "bridge"
    bridge: str = ""
    endpoints: frozenset[EndpointId] = frozenset()
    tags: frozenset[str] = frozenset()
    vlan: int = 0
    place: str = ""
    labels: frozenset[str] = frozenset()
