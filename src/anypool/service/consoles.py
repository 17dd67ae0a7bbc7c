"""Consoles: tickets that open one console of one VM once, for one person."""

import hashlib
import secrets
import threading

from msgspec import Struct

from anypool.clock import Clock
from anypool.engine import Engine
from anypool.errors import Busy, Denied, NotLoggedIn, NotSupported
from anypool.model import Capability, Console, HostId, VmId
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.console_place import checked
from anypool.service.reach import Reach
from anypool.service.vms import placed

TTL_S = 30.0
KINDS = frozenset({"vnc", "serial"})
_MOST_OF_USER = 20


class Ticket(Struct, frozen=True, kw_only=True):
    """The right to open one console."""

    id: str
    user: str
    vm: VmId
    kind: str
    console: Console
    good_until: float


class OpenConsole(Struct, frozen=True, kw_only=True):
    """A console that somebody has open; `since` is in seconds since 1970."""

    id: str
    user: str
    vm: VmId
    kind: str
    since: float


class Consoles:
    """Hand out tickets and take them back, once; they live in memory and die with it.

    Who has a console open is known here, too, and shown to those who may open it.
    """

    def __init__(self, engine: Engine, reach: Reach, clock: Clock) -> None:
        self._engine = engine
        self._reach = reach
        self._clock = clock
        self._tickets: dict[str, Ticket] = {}
        self._open: dict[str, OpenConsole] = {}
        self._changing = threading.Lock()

    def ticket(self, by: Principal, key: str, kind: str) -> tuple[str, str]:
        """Return the secret that opens a console of a running VM within 30 seconds, and its id.

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

    def opened(self, ticket: Ticket) -> None:
        """Say that a console is open from now on."""
        now = OpenConsole(
            id=ticket.id,
            user=ticket.user,
            vm=ticket.vm,
            kind=ticket.kind,
            since=self._clock.now(),
        )
        with self._changing:
            self._open[ticket.id] = now

    def closed(self, ticket: Ticket) -> None:
        """Say that it is no longer; harmless when repeated."""
        with self._changing:
            self._open.pop(ticket.id, None)

    def taken(self, ticket: Ticket) -> str:
        """Return who opened the same serial console later, "" if nobody did.

        It has one user: the platform gives it to whoever comes last.
        """
        with self._changing:
            mine = self._open.get(ticket.id)
            later = list(self._open.values())
        if mine is None or mine.kind != "serial":
            return ""
        later = later[later.index(mine) + 1 :]
        return next((one.user for one in later if (one.vm, one.kind) == (mine.vm, "serial")), "")

    def of_vm(self, by: Principal, key: str) -> tuple[OpenConsole, ...]:
        """Return who has a console of a VM open, the first who came first; raise `NotFound`."""
        require(by, Deed.OPEN_CONSOLE)
        vm = find.vm(self._engine.inventory, key)
        with self._changing:
            return tuple(one for one in self._open.values() if one.vm == vm.id)

    def _check_operable(self, key: HostId) -> None:
        host = self._engine.inventory.hosts.get(key)
        if host is not None and host.observe_only:
            raise Denied(
                f"{host.name} is observe-only: consoles could change what runs there",
                hint=f"`anypool endpoint show {host.endpoint}` tells its pool; "
                "an administrator lifts it",
            )

    def _kept(self, by: Principal, vm: VmId, kind: str, console: Console) -> tuple[str, str]:
        secret, key = secrets.token_urlsafe(32), secrets.token_hex(8)
        ticket = Ticket(
            id=key,
            user=by.name,
            vm=vm,
            kind=kind,
            console=console,
            good_until=self._clock.monotonic() + TTL_S,
        )
        with self._changing:
            self._tickets = {**self._alive(by), _hash(secret): ticket}
        return secret, key

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
