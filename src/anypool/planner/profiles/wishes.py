"""What is wished of profiles: that a server bears one, a VM, or nobody."""

from anypool.model import HostId, Inventory, PlanId, ProfileId, ServerId, Stated, VmWish
from anypool.plan import Plan, Reason
from anypool.planner.profiles.assign import plan_assign, plan_bring, plan_unassign
from anypool.planner.profiles.failover import plan_fail_over, plan_over_to_vm
from anypool.planner.profiles.hosting import plan_make_host, plan_retire_host
from anypool.planner.profiles.leaving import Leaving, Seen
from anypool.planner.profiles.moving import Virtual, plan_to_vm
from anypool.planner.profiles.replenishing import because
from anypool.planner.profiles.returning import Home, plan_back
from anypool.planner.rebalance.search import never
from anypool.planner.rounds import Late
from anypool.planner.rules import Rulebook
from anypool.planner.wishing import Wish


class AssignProfile(Wish, frozen=True, tag="assign-profile"):
    """Bring a profile to a server, None for the best spare; see `planner.profiles.assign`."""

    profile: ProfileId
    server: ServerId | None = None
    stated: Stated | None = None
    force: bool = False

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps; raise `NoPlan` with what each server is short of."""
        asked = (self.profile, self.server, self.stated)
        return plan_assign(inventory, *asked, force=self.force)


class UnassignProfile(Wish, frozen=True, tag="unassign-profile"):
    """Take a profile from its server."""

    profile: ProfileId
    stated: Stated | None = None
    force: bool = False

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps."""
        return plan_unassign(inventory, self.profile, self.stated, force=self.force)


class MoveProfile(Wish, frozen=True, tag="move-profile"):
    """Bring a profile to a server, None for the best spare, or to a VM that is made for it.

    `home` is where it is put back to if that fails, None if nobody bore it.
    """

    profile: ProfileId
    server: ServerId | None = None
    virtual: Virtual | None = None
    leaving: Leaving = Leaving()
    seen: Seen = Seen()
    home: Home | None = None

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps; raise `NoPlan` with what each server or host is short of."""
        if self.virtual is not None:
            return plan_to_vm(inventory, self.profile, self.virtual, self.leaving, rules)
        return plan_bring(inventory, self.profile, self.server, self.leaving, self.seen)


class PutBack(Wish, frozen=True, tag="put-back"):
    """Bring a profile back to where it was before `plan`, which failed."""

    profile: ProfileId
    home: Home
    of: PlanId
    seen: Seen = Seen()

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps, none where it is there and on; raise `NoPlan` or `Conflict`."""
        return plan_back(inventory, self.profile, (self.home, self.of), self.seen, rules)


class MakeHost(Wish, frozen=True, tag="make-host"):
    """Make a server, None for the best spare, a host by a profile, and VMs there.

    `why` is what a policy wishes it for, `instead` the dead host that it stands for.
    """

    profile: ProfileId
    server: ServerId | None = None
    wishes: tuple[VmWish, ...] = ()
    why: Reason | None = None
    instead: HostId | None = None

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps; raise `NoPlan` with what servers are short of."""
        made = plan_make_host(inventory, self.profile, self.server, self.wishes, rules)
        return because(made, self.why)


class RetireHost(Wish, frozen=True, tag="retire-host"):
    """Empty a host that is one by a profile, take it out of its pool, and switch it off."""

    server: ServerId
    why: Reason | None = None

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps; raise `NoPlan` with what cannot leave."""
        return because(plan_retire_host(inventory, self.server, rules), self.why)


class FailOver(Wish, frozen=True, tag="fail-over"):
    """Bring the profile of a failed server to a spare, `to` that one, None for the best.

    `virtual` is the VM that may be it where no spare fits, None if none may.
    """

    server: ServerId
    to: ServerId | None = None
    stated: Stated | None = None
    virtual: Virtual | None = None

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps; raise `NoPlan` with what is against each server."""
        if self.virtual is not None and self.to is None:
            return plan_over_to_vm(inventory, self.server, self.virtual, self.stated, rules)
        return plan_fail_over(inventory, self.server, self.to, self.stated, rules)
