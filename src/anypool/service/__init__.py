"""Use cases: the only thing that the API calls.

Every method takes the principal first and looks at the permission table before anything
else; everything raised is from `anypool.errors`.
"""

from typing import NamedTuple

from anypool.clock import Clock
from anypool.engine import DriverPool, Engine
from anypool.service.access import Deed, Principal, require
from anypool.service.consoles import Consoles
from anypool.service.datastores import Datastores
from anypool.service.devices import Devices
from anypool.service.endpoints import Endpoints
from anypool.service.events import Events
from anypool.service.facts import Facts
from anypool.service.hosts import Hosts
from anypool.service.images import Images
from anypool.service.logins import Logins
from anypool.service.networks import Networks
from anypool.service.once import Once
from anypool.service.operations import Operations
from anypool.service.pages import Ask, Page
from anypool.service.people import People
from anypool.service.plans import Plans
from anypool.service.pool import Pool
from anypool.service.proposals import Proposal, Proposals
from anypool.service.reach import Reach
from anypool.service.snapshots import Snapshots
from anypool.service.underway import Underway
from anypool.service.vms import Vms
from anypool.service.volumes import Volumes
from anypool.settings import Settings
from anypool.store import Store

__all__ = ["Ask", "Deed", "Page", "Principal", "Proposal", "Services", "require", "services"]


class Services(NamedTuple):
    """One of each."""

    consoles: Consoles
    datastores: Datastores
    devices: Devices
    endpoints: Endpoints
    events: Events
    hosts: Hosts
    images: Images
    logins: Logins
    networks: Networks
    once: Once
    operations: Operations
    people: People
    plans: Plans
    pool: Pool
    snapshots: Snapshots
    vms: Vms
    volumes: Volumes


def services(
    engine: Engine, store: Store, drivers: DriverPool, clock: Clock, settings: Settings
) -> Services:
    """Return all use cases, wired."""
    proposals = Proposals(engine, settings)
    underway = Underway(store)
    facts = Facts(engine, store)
    reach = Reach(store, drivers)
    return Services(
        consoles=Consoles(engine, reach, clock),
        datastores=Datastores(engine, facts, reach),
        devices=Devices(engine, proposals, underway),
        endpoints=Endpoints(engine, store),
        events=Events(engine, store),
        hosts=Hosts(engine, proposals, facts),
        images=Images(engine),
        logins=Logins(store),
        networks=Networks(engine),
        once=Once(store),
        operations=Operations(engine, store),
        people=People(store),
        plans=Plans(engine, store),
        pool=Pool(engine),
        snapshots=Snapshots(proposals),
        vms=Vms(engine, proposals, facts, underway),
        volumes=Volumes(engine),
    )
