"""What hosts draw from the mains, and what that costs."""

from msgspec import Struct

from anypool.model.curve import HOURS


class Watts(Struct, frozen=True, kw_only=True, gc=False):
    """What a host draws in watts: idle, with all its CPUs busy, and switched off.

    In between it is taken as growing evenly with the share of CPUs that are busy.
    """

    idle: float
    full: float
    off: float = 0.0


class Tariff(Struct, frozen=True, kw_only=True, gc=False):
    """What a kWh costs and how many grams of CO2 it stands for, in each hour of the week.

    Either is empty where nobody said it.
    """

    price: tuple[float, ...] = ()
    co2_g: tuple[float, ...] = ()
    currency: str = ""

    def __post_init__(self) -> None:
        if {len(self.price), len(self.co2_g)} - {0, HOURS}:
            raise ValueError("a tariff has a number for each hour of the week")


NO_TARIFF = Tariff()
