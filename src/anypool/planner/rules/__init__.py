"""The rules that planners obey: policies bound to an inventory, and what they say of a host."""

from anypool.planner.rules.bind import bind, checked
from anypool.planner.rules.conflict import Contradiction, contradiction
from anypool.planner.rules.needs import Needs
from anypool.planner.rules.rulebook import NO_RULES, Rulebook

__all__ = ["NO_RULES", "Contradiction", "Needs", "Rulebook", "bind", "checked", "contradiction"]
