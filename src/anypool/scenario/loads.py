"""`loads`: how busy VMs are over the day, a line each: `10%, 80% from 8 to 18`."""

import re

import numpy as np

from anypool.model import HOURS, Curve, VmId
from anypool.scenario.page import Item, instead
from anypool.scenario.words import expanded
from anypool.scenario.world import World

_LINE = re.compile(r"(\d{1,3})%(?:, *(\d{1,3})% from (\d{1,2}) to (\d{1,2}))?")


def read_loads(part: Item, world: World) -> dict[VmId, Curve]:
    """Return the curves of VMs, every day alike; percents are of all their virtual CPUs.

    Raise `Invalid` with the line for a VM that is not there or hours that are none.
    """
    found: dict[VmId, Curve] = {}
    names = [vm.name for vm in world.inventory.vms.values()]
    for key, item in part.mapping().items():
        for name in expanded(item, key):
            vm = world.inventory.vms.get(VmId(name))
            if vm is None:
                raise item.wrong(f"there is no VM {name!r}", hint=instead(name, names))
            found[vm.id] = _curve(item, vm.vcpus)
    return found


def _curve(item: Item, vcpus: int) -> Curve:
    said = _LINE.fullmatch(item.text().strip())
    if said is None:
        raise item.wrong(f"{item.text()!r} is no load", hint="such as `10%, 80% from 8 to 18`")
    usual, busy, begin, end = (int(one or 0) for one in said.groups())
    if begin > 23 or end > 24:
        raise item.wrong(f"{item.text()!r}: a day has 24 hours", hint="from 22 to 6 is by night")
    length = (end - begin) % 24
    day = [busy if (hour - begin) % 24 < length else usual for hour in range(24)]
    week = np.resize(np.array(day, dtype=np.float64) * vcpus, HOURS)
    return Curve(high=week, mean=week)
