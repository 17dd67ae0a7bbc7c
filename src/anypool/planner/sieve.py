"""Which hosts may take a VM, for all hosts of a field at once.

The words for a host that may not come from `planner/place.py` and the rules' own tests,
which are asked only about hosts that are shown.
"""

import numpy as np

from anypool.model import Capability, Vm
from anypool.model.columns import HostFlag
from anypool.planner.field import Bools, Field
from anypool.planner.rank import Ints
from anypool.planner.rules import Needs
from anypool.planner.rules.masks import of_group, passing


def suited(field: Field, vm: Vm) -> Bools:
    """Return which hosts meet every hard need of a VM but rules."""
    columns, hosts = field.columns, field.inventory.hosts
    source = None if vm.host is None else hosts.get(vm.host)
    flags = columns.flags
    if source is not None and source.observe_only:
        flags = flags & ~np.uint8(HostFlag.OBSERVE_ONLY)
    found: Bools = flags == HostFlag.UP
    found &= columns.memory_free_mib >= vm.memory_mib
    found &= columns.cpus >= vm.vcpus
    for store in {disk.datastore for disk in vm.disks}:
        if store is None:
            return np.zeros(len(field), np.bool_)
        found &= field.mask(("store", store), lambda host, store=store: store in host.datastores)  # type: ignore[misc]
    for network in {nic.network for nic in vm.nics} - {None}:
        found &= field.mask(("network", network), lambda host, key=network: key in host.networks)  # type: ignore[misc]
    if vm.cpu_model:
        found &= _runs_model(field, vm.cpu_model)
    if source is not None:
        found &= _reached_live(field, vm)
    return found


def allowed(field: Field, needs: Needs) -> Bools:
    """Return which hosts no rule forbids."""
    found = np.ones(len(field), np.bool_)
    for bound, test in needs.musts:
        found &= passing(bound, test, needs.scene, field)
    return found


def missed(field: Field, needs: Needs) -> Ints:
    """Return how many preferences each host misses."""
    found = np.zeros(len(field), np.int64)
    for bound, test in needs.shoulds:
        found += ~passing(bound, test, needs.scene, field)
    for bound, test in needs.packs:
        found += ~of_group(bound, test, needs.scene, field)
    return found


def _runs_model(field: Field, model: str) -> Bools:
    key = ("cpu-model", model)
    return field.mask(key, lambda host: not host.cpu_models or model in host.cpu_models)


def _reached_live(field: Field, vm: Vm) -> Bools:
    """Return which hosts of its pool a running VM could be migrated to, or is on."""
    assert vm.host is not None
    source = field.inventory.hosts[vm.host]
    arch, endpoint, pool = source.arch, source.endpoint, source.pool
    found = field.mask(("arch", arch), lambda host: host.arch == arch)
    made_for = source.platform
    found = found & field.mask(("platform", made_for), lambda host: host.platform == made_for)
    live = Capability.LIVE_MIGRATION
    found = found & field.mask(("ability", live), lambda host: live in host.abilities)
    key = ("peer-of", endpoint)
    found &= field.mask(key, lambda host: host.endpoint == endpoint or bool(host.peer_uri))
    found &= field.mask(("pool", pool), lambda host: host.pool == pool)
    found[field.rows([vm.host])] = True
    return found
