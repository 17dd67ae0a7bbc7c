"""The codes of reasons why a step does not begin, or not yet, with their facts."""

from anypool.plan.kinds import MIB, NAMES, Kind, R, T, W

CODES: dict[str, dict[str, Kind]] = {
    "broken.gone": {"what": T},
    "broken.exists": {"vm": T},
    "broken.memory": {"host": T, "free": MIB, "need": MIB},
    "broken.moved": {"vm": T, "host": T},
    "broken.state": {"what": T, "state": W},
    "broken.maintenance": {"host": T},
    "broken.rule": {"policy": T, "who": NAMES},
    "broken.crowded": {"host": T, "short": MIB},
    "run.beside": {"why": R},
}
