"""Consoles: tickets that open one console of one VM once, for one person."""

import hashlib
import secrets
import threading

from msgspec import Struct

from anypool.clock import Clock
from anypool.engine import Engine
from anypool.errors import Busy, Denied, NotLoggedIn, NotSupported
from anypool.model import Capability, Console, HostId, VmId
from anypool.service.access import Deed, Principal, require
from anypool.service.console_place import checked
from anypool.service.reach import Reach
from anypool.service.vms import placed

TTL_S = 30.0
KINDS = frozenset({"vnc", "serial"})
_MOST_OF_USER = 20


class Ticket(Struct, frozen=True, kw_only=True):
    """The right to open one console."""

    user: str
    vm: VmId
    kind: str
    console: Console
    good_until: float


class Consoles:
    """Hand out tickets and take them back, once; they live in memory and die with it."""

    def __init__(self, engine: Engine, reach: Reach, clock: Clock) -> None:
        self._engine = engine
        self._reach = reach
        self._clock = clock
        self._tickets: dict[str, Ticket] = {}
        self._changing = threading.Lock()

    def ticket(self, by: Principal, key: str, kind: str) -> str:
        """Return the secret that opens a console of a running VM within 30 seconds.

        Raises `NotFound`, `Conflict` if the VM does not run, `NotSupported`, `Busy` if too
        many wait to be opened, and what the driver raises.
        """
        require(by, Deed.OPEN_CONSOLE)
        inventory = self._engine.inventory
        vm, host_id = placed(inventory, key)
        host = inventory.host(host_id)
        self._check_operable(host_id)
        if Capability.CONSOLE not in host.capabilities or kind not in KINDS:
            hint = "open it with the hypervisor's own tools"
            raise NotSupported(f"{host.name} has no {kind} console for {vm.name}", hint=hint)
        with self._changing:
            self._alive(by)
        console = self._reach.driver(host.endpoint).console(vm.id, kind)
        console = checked(console, self._reach.endpoint(host.endpoint))
        return self._kept(by, vm.id, kind, console)

    def check(self, by: Principal, vm: VmId) -> None:
        """Raise `Denied` unless an open console of a VM may stay open."""
        require(by, Deed.OPEN_CONSOLE)
        found = self._engine.inventory.vms.get(vm)
        if found is not None and found.host is not None:
            self._check_operable(found.host)

    def redeem(self, by: Principal, secret: str) -> Ticket:
        """Use a ticket up; raise `NotLoggedIn` if it is unknown, used, over or another's."""
        require(by, Deed.OPEN_CONSOLE)
        with self._changing:
            ticket = self._tickets.pop(_hash(secret), None)
        if ticket is None or ticket.user != by.name or self._is_over(ticket):
            raise NotLoggedIn("the console ticket is wrong, used or over", hint="ask for another")
        return ticket

    def _check_operable(self, key: HostId) -> None:
        host = self._engine.inventory.hosts.get(key)
        if host is not None and host.observe_only:
            raise Denied(
                f"{host.name} is observe-only: consoles could change what runs there",
                hint=f"`anypool endpoint show {host.endpoint}` tells its pool; "
                "an administrator lifts it",
            )

    def _kept(self, by: Principal, vm: VmId, kind: str, console: Console) -> str:
        secret = secrets.token_urlsafe(32)
        ticket = Ticket(
            user=by.name,
            vm=vm,
            kind=kind,
            console=console,
            good_until=self._clock.monotonic() + TTL_S,
        )
        with self._changing:
            self._tickets = {**self._alive(by), _hash(secret): ticket}
        return secret

    def _alive(self, by: Principal) -> dict[str, Ticket]:
        """Return the tickets that are still good; raise `Busy` if a user has too many."""
        alive = {h: t for h, t in self._tickets.items() if not self._is_over(t)}
        if sum(t.user == by.name for t in alive.values()) >= _MOST_OF_USER:
            raise Busy("too many unused console tickets", hint=f"wait {round(TTL_S)} seconds")
        return alive

    def _is_over(self, ticket: Ticket) -> bool:
        return self._clock.monotonic() > ticket.good_until


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
