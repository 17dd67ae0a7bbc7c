"""Which hosts suit which VMs at all, asked once for each kind of either."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from anypool.model import Bound, DatastoreId, Host, Inventory, Licence, NetworkId, OnHosts, Vm
from anypool.planner.balance import Masks
from anypool.planner.place import unsuited

Kind = tuple[object, ...]


def allowed(
    inventory: Inventory, hosts: Sequence[Host], vms: Sequence[Vm], bounds: Sequence[Bound]
) -> Masks | None:
    """Return for each VM and host whether the VM may be there; None if all may be anywhere.

    A VM suits the host that it is on, unless a rule says that it must leave.
    """
    may = np.ones((len(vms), len(hosts)), dtype=np.bool_)
    homes = {host.id: number for number, host in enumerate(hosts)}
    shared = _shared(hosts)
    kinds = _kinds(hosts, vms, shared)
    alone = not all(host.peer_uri for host in hosts)
    first = {kind: number for number, kind in reversed(list(enumerate(kinds)))}
    known: dict[Kind, Masks] = {}
    for number, vm in enumerate(vms):
        assert vm.host is not None
        home = homes[vm.host]
        stores = frozenset(disk.datastore for disk in vm.disks)
        if not stores <= shared:
            may[number] = False
        else:
            asks = (stores, hosts[home].endpoint if alone else "", *_asks(vm, hosts[home]))
            if asks not in known:
                suit = {k: unsuited(inventory, vm, hosts[at]) is None for k, at in first.items()}
                known[asks] = np.array([suit[kind] for kind in kinds], dtype=np.bool_)
            may[number] = known[asks]
        may[number, home] = True
    for bound in bounds:
        _forbid(may, bound, hosts, vms)
    return None if may.all() else may


def _shared(hosts: Sequence[Host]) -> frozenset[DatastoreId | None]:
    """Return the datastores that more than one host reaches."""
    counts = Counter(store for host in hosts for store in host.datastores)
    return frozenset(store for store, count in counts.items() if count > 1)


def _kinds(
    hosts: Sequence[Host], vms: Sequence[Vm], shared: frozenset[DatastoreId | None]
) -> list[Kind]:
    networks: frozenset[NetworkId | None] = frozenset(n.network for vm in vms for n in vm.nics)
    return [
        (
            host.arch,
            host.platform,
            host.abilities,
            host.cpu_models,
            host.datastores & shared,
            host.networks & networks,
            bool(host.peer_uri) or host.endpoint,
            host.observe_only,
            host.pool,
            host.cpus,
        )
        for host in hosts
    ]


def _asks(vm: Vm, home: Host) -> Kind:
    networks = frozenset(nic.network for nic in vm.nics)
    platform = home.platform
    return vm.cpu_model, vm.vcpus, networks, home.arch, platform, home.observe_only, home.pool


def _forbid(may: Masks, bound: Bound, hosts: Sequence[Host], vms: Sequence[Vm]) -> None:
    if not isinstance(bound.rule, OnHosts | Licence):
        return
    avoid = isinstance(bound.rule, OnHosts) and bound.rule.avoid
    wrong = np.array([(host.id in bound.hosts) is avoid for host in hosts], dtype=np.bool_)
    mine = np.flatnonzero([vm.id in bound.vms for vm in vms])
    may[np.ix_(mine, np.flatnonzero(wrong))] = False
