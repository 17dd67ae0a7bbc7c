"""What prices are made of, and what runs taught about them."""

from msgspec import Struct

from anypool.engine import Engine
from anypool.plan import CostModel
from anypool.plan.learning import Lesson
from anypool.service.access import Deed, Principal, require


class Priced(Struct, frozen=True, kw_only=True):
    """The figures without corrections, how many migrations go on at once, and the lessons."""

    model: CostModel
    slots: int
    lessons: tuple[Lesson, ...]


class Prices:
    """The use case of looking at prices."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def show(self, by: Principal) -> Priced:
        """Return the figures and what was learned, the general before the particular."""
        require(by, Deed.READ)
        prices = self._engine.keeping.prices
        return Priced(model=prices.model(), slots=prices.slots, lessons=prices.lessons())
