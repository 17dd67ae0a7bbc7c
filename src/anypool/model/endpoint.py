"""An endpoint: the address a driver connects to."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.ids import EndpointId


class EndpointState(StrEnum):
    """How the conversation with an endpoint goes."""

    NEW = "new"
    CONNECTED = "connected"
    UNREACHABLE = "unreachable"
    QUARANTINED = "quarantined"


class Endpoint(Struct, frozen=True, kw_only=True, gc=False):
    """An address with the driver that speaks to it; credentials are kept elsewhere.

    With `observe_only` its driver can look and do nothing else; so it is while `unread`: the
    records are from a backup, and it was not read whole since.
    """

    id: EndpointId
    driver: str
    uri: str
    pool: str = "default"
    options: tuple[tuple[str, str], ...] = ()
    observe_only: bool = False
    unread: bool = False


class EndpointHealth(Struct, frozen=True, kw_only=True, gc=False):
    """What the last attempts said; `seen_at` and `since` are seconds since 1970, 0 for never."""

    id: EndpointId
    state: EndpointState = EndpointState.NEW
    message: str = ""
    since: float = 0.0
    seen_at: float = 0.0


class KnownEndpoint(Struct, frozen=True, kw_only=True, gc=False):
    """An endpoint and how the conversation with it goes."""

    endpoint: Endpoint
    health: EndpointHealth

    @property
    def id(self) -> EndpointId:
        """Its id, which is its name."""
        return self.endpoint.id
