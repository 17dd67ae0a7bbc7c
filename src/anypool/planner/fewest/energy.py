"""What is drawn from the mains in a week, and what emptied hosts save once they are off."""

from collections.abc import Iterable, Mapping

import numpy as np
from msgspec import Struct

from anypool.model import HOURS, HostId
from anypool.model.energy import Tariff, Watts
from anypool.planner.balance import Floats, Ints
from anypool.planner.fewest.problem import Problem

WEEKS_A_MONTH = 365.25 / 12 / 7
WEEKS_A_YEAR = 365.25 / 7


class Energy(Struct, frozen=True, kw_only=True, gc=False):
    """An amount over some time; money and CO2 are None where no tariff says them."""

    kwh: float
    money: float | None = None
    co2_kg: float | None = None


class Saving(Struct, frozen=True, kw_only=True):
    """What is saved in a month, and the emptied hosts of which nobody knows the watts."""

    energy: Energy
    currency: str = ""
    unknown: tuple[HostId, ...] = ()


def busy_shares(problem: Problem, placed: Ints) -> Floats:
    """Return the mean share of busy CPUs of each host in each hour of the week, H x HOURS."""
    used = np.zeros((len(problem.hosts), HOURS))
    np.add.at(used, placed, problem.loads.mean)
    return np.asarray(used / problem.cpus[:, None])


def drawn(watts: Watts, shares: Floats) -> Floats:
    """Return the watts of a host in each hour from the share of its CPUs that are busy."""
    return np.asarray(watts.idle + (watts.full - watts.idle) * np.clip(shares, 0.0, 1.0))


def energy(watts: Floats, tariff: Tariff, weeks: float) -> Energy:
    """Return what watts in each hour of the week come to over some weeks."""
    kwh = watts / 1000 * weeks
    return Energy(
        kwh=float(kwh.sum()),
        money=float(kwh @ np.array(tariff.price)) if tariff.price else None,
        co2_kg=float(kwh @ np.array(tariff.co2_g)) / 1000 if tariff.co2_g else None,
    )


def saved(
    problem: Problem,
    placed: Ints,
    empty: Iterable[int],
    watts: Mapping[HostId, Watts],
    tariff: Tariff,
) -> Saving:
    """Return what a month saves when VMs are `placed` so and the `empty` hosts are off.

    What the other hosts draw more is taken off. Hosts of unknown watts save nothing here, so
    that what is returned is the least.
    """
    off, unknown = set(empty), list[HostId]()
    before, after = busy_shares(problem, problem.placed), busy_shares(problem, placed)
    less = np.zeros(HOURS)
    for row, key in enumerate(problem.hosts):
        if (known := watts.get(key)) is None:
            unknown += [key] if row in off else []
        elif row in off:
            less += drawn(known, before[row]) - known.off
        else:
            less += drawn(known, before[row]) - drawn(known, after[row])
    total = energy(less, tariff, WEEKS_A_MONTH)
    return Saving(energy=total, currency=tariff.currency, unknown=tuple(unknown))
