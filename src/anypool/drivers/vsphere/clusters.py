"""What a cluster decides by itself: DRS moves its VMs, DPM its hosts' power, HA restarts VMs.

Only read: nothing of it is ever changed by us.
"""

from typing import Any

from anypool.drivers.vsphere import properties
from anypool.drivers.vsphere.inventory import Inventory
from anypool.drivers.vsphere.mirror import Entry
from anypool.model import Matter

_MOVES = "fullyAutomated"
_BALANCES = frozenset({_MOVES, "partiallyAutomated"})
_SWITCHES = "automated"


def decides(above: Entry | None) -> frozenset[Matter]:
    """Return what is decided for the hosts of a cluster; nothing for a host without one.

    Where DRS works in part by itself it places VMs when they start, and recommends moves.
    """
    config = _config(above)
    drs: Any = getattr(config, "drsConfig", None)
    das: Any = getattr(config, "dasConfig", None)
    dpm: Any = getattr(config, "dpmConfigInfo", None)
    found: set[Matter] = set()
    if getattr(drs, "enabled", None) and str(drs.defaultVmBehavior) in _BALANCES:
        found.add(Matter.BALANCE)
    if getattr(dpm, "enabled", None) and str(dpm.defaultDpmBehavior or "") == _SWITCHES:
        found.add(Matter.POWER)
    if getattr(das, "enabled", None):
        found.add(Matter.RESTART)
    return frozenset(found)


def moves(seen: Inventory, moid: str, entry: Entry) -> bool:
    """Return whether DRS moves a VM by itself: its own setting goes before its cluster's."""
    host = seen.entry(entry.get("runtime.host"))
    config = _config(None if host is None else seen.entry(host.get("parent")))
    drs: Any = getattr(config, "drsConfig", None)
    if not getattr(drs, "enabled", None):
        return False
    behavior = str(drs.defaultVmBehavior)
    if getattr(drs, "enableVmBehaviorOverrides", None) is not False:
        for one in getattr(config, "drsVmConfig", None) or ():
            if one.key._moId != moid:
                continue
            if one.enabled is False:
                return False
            behavior = str(one.behavior or behavior)
    return behavior == _MOVES


def _config(above: Entry | None) -> Any:
    clustered = above is not None and above.kind == properties.CLUSTER
    return above.get("configurationEx") if above is not None and clustered else None
