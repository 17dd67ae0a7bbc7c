"""What is ours about things, as opposed to what is observed: one shelf for each noun.

Passwords are in `store.secrets`: that of an endpoint under its id, that of the BMC of a host
under `bmc:` and the id of the host.
"""

from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace
from sqlalchemy import Table, bindparam, delete, select

from anypool.model import (
    Bmc,
    DatastoreId,
    Endpoint,
    EndpointId,
    HostId,
    Image,
    ImageId,
    Policy,
    PolicyId,
    Pool,
    PoolId,
    Profile,
    ProfileId,
    ServerId,
    Service,
    ServiceId,
    VmId,
)
from anypool.model.address import AddressRange
from anypool.store import profile_tables, tables
from anypool.store.records import DatastoreFacts, HostFacts, ServerFacts, VmFacts, Watched
from anypool.store.restored_tables import unread as awaited
from anypool.store.server_tables import server_facts
from anypool.store.tx import Tx, from_row, to_row

K = TypeVar("K", bound=str)
R = TypeVar("R", bound=msgspec.Struct)


class Shelf(Generic[K, R]):
    """A table of records by their id; columns are the record's fields, the first is the key.

    Fields that are found out and not kept are `derived`, with what they are until then.
    """

    def __init__(self, table: Table, kind: type[R], **derived: object) -> None:
        self._table = table
        self._kind = kind
        self._derived = derived
        (key,) = table.primary_key
        this = key == bindparam("this")
        self._one = select(table).where(this)
        self._all = select(table).order_by(key)
        self._delete = delete(table).where(this)

    def get(self, tx: Tx, key: K) -> R | None:
        """Return a record, None if there is none."""
        row = tx.row(self._one, this=key)
        return None if row is None else from_row(row, self._kind, **self._derived)

    def put(self, tx: Tx, record: R) -> None:
        """Store a record in place of the one with its id; `Conflict` if its name is taken."""
        row = to_row(record)
        tx.put(self._table, [{name: row[name] for name in row.keys() - self._derived.keys()}])

    def delete(self, tx: Tx, key: K) -> bool:
        """Forget a record; return whether there was one."""
        return tx.run(self._delete, [{"this": key}]) > 0

    def all(self, tx: Tx) -> tuple[R, ...]:
        """Return all records by id."""
        return tuple(from_row(row, self._kind, **self._derived) for row in tx.rows(self._all))


hosts: Shelf[HostId, HostFacts] = Shelf(tables.host_facts, HostFacts)
servers: Shelf[ServerId, ServerFacts] = Shelf(server_facts, ServerFacts)
profiles: Shelf[ProfileId, Profile] = Shelf(profile_tables.profiles, Profile)
address_ranges: Shelf[str, AddressRange] = Shelf(profile_tables.address_ranges, AddressRange)
bmcs: Shelf[HostId, Bmc] = Shelf(tables.bmcs, Bmc)
vms: Shelf[VmId, VmFacts] = Shelf(tables.vm_facts, VmFacts)
datastores: Shelf[DatastoreId, DatastoreFacts] = Shelf(tables.datastore_facts, DatastoreFacts)
images: Shelf[ImageId, Image] = Shelf(tables.images, Image)
endpoints: Shelf[EndpointId, Endpoint] = Shelf(tables.endpoints, Endpoint, unread=False)
pools: Shelf[PoolId, Pool] = Shelf(tables.pools, Pool)
services: Shelf[ServiceId, Service] = Shelf(tables.services, Service)
policies: Shelf[PolicyId, Policy] = Shelf(tables.policies, Policy)
watches: Shelf[PolicyId, Watched] = Shelf(tables.watches, Watched)

_AWAITED = select(awaited).where(awaited.c.endpoint == bindparam("this"))


def effective(tx: Tx, endpoint: Endpoint) -> Endpoint:
    """Return an endpoint as it is to be connected to: observe-only where its pool is, too.

    And so it is from a restore of the records until it was read whole.
    """
    pool = pools.get(tx, PoolId(endpoint.pool))
    unread = tx.row(_AWAITED, this=endpoint.id) is not None
    closed = endpoint.observe_only or unread or (pool is not None and pool.observe_only)
    return replace(endpoint, observe_only=closed, unread=unread)
