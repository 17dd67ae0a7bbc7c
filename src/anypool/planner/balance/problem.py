"""What is to be balanced, as numbers: VMs, hosts, metrics, limits and rules."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anypool.errors import Invalid

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Masks = npt.NDArray[np.bool_]

MEMORY = 0
"""The row of `need` and `room` that is memory: what a failed host's VMs need elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """V VMs on H hosts, judged by K metrics and limited by R resources.

    A metric of a host is `(base + sum of the demand of its VMs) / capacity`; the score is the
    sum over metrics of `weight` times the standard deviation over the `counted` hosts, plus
    `harm` for each broken rule, plus `constant`. `placed` is the host of each VM now.

    Rules are hard for what is moved: a VM goes only where `allowed` is true and where none of
    the VMs it must be `apart` from is; VMs of one group of `together` move as one; what is
    not `movable` stays. A rule that is broken now costs `harm` and so is mended first.
    `room` is what a host has for VMs in all, `need` what each VM takes of it.
    """

    demand: Floats  # K x V
    base: Floats  # K x H
    capacity: Floats  # K x H, above zero
    weight: Floats  # K
    need: Ints  # R x V; row 0 is memory
    room: Ints  # R x H
    placed: Ints  # V
    counted: Masks  # H: hosts that VMs may go to and that are part of the score
    movable: Masks  # V
    allowed: Masks | None = None  # V x H
    apart: tuple[tuple[int, ...], ...] = ()
    together: tuple[tuple[int, ...], ...] = ()
    harm: float = 2.0
    expelled: float = 20.0  # harm of a VM on a host that is not counted
    constant: float = 0.0
    keep_spare: bool = True  # whether the failure of a host must stay absorbable
    metrics: tuple[str, ...] = field(default=())  # K names, for people

    @property
    def vms(self) -> int:
        """Return the number of VMs."""
        return int(self.placed.shape[0])

    @property
    def hosts(self) -> int:
        """Return the number of hosts."""
        return int(self.counted.shape[0])

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together; raise `Invalid`."""
        vms, hosts = self.vms, self.hosts
        metrics, resources = self.weight.shape[0], self.need.shape[0]
        shapes = {
            "demand": (self.demand.shape, (metrics, vms)),
            "base": (self.base.shape, (metrics, hosts)),
            "capacity": (self.capacity.shape, (metrics, hosts)),
            "need": (self.need.shape, (resources, vms)),
            "room": (self.room.shape, (resources, hosts)),
            "movable": (self.movable.shape, (vms,)),
        }
        if self.allowed is not None:
            shapes["allowed"] = (self.allowed.shape, (vms, hosts))
        for name, (found, wanted) in shapes.items():
            if found != wanted:
                raise Invalid(f"{name} has shape {found}", hint=f"it must be {wanted}")
        if vms and not (self.placed.min() >= 0 and self.placed.max() < hosts):
            raise Invalid("a VM is placed on a host that is not there")
        if (self.capacity <= 0).any():
            raise Invalid("a capacity is not above zero", hint="leave that host or metric out")
        if resources == 0 or (self.need < 0).any() or (self.demand < 0).any():
            raise Invalid("needs and demands must be zero or more, and memory must be a need")
