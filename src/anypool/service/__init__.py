"""Use cases: the only thing that the API calls.

Every method takes the principal first and looks at the permission table before anything
else; everything raised is from `anypool.errors`.
"""

from anypool.clock import Clock
from anypool.engine import DriverPool, Engine
from anypool.engine.calendars.repurposing import Repurposing
from anypool.engine.certificates.watch import Certificates as CertificateWatch
from anypool.engine.failover import Vigil
from anypool.engine.ha.guard import Guard
from anypool.engine.notifying.postman import Postman
from anypool.engine.observing.ownvm import OwnVm
from anypool.engine.returning import Returning
from anypool.engine.rolling import Rolling
from anypool.engine.watching.watch import Watch
from anypool.service.access import Deed, Principal, require
from anypool.service.addresses import Addresses
from anypool.service.adoption import Adopting
from anypool.service.applications import Applications
from anypool.service.audit import Audit
from anypool.service.backups import Backups
from anypool.service.balances import Balances
from anypool.service.bearing import Bearing
from anypool.service.bindings import Bindings
from anypool.service.bmcs import Bmcs
from anypool.service.bookings import Bookings
from anypool.service.bootservice import BootService
from anypool.service.calendars import Calendars
from anypool.service.certificates import Certificates
from anypool.service.consoles import Consoles
from anypool.service.consolidations import Consolidations
from anypool.service.controllers import Controllers
from anypool.service.copies import Copies
from anypool.service.datastores import Datastores
from anypool.service.deaths import Deaths
from anypool.service.demo import SCHEME, Demo
from anypool.service.devices import Devices
from anypool.service.endpoints import Endpoints
from anypool.service.events import Events
from anypool.service.exports import Exports
from anypool.service.facts import Facts
from anypool.service.failures import Failures
from anypool.service.ha import Ha
from anypool.service.hardware import Hardware
from anypool.service.hearing import Hearing
from anypool.service.history import History
from anypool.service.hosting import Hosting
from anypool.service.hosts import Hosts
from anypool.service.images import Images
from anypool.service.incidents import Incidents
from anypool.service.inventories import Inventories
from anypool.service.keys import Keys
from anypool.service.lending import Lending
from anypool.service.listing import Lists
from anypool.service.logins import Logins
from anypool.service.managers import Managers
from anypool.service.marks import Marks
from anypool.service.measures import Measures
from anypool.service.moving import Moving
from anypool.service.networks import Networks
from anypool.service.notifications import Notifications
from anypool.service.once import Once
from anypool.service.operations import Operations
from anypool.service.pages import Ask, Page
from anypool.service.people import People
from anypool.service.pictures import Pictures
from anypool.service.plans import Plans
from anypool.service.policies import Policies
from anypool.service.pool import Pool
from anypool.service.pools import Pools
from anypool.service.power import Power
from anypool.service.prices import Prices
from anypool.service.profiles import Profiles
from anypool.service.proposals import Proposal, Proposals
from anypool.service.reach import Reach
from anypool.service.rehearsals import Rehearsals
from anypool.service.remaking import Remaking
from anypool.service.replacing import Replacing
from anypool.service.replays import Replays
from anypool.service.reports import Reports
from anypool.service.resync import Resync
from anypool.service.retention import Retention
from anypool.service.rollouts import Rollouts
from anypool.service.rooms import Rooms
from anypool.service.sample import Sample
from anypool.service.searches import Searches
from anypool.service.servers import Servers
from anypool.service.snapshots import Snapshots
from anypool.service.support import Support
from anypool.service.underway import Underway
from anypool.service.vms import Vms
from anypool.service.volumes import Volumes
from anypool.settings import Settings
from anypool.store import Store

__all__ = ["Ask", "Deed", "Page", "Principal", "Proposal", "Services", "require"]


