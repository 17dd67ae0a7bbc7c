"""How many of which servers would carry a pool: what would be bought, drawn and paid back.

Hosts that are kept are filled first, the VMs that are left go into as few new servers as the
packer needs. For failures spare servers are added: as many as hold what is on the fullest
host, for each failure, so that whatever fails, its VMs find room.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from anypool.model import HOURS, HostId
from anypool.model.energy import Tariff, Watts
from anypool.planner import cancel
from anypool.planner.balance import Floats, Ints, Masks
from anypool.planner.fewest.energy import WEEKS_A_YEAR, Energy, drawn, energy
from anypool.planner.fewest.pack import packed
from anypool.planner.fewest.problem import EPS

LIFETIME_Y = 5.0
"""Years over which a purchase counts where servers are compared."""


class Server(Struct, frozen=True, kw_only=True, gc=False):
    """A kind of server that could be had; `count` 0 is any number, a price of None is unknown."""

    name: str
    cpus: int
    memory_mib: int
    count: int = 0
    watts: Watts | None = None
    price: float | None = None


class Kept(Struct, frozen=True, kw_only=True):
    """A host that is there and stays.

    `room` has its C columns, `held` the rows of VMs it must keep, `may` says of each VM
    whether it may be there.
    """

    host: HostId
    room: Floats
    cpus: float
    may: Masks
    watts: Watts | None = None
    held: tuple[int, ...] = ()


class Need(Struct, frozen=True, kw_only=True):
    """What V VMs take in C columns: memory, each hour of the week, then one for each group apart.

    `mean` is their CPU in percent of one, V x HOURS.
    """

    take: Floats
    mean: Floats
    headroom_percent: float


class Mix(Struct, frozen=True, kw_only=True):
    """Servers that together carry a pool, or all but `left` VMs of it.

    `kept` are hosts in use that are there already, `bought` how many of which new servers,
    `spare` how many of these for failures, and `survives` whether those are enough. `bound` is
    the number of hosts without spare ones that no choice of the same servers is below.
    `holding` has the rows of VMs for each host or server without the spare ones, by the id of
    a host or the name of a server. Money and energy are of a year, None where a price or watts
    are unknown.
    """

    kept: tuple[HostId, ...]
    bought: tuple[tuple[str, int], ...]
    left: tuple[int, ...] = ()
    spare: int = 0
    survives: bool = True
    bound: int = 0
    purchase: float | None = 0.0
    energy: Energy | None = None
    holding: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @property
    def hosts(self) -> int:
        """Return the number of hosts in all."""
        return len(self.kept) + sum(count for _, count in self.bought)


class _Bin(Struct, kw_only=True):
    """A host of a mix with what is on it."""

    room: Floats
    cpus: float
    watts: Watts | None
    kept: HostId | None = None
    server: Server | None = None
    vms: list[int]


class Packer:
    """Packs one need into kept hosts and new servers."""

    def __init__(self, need: Need, kept: Sequence[Kept], tariff: Tariff, failures: int) -> None:
        self._need = need
        self._kept = kept
        self._tariff = tariff
        self._failures = failures

    def mix(self, servers: Sequence[Server]) -> Mix:
        """Return the kept hosts and as few of the servers, in their order, as carry the VMs."""
        bins, left = self._filled()
        for server in servers:
            cancel.check()
            if left:
                more, left = self._with(server, left)
                bins += more
        self._swap(bins, servers)
        spare = [] if left else self._spare(bins, servers)
        return self._told([one for one in bins if one.vms], spare, left, servers)

    def cheapest(self, servers: Sequence[Server]) -> Mix:
        """Return the mix of several kinds that costs least in a year among those that carry all."""
        orders = [self.cheapest_first(servers), *([one] for one in servers)]

        def worth(one: Mix) -> tuple[int, bool, float]:
            return len(one.left), not one.survives, self._cost(one, servers)

        return min(map(self.mix, orders), key=worth)

    def _cost(self, mix: Mix, servers: Sequence[Server]) -> float:
        yearly = {server.name: self._yearly(server) for server in servers}
        if mix.purchase is None:
            return float(mix.hosts)
        return sum(count * yearly[name] for name, count in mix.bought)

    def room(self, server: Server) -> Floats:
        """Return the columns of a new server."""
        busy = 100.0 * server.cpus * (1 - self._need.headroom_percent / 100)
        groups = self._need.take.shape[1] - 1 - HOURS
        return np.array([server.memory_mib, *[busy] * HOURS, *[1.0] * groups])

    def _filled(self) -> tuple[list[_Bin], list[int]]:
        """Return the kept hosts as full as they get, and the VMs that found no room there."""
        bins = [
            _Bin(room=k.room, cpus=k.cpus, watts=k.watts, kept=k.host, vms=list(k.held))
            for k in self._kept
        ]
        take = self._need.take
        left = np.array([k.room - take[list(k.held)].sum(axis=0) for k in self._kept])
        rooms = np.maximum([one.room for one in self._kept], 1.0)
        stays = {vm for one in self._kept for vm in one.held}
        others = [vm for vm in range(take.shape[0]) if vm not in stays]
        homeless: list[int] = []
        for vm in self._largest(others):
            cancel.check()
            fits = np.array([bool(one.may[vm]) for one in self._kept], dtype=np.bool_)
            if not bins or not (fits := fits & (left >= take[vm] - EPS).all(axis=1)).any():
                homeless.append(vm)
                continue
            rest = ((left - take[vm]) / rooms).mean(axis=1)
            best = int(np.where(fits, rest, np.inf).argmin())
            left[best] -= take[vm]
            bins[best].vms.append(vm)
        return bins, sorted(homeless)

    def _largest(self, vms: list[int]) -> list[int]:
        size = self._need.take / np.maximum(self._need.take.sum(axis=0), 1.0)
        return sorted(vms, key=lambda vm: (-float(size[vm].sum()), vm))

    def _with(self, server: Server, vms: list[int]) -> tuple[list[_Bin], list[int]]:
        """Return new servers of a kind with what they hold, and the VMs that are left."""
        room, rows = self.room(server), np.array(vms, dtype=np.int64)
        fits = (self._need.take[rows] <= room + EPS).all(axis=1)
        inside = rows[fits]
        homes = self._homes(inside, room)
        left = rows[~fits].tolist()
        sizes = np.bincount(homes, (self._need.take[inside] / room).sum(axis=1))
        best = np.argsort(-sizes, kind="stable").tolist()
        used = best[: server.count or len(best)]
        left += inside[~np.isin(homes, used)].tolist()
        bins = [
            _Bin(
                room=room,
                cpus=100.0 * server.cpus,
                watts=server.watts,
                server=server,
                vms=inside[homes == one].tolist(),
            )
            for one in used
        ]
        return bins, sorted(left)

    def _homes(self, rows: Ints, room: Floats) -> Ints:
        if not rows.size:
            return np.zeros(0, dtype=np.int64)
        return packed(np.minimum(self._need.take[rows], room), room).host

    def _swap(self, bins: list[_Bin], servers: Sequence[Server]) -> None:
        """Take for each new host the server that costs least of those that hold its VMs."""
        for one in bins:
            if one.server is None:
                continue
            load = self._need.take[one.vms].sum(axis=0)
            for server in servers:
                if server.price is None or one.server.price is None:
                    continue
                taken = sum(b.server is server for b in bins)
                free = not server.count or taken < server.count
                holds = bool((load <= self.room(server) + EPS).all())
                if free and holds and self._yearly(server) < self._yearly(one.server):
                    one.server, one.room = server, self.room(server)
                    one.cpus, one.watts = 100.0 * server.cpus, server.watts

    def _yearly(self, server: Server) -> float:
        """Return what a server costs in a year, half busy; nothing where the price is unknown."""
        if server.price is None:
            return 0.0
        watts = 0.0 if server.watts is None else (server.watts.idle + server.watts.full) / 2
        price = sum(self._tariff.price) / HOURS if self._tariff.price else 0.0
        return server.price / LIFETIME_Y + watts / 1000 * price * 24 * 365.25

    def cheapest_first(self, servers: Sequence[Server]) -> list[Server]:
        """Return servers by what as many as carry everything would cost in a year."""
        total = self._need.take.sum(axis=0)

        def cost(server: Server) -> tuple[float, float]:
            count = float((total / np.maximum(self.room(server), EPS))[: 1 + HOURS].max())
            return count * self._yearly(server), count

        return sorted(servers, key=cost)

    def _spare(self, bins: list[_Bin], servers: Sequence[Server]) -> list[Server] | None:
        """Return the servers that take what fails, the cheapest that suffice; None if none do."""
        if not self._failures:
            return []
        options = []
        for server in servers:
            count = self._for_one(bins, server)
            used = sum(one.server is server and bool(one.vms) for one in bins)
            if count and not (server.count and used + count * self._failures > server.count):
                options.append([server] * (count * self._failures))
        cost = {server.name: self._yearly(server) for server in servers}
        return min(options, key=lambda one: (len(one) * cost[one[0].name], len(one)), default=None)

    def _for_one(self, bins: list[_Bin], server: Server) -> int:
        """Return how many servers hold what is on any one host; 0 if they are too small."""
        room, count = self.room(server), 1
        for one in bins:
            rows = np.array(one.vms, dtype=np.int64)
            if (self._need.take[rows] > room + EPS).any():
                return 0
            if rows.size:
                count = max(count, int(self._homes(rows, room).max()) + 1)
        return count

    def _told(
        self,
        bins: list[_Bin],
        spares: list[Server] | None,
        left: list[int],
        servers: Sequence[Server],
    ) -> Mix:
        spare = spares or []
        new = [one.server for one in bins if one.server is not None] + spare
        names = [server.name for server in servers]
        prices = [server.price for server in new]
        return Mix(
            kept=tuple(one.kept for one in bins if one.kept is not None),
            bought=tuple((name, n) for name in names if (n := _count(new, name))),
            left=tuple(left),
            spare=len(spare),
            survives=spares is not None and not (left and self._failures),
            bound=self._bound(servers, left),
            purchase=None if None in prices else sum(p for p in prices if p is not None),
            energy=self._energy(bins, spare),
            holding=tuple(_held(one) for one in bins),
        )

    def _energy(self, bins: list[_Bin], spare: list[Server]) -> Energy | None:
        total = np.zeros(HOURS)
        for one in bins:
            if one.watts is None:
                return None
            total += drawn(one.watts, self._need.mean[one.vms].sum(axis=0) / one.cpus)
        for server in spare:
            if server.watts is None:
                return None
            total += server.watts.idle
        return energy(total, self._tariff, WEEKS_A_YEAR)

    def _bound(self, servers: Sequence[Server], left: list[int]) -> int:
        """Return how many hosts any choice needs, by the sum of each column alone."""
        rooms = [one.room for one in self._kept]
        total = np.delete(self._need.take, left, axis=0).sum(axis=0)
        most = 0
        for column in range(total.shape[0]):
            sizes = [float(room[column]) for room in rooms]
            for server in servers:
                one = float(self.room(server)[column])
                enough = int(np.ceil(total[column] / max(one, EPS))) + 1
                sizes += [one] * (min(server.count, enough) if server.count else enough)
            held = np.cumsum(sorted(sizes, reverse=True))
            need = float(total[column]) * (1 - EPS)
            most = max(most, int(np.searchsorted(held, need)) + 1 if need > 0 else 0)
        return most


def _held(one: _Bin) -> tuple[str, tuple[int, ...]]:
    name = one.kept if one.server is None else one.server.name
    return str(name), tuple(one.vms)


def _count(servers: Sequence[Server], name: str) -> int:
    return sum(server.name == name for server in servers)


def year_of(
    hosts: Sequence[Kept], homes: Sequence[HostId], need: Need, tariff: Tariff
) -> Energy | None:
    """Return what hosts draw in a year with each VM at home so; None if watts of one are unknown.

    VMs whose home is none of the hosts draw nothing.
    """
    total = np.zeros(HOURS)
    for host in hosts:
        if host.watts is None:
            return None
        rows = [vm for vm, home in enumerate(homes) if home == host.host]
        total += drawn(host.watts, need.mean[rows].sum(axis=0) / host.cpus)
    return energy(total, tariff, WEEKS_A_YEAR)


def payback_years(mix: Mix, now: Energy | None) -> float | None:
    """Return after how many years what is saved has paid for what is bought; None if not known.

    Infinity where nothing is saved.
    """
    if now is None or mix.energy is None or not mix.purchase or mix.left:
        return None
    if now.money is None or mix.energy.money is None:
        return None
    saved = now.money - mix.energy.money
    return float("inf") if saved <= 0 else mix.purchase / saved
