"""Policies: kept, and bound to the inventory of the moment."""

import threading
from collections.abc import Callable
from itertools import combinations

from anypool.engine.observing.board import Board, Notice
from anypool.engine.runs.admission import broken_rules
from anypool.errors import Conflict, NotFound
from anypool.model import WATCHED, Bound, HighAvailability, Inventory, Policy, PolicyId
from anypool.plan import Plan, reason, refuse
from anypool.plan.managercheck import Own
from anypool.planner.failover import Outlook
from anypool.planner.rules import Rulebook, bind, contradiction
from anypool.store import Store, events, facts


class Policies:
    """All policies, bound to the inventory of the moment at the cost of what changed."""

    def __init__(self, store: Store, board: Board, must_lead: Callable[[], None]) -> None:
        self._store = store
        self._board = board
        self._must_lead = must_lead
        self._lock = threading.Lock()
        self._known: tuple[Policy, ...] | None = None
        self._bound: tuple[Inventory, Rulebook] | None = None
        self.outlook = Outlook()
        self.own: Own = lambda _: None

    def all(self) -> tuple[Policy, ...]:
        """Return all policies by name, also those that are switched off."""
        with self._lock:
            if self._known is None:
                with self._store.reading() as tx:
                    self._known = facts.policies.all(tx)
            return self._known

    def get(self, key: PolicyId) -> Policy:
        """Return a policy; raise `NotFound`."""
        for policy in self.all():
            if policy.id == key:
                return policy
        raise NotFound(f"there is no policy {key[:80]!r}", hint="`anypool policy list` shows them")

    def rulebook(self, inventory: Inventory) -> Rulebook:
        """Return the enabled policies, bound to an inventory.

        It costs what changed since they were bound last.
        """
        policies, bound = self.all(), self._bound
        if bound is not None and bound[1].policies is policies:
            book = bound[1].moved_to(inventory, bound[0])
        else:
            book = Rulebook.on(policies, inventory)
        with self._lock:
            if self._known is policies:
                self._bound = (inventory, book)
        return book

    def bounds(self, inventory: Inventory) -> tuple[Bound, ...]:
        """Return the enabled policies as they bind an inventory."""
        return self.rulebook(inventory).bounds

    def allow(self, plan: Plan, inventory: Inventory) -> None:
        """Return quietly unless a plan would break musts of now; raise `Conflict` naming them."""
        if broken := broken_rules(plan, inventory, self.bounds):
            why = reason("admit.rules", objections=broken[:3])
            raise refuse(Conflict, why, reason("hint.plan-again"))

    def put(self, policy: Policy, by: str, *, new: bool) -> None:
        """Keep a policy; `Conflict` if its name is taken or it contradicts others.

        What contradicts is judged on the inventory of this moment, by the musts alone.
        """
        self._must_lead()
        with self._lock:
            with self._store.reading() as tx:
                others = facts.policies.all(tx)
            taken = any(one.id == policy.id for one in others)
            if new and taken:
                raise Conflict(f"there is a policy {policy.id} already", hint="choose another name")
            rest = tuple(one for one in others if one.id != policy.id)
            self._check_possible((*rest, policy))
            with self._store.writing() as tx:
                facts.policies.put(tx, policy)
                what = "changed" if taken else "added"
                events.note(tx, ("policy", policy.id), f"policy {policy.id} {what}", by)
            self._forget()
        self.told(policy.id)

    def remove(self, key: PolicyId, by: str) -> None:
        """Forget a policy; raise `NotFound`."""
        self._must_lead()
        self.get(key)
        with self._lock:
            with self._store.writing() as tx:
                facts.policies.delete(tx, key)
                events.note(tx, ("policy", key), f"policy {key} removed", by)
            self._forget()
        self.told(key)

    def forget(self) -> None:
        """Read everything again: another manager may have changed it."""
        with self._lock:
            self._forget()

    def _check_possible(self, policies: tuple[Policy, ...]) -> None:
        inventory = self._board.inventory
        bounds = bind(policies, inventory)
        found = contradiction(bounds, inventory)
        if found is not None:
            why = reason("no.policy", policies=found.policies, vm=inventory.vms[found.vm].name)
            raise refuse(Conflict, why, reason("hint.policies"))
        self._check_one_each(bounds, inventory)

    def _check_one_each(self, bounds: tuple[Bound, ...], inventory: Inventory) -> None:
        """Raise `Conflict` where two policies would balance one host against each other."""
        kinds = (*WATCHED, HighAvailability)
        watched = [bound for bound in bounds if isinstance(bound.rule, kinds)]
        for one, other in combinations(watched, 2):
            if type(one.rule) is not type(other.rule):
                continue
            if both := one.hosts & other.hosts:
                names = (str(one.policy), str(other.policy))
                why = reason(
                    "no.two-balances", policies=names, host=inventory.hosts[min(both)].name
                )
                raise refuse(Conflict, why, reason("hint.scopes"))

    def _forget(self) -> None:
        self._known = self._bound = None

    def told(self, key: PolicyId) -> None:
        """Tell whoever listens that something about a policy is new."""
        self._board.tell((Notice("policy", key), Notice("event")))