class Services:
    """One of each, wired."""

    def __init__(
        self, engine: Engine, store: Store, drivers: DriverPool, clock: Clock, settings: Settings
    ) -> None:
        proposals = Proposals(engine)
        underway = Underway(store)
        facts = Facts(engine, store)
        reach = Reach(store, drivers)
        self.watch = watch = Watch(engine, store, clock, settings)
        self.lists = lists = Lists(engine, clock)
        self.audit, self.demo = Audit(store, settings), Demo(store, settings)
        self.addresses, self.bearing = Addresses(engine), Bearing(engine, store, proposals)
        self.applications = Applications(engine, proposals, underway)
        self.bindings = Bindings(engine, self.applications)
        self.backups, self.balances = Backups(engine), Balances(engine, proposals, clock)
        self.bmcs, self.bookings = Bmcs(engine), Bookings(engine)
        self.consolidations = Consolidations(engine, proposals, clock, settings)
        self.certificate_watch = CertificateWatch(engine, store, clock, settings)
        self.certificates = Certificates(engine, self.certificate_watch, clock)
        self.own_vm = OwnVm(engine, settings.manager_vm)
        self.consoles = Consoles(engine, reach, clock)
        self.datastores = Datastores(engine, lists, facts, reach)
        self.devices = Devices(engine, proposals, underway)
        self.endpoints = Endpoints(engine, proposals, reach, only=SCHEME if settings.demo else "")
        self.events, self.failures = Events(engine, store), Failures(engine)
        self.guard = Guard(engine, store, clock)
        engine.vitals.leases.accept_stand_ins(settings.stand_in_watchdogs)
        self.vigil = vigil = Vigil(engine, store, clock, settings)
        self.returning, vigil.virtual = Returning(engine, store, clock), self.bearing.virtual
        self.ha = Ha(engine, store, self.guard, self.failures)
        self.incidents = Incidents(engine, store)
        self.rehearsals = Rehearsals(engine, self.failures)
        self.deaths = Deaths(engine, store, self.incidents)
        self.exports, self.history = Exports(engine, clock), History(engine, clock)
        self.hardware = Hardware(engine, self.consolidations, clock)
        self.hearing = Hearing(engine, store, clock, settings)
        self.hosting = Hosting(engine, proposals, underway)
        self.hosts = Hosts(engine, lists, proposals, facts)
        self.marks, self.moving = Marks(engine, proposals), Moving(engine, proposals, underway)
        self.images, self.networks = Images(engine), Networks(engine, lists)
        self.inventories, self.keys = Inventories(engine, store), Keys(engine, store)
        self.lending = Lending(engine, store, clock)
        self.logins = Logins(store, settings.keep_logins_days * 86_400.0)
        self.measures, self.people = Measures(engine, store), People(store)
        self.postman = Postman(engine, store, clock, settings)
        self.notifications = Notifications(engine, store, self.postman)
        self.once = Once(store, settings.keep_requests_days * 86_400.0)
        self.operations, self.reports = Operations(engine, store), Reports(engine, store)
        self.pictures, self.plans = Pictures(engine, store), Plans(engine, store, watch)
        self.policies = Policies(engine, watch, proposals)
        self.pool, self.pools = Pool(engine), Pools(engine)
        self.profiles = Profiles(engine, lists, settings.initiator_base)
        self.boot_service = BootService(engine, self.profiles)
        self.power = Power(engine, proposals, watch.power_orders, settings)
        self.prices, self.retention = Prices(engine), Retention(engine)
        self.resync, self.managers = Resync(engine, store), Managers(engine, store)
        self.remaking = Remaking(engine, store, proposals, clock)
        self.replays = Replays(engine, store, clock)
        self.rolling = Rolling(engine, store, clock)
        self.rollouts = Rollouts(engine, store, self.rolling)
        self.repurposing = Repurposing(engine, store, clock)
        self.calendars = Calendars(engine, self.repurposing, clock)
        self.rooms, self.sample = Rooms(engine), Sample(engine, self.datastores, settings)
        self.servers, self.snapshots = Servers(engine, store, lists), Snapshots(proposals)
        self.adopting = Adopting(engine, store, reach)
        self.replacing = Replacing(engine, store, reach, (self.adopting, proposals))
        self.searches = Searches(engine, clock)
        self.controllers = Controllers(engine, reach, clock)
        self.support = Support(engine, store, clock, settings)
        self.vms = Vms(engine, lists, proposals, facts, underway)
        self.copies, self.volumes = Copies(engine, proposals), Volumes(engine)
