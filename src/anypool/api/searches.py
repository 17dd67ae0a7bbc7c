"""The routes of searches for servers."""

from typing import Annotated

from litestar import get, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from anypool.api.asking import By, Key, Use
from anypool.api.vms import Text
from anypool.drivers.seeking import FoundBmc
from anypool.engine.discovery import Search
from anypool.service.searches import NewSearch, Searches

Port = Annotated[int, Meta(ge=1, le=65535)]


class SearchBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to look for BMCs: ranges such as `10.0.0.0/24,10.0.1.5-40`, and addresses."""

    ranges: Annotated[str, Meta(max_length=2000)] = ""
    addresses: Annotated[tuple[Text, ...], Meta(max_length=4096)] = ()
    redfish_port: Port = 443
    ipmi_port: Port = 623


class FoundView(Struct, frozen=True, kw_only=True):
    """A BMC that answered. `server` is the one it is known as, "" if it is new.

    Of a Redfish service `fingerprint` is the SHA-256 of its certificate; "" without one.
    """

    address: str
    redfish: str
    product: str
    uuid: str
    fingerprint: str
    ipmi: bool
    server: str


class SearchView(Struct, frozen=True, kw_only=True):
    """How far a search is."""

    id: str
    addresses: int
    done: int
    ended: bool
    found: tuple[FoundView, ...]


def _view(searches: Searches, search: Search) -> SearchView:
    found = tuple(_found(searches, one) for one in search.found)
    return SearchView(
        id=search.id,
        addresses=search.addresses,
        done=search.done,
        ended=search.ended,
        found=found,
    )


def _found(searches: Searches, one: FoundBmc) -> FoundView:
    known, said = searches.known(one), one.redfish
    return FoundView(
        address=one.address,
        redfish="" if said is None else said.version,
        product="" if said is None else said.product,
        uuid="" if said is None else said.uuid,
        fingerprint="" if said is None else said.fingerprint,
        ipmi=one.ipmi,
        server="" if known is None else known.name,
    )


@post("/server-searches", sync_to_thread=True)
def begin_search(services: Use, by: By, data: JSONBody[SearchBody]) -> SearchView:
    """Begin to look for BMCs at addresses; nobody logs in and nothing is changed there."""
    asked = NewSearch(
        ranges=data.ranges,
        addresses=data.addresses,
        redfish_port=data.redfish_port,
        ipmi_port=data.ipmi_port,
    )
    return _view(services.searches, services.searches.begin(by, asked))


@get("/server-searches/{key:str}", sync_to_thread=True)
def get_search(services: Use, by: By, key: Key) -> SearchView:
    """Show how far a search is, and what it found."""
    return _view(services.searches, services.searches.get(by, key))


ROUTES = (begin_search, get_search)
