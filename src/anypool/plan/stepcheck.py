"""What speaks against a step at the moment it begins, beside what is under way then.

Plans are judged when they are made and when they begin; a step may wait for long after that.
What a rule means is asked of `plan.rulecheck`, as for a whole plan, of nobody but those whom
the step concerns: it costs their number, not the pool's.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from anypool.errors import Conflict, NotFound
from anypool.model import (
    OF_HOSTS,
    OF_OTHERS,
    Bound,
    HostId,
    Inventory,
    Strength,
    Together,
    VmId,
)
from anypool.plan.action import (
    Action,
    CreateVm,
    DeleteVm,
    MigrateVm,
    ReconfigureVm,
    StartAfterFailure,
    StartVm,
    StopVm,
    hosts_of,
    vm_of,
)
from anypool.plan.effect import apply
from anypool.plan.reason import Fact, Reason, reason
from anypool.plan.render import names_in
from anypool.plan.rulecheck import Board, of_actions

_RULED = (MigrateVm, StartVm, StartAfterFailure, StopVm, DeleteVm, ReconfigureVm)
"""What a rule may have something against."""


class Moment(Struct, frozen=True, kw_only=True):
    """What is known when a step is to begin: the pool, the rules of now, and what else is done.

    `under_way` are the deeds of all runs that may have taken effect or not. `earlier` and `later`
    are the steps of its own plan before and after it that have not begun.
    """

    inventory: Inventory
    bounds: tuple[Bound, ...] = ()
    under_way: tuple[Action, ...] = ()
    earlier: tuple[Action, ...] = ()
    later: tuple[Action, ...] = ()


class Against(Struct, frozen=True, gc=False):
    """Why a step does not begin; with `passes` that ends with what is under way or before it."""

    why: Reason
    passes: bool = False


def placed(action: Action) -> tuple[VmId, HostId] | None:
    """Return which VM an action makes run on which host where it did not; None for others."""
    match action:
        case MigrateVm(vm=vm, target=host) | StartVm(vm=vm, host=host):
            return vm, host
        case StartAfterFailure(wish=wish, host=host):
            return wish.id, host
        case _:
            return None


def to_run(
    action: Action, later: tuple[Action, ...], inventory: Inventory
) -> tuple[Action, Inventory]:
    """Return what is to be asked about an action, and the pool that it is asked of.

    A VM that is made in order to start is not made where it may not start.
    """
    if not isinstance(action, CreateVm):
        return action, inventory
    starts = (one for one in later if isinstance(one, StartVm) and one.vm == action.wish.id)
    try:
        return next(starts, action), apply(action, inventory)
    except (Conflict, NotFound):
        return action, inventory


def against(action: Action, moment: Moment) -> Against | None:
    """Return what speaks against an action now, None if nothing does.

    That is a must that it would break and that holds, or memory that its host would not have:
    whether what is under way took effect or not.
    """
    asked = _Asked(action, moment)
    if asked.is_free():
        return None
    if (why := asked.found(moment.under_way)) is not None:
        passes = moment.earlier and asked.found((*moment.under_way, *moment.earlier)) is None
        return Against(why, passes=bool(passes))
    arriving = tuple(one for one in moment.under_way if asked.arrives(one))
    if moment.under_way and (why := asked.found(arriving)) is not None:
        return Against(why, passes=True)
    return None


class _Asked:
    """An action, the rules that have a say in it, and the records that these look at."""

    def __init__(self, action: Action, moment: Moment) -> None:
        self._action = action
        self._moment = moment
        self._rest = (*moment.under_way, *moment.earlier, *moment.later)
        self._vm = vm_of(action)
        self._hosts = frozenset(hosts_of(action))
        self._target = None if (place := placed(action)) is None else place[1]
        self._bounds = tuple(bound for bound in moment.bounds if self._concerns(bound))

    def _concerns(self, bound: Bound) -> bool:
        if bound.strength is not Strength.MUST or not isinstance(self._action, _RULED):
            return False
        of_hosts = isinstance(bound.rule, OF_HOSTS) and not self._hosts.isdisjoint(bound.hosts)
        return of_hosts or self._vm in bound.vms

    def is_free(self) -> bool:
        """Return whether no rule has a say in it, and nothing else comes to its host."""
        return not self._bounds and not any(map(self.arrives, self._moment.under_way))

    def arrives(self, other: Action) -> bool:
        """Return whether another action brings a VM to the host of this one."""
        place = placed(other)
        return place is not None and place[1] == self._target and place[0] != self._vm

    def found(self, done: Iterable[Action]) -> Reason | None:
        """Return the first thing against the action once some others are done."""
        others = tuple(bound for bound in self._bounds if not isinstance(bound.rule, Together))
        board = self._board_after(done)
        broken = of_actions((self._action,), board, others)
        if not broken:
            broken = self._parted(done)
        if broken:
            facts = dict(broken[0].facts)
            return _told(facts, self._moment.inventory)
        return self._crowded(board)

    def _parted(self, done: Iterable[Action]) -> tuple[Reason, ...]:
        """Return which VMs do not come together: those of a plan go one after the other."""
        bounds = tuple(bound for bound in self._bounds if isinstance(bound.rule, Together))
        if not bounds:
            return ()
        return of_actions((self._action, *self._rest), self._board_after(done), bounds)

    def _crowded(self, board: Board) -> Reason | None:
        """Return that a host has not the memory for all that come to it; `board` is afterwards."""
        host = board.hosts.get(self._target or "")
        if host is None or not any(map(self.arrives, self._moment.under_way)):
            return None
        used = sum(board.memory.get(vm, 0) for vm, home in board.homes.items() if home == host.id)
        short = used - host.usable_mib
        return reason("broken.crowded", host=host.name, short=short) if short > 0 else None

    def _board_after(self, done: Iterable[Action]) -> Board:
        """Return those whom the action concerns, with everybody on its hosts."""
        inventory = self._moment.inventory
        vms = {vm_of(one) for one in (self._action, *self._rest)}
        vms = vms.union(*(b.vms for b in self._bounds if isinstance(b.rule, OF_OTHERS)))
        for host in self._hosts:
            vms |= {vm.id for vm in inventory.vms_on(host)}
        known = [inventory.vms[vm] for vm in vms if vm is not None and vm in inventory.vms]
        hosts = self._hosts.union(*map(hosts_of, self._rest), (vm.host for vm in known if vm.host))
        board = Board((inventory.hosts[key] for key in hosts if key in inventory.hosts), known)
        for one in done:
            board.done(one, (), [])
        return board


def _told(facts: Mapping[str, Fact], inventory: Inventory) -> Reason:
    """Return which rule would be broken by whom, with names."""
    name, who = names_in(inventory), facts["who"]
    assert isinstance(who, tuple)
    return reason(
        "broken.rule", policy=str(facts["policy"]), who=tuple(name(VmId(str(one))) for one in who)
    )
