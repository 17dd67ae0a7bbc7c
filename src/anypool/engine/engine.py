"""The engine: it observes the pool, keeps the inventory and carries plans out."""

from collections.abc import Mapping
from typing import Protocol

from anypool.clock import Clock
from anypool.drivers import Driver
from anypool.engine.board import Subscription
from anypool.engine.load import LoadRate
from anypool.model import (
    DatastoreId,
    Endpoint,
    EndpointHealth,
    EndpointId,
    Host,
    HostId,
    Image,
    ImageId,
    Inventory,
    PlanId,
    RunId,
    VmId,
)
from anypool.plan import Plan
from anypool.settings import Settings
from anypool.store import Store
from anypool.store.records import DatastoreFacts, HostFacts, PlanRecord, RunRecord, VmFacts


class DriverPool(Protocol):
    """Who gives out drivers: the worker processes, or simulated ones in a test."""

    def driver(self, endpoint: Endpoint, secret: str = "") -> Driver:
        """Return the driver of an endpoint; the same one for the same endpoint."""
        ...

    def health(self, endpoint_id: EndpointId) -> EndpointHealth:
        """Return how the conversation with an endpoint goes."""
        ...

    def forget(self, endpoint_id: EndpointId) -> None:
        """Close the connection to an endpoint; quiet if there is none."""
        ...


class Engine:
    """The only part that touches the world; every method may be called from any thread."""

    def __init__(
        self, store: Store, pool: DriverPool, clock: Clock, settings: Settings
    ) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Take the lease, show what was known, observe, and resume what was begun."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stop all deeds; what runs stays in the journal for the next start."""
        raise NotImplementedError

    @property
    def inventory(self) -> Inventory:
        """Return what is known now; costs nothing and takes no lock."""
        raise NotImplementedError

    @property
    def version(self) -> int:
        """Return a number that grows with every change of the inventory."""
        raise NotImplementedError

    def health(self) -> tuple[EndpointHealth, ...]:
        """Return how the conversation with each endpoint goes, by id."""
        raise NotImplementedError

    def loads(self) -> Mapping[HostId | VmId, LoadRate]:
        """Return the last measured loads, with rates per second."""
        raise NotImplementedError

    def add_endpoint(self, endpoint: Endpoint, secret: str, by: str) -> tuple[Host, ...]:
        """Connect, read, and only then keep an endpoint; return its hosts.

        `Conflict` if one of its hosts is managed already; `Unreachable`, `Denied` or
        `Rejected` if it does not let us in. Nothing is kept on failure.
        """
        raise NotImplementedError

    def remove_endpoint(self, endpoint: EndpointId, by: str) -> None:
        """Forget an endpoint and its hosts; `Busy` while a run touches one of them."""
        raise NotImplementedError

    def set_host_facts(self, facts: HostFacts, by: str) -> None:
        """Keep what is ours about a host."""
        raise NotImplementedError

    def set_vm_facts(self, facts: VmFacts, by: str) -> None:
        """Keep what is ours about a VM."""
        raise NotImplementedError

    def set_datastore_facts(self, facts: DatastoreFacts, by: str) -> None:
        """Keep what is ours about a datastore."""
        raise NotImplementedError

    def add_image(self, image: Image, by: str) -> None:
        """Keep an image; `Conflict` if its name is taken."""
        raise NotImplementedError

    def remove_image(self, image: ImageId, by: str) -> None:
        """Forget an image; its volume stays."""
        raise NotImplementedError

    def submit(self, plan: Plan, by: str) -> PlanRecord:
        """Keep a plan as RECOMMENDED."""
        raise NotImplementedError

    def run(self, plan_id: PlanId, by: str) -> RunRecord:
        """Begin a plan; `Conflict` with the objections, `Busy` if a run touches its VMs."""
        raise NotImplementedError

    def pause(self, run: RunId, by: str = "") -> None:
        """Let running steps finish and begin no others."""
        raise NotImplementedError

    def resume(self, run: RunId, by: str = "") -> None:
        """Go on after a pause."""
        raise NotImplementedError

    def cancel(self, run: RunId, by: str = "") -> None:
        """Begin no more steps; a running migration is called back, others finish."""
        raise NotImplementedError

    def skip(self, run: RunId, step: int, by: str = "") -> None:
        """Treat a step that waits, failed or needs a person as if it were not there."""
        raise NotImplementedError

    def retry(self, run: RunId, step: int, by: str = "") -> None:
        """Try a step again that failed or needs a person, and those that waited for it."""
        raise NotImplementedError

    def wait(self, run: RunId, timeout_s: float) -> RunRecord:
        """Return the run once it has ended, or as it is after `timeout_s`."""
        raise NotImplementedError

    def observe_now(self, what: HostId | VmId, timeout_s: float = 30.0) -> None:
        """Read a host or VM again; `Unreachable` if it does not answer."""
        raise NotImplementedError

    def subscribe(self) -> Subscription:
        """Return a bounded queue of notices about what changes from now on."""
        raise NotImplementedError
