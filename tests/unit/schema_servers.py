"""Rows of the tables of physical servers, for the golden databases; no test of its own."""

from anypool.model import HostId, ServerId
from anypool.store import Tx, facts
from anypool.store.records import ServerFacts

BLADE = ServerId(HostId("s1"))


def servers(tx: Tx) -> None:
    """Write what is ours of a server."""
    kept = ServerFacts(server=BLADE, spare=True, chassis="bx1", slot="3", tags=frozenset({"blue"}))
    facts.servers.put(tx, kept)
