"""The codes of reasons about consolidation, with their facts."""

from anypool.plan.kinds import MIB, NAMES, RS, Kind, N, R, T

CODES: dict[str, dict[str, Kind]] = {
    "aim.consolidate": {"name": T, "before": N, "after": N, "told": RS},
    "aim.consolidated": {"name": T, "hosts": N, "told": RS},
    "consolidate.bound": {"bound": N, "gap": N},
    "consolidate.least": {},
    "consolidate.empty": {"hosts": NAMES},
    "consolidate.stopped-vms": {"count": N},
    "consolidate.unmeasured": {"count": N, "vms": NAMES, "least": N},
    "consolidate.partly": {"count": N},
    "consolidate.cut-off": {},
    "consolidate.saves": {"kwh": T},
    "consolidate.money": {"amount": T, "currency": T},
    "consolidate.co2": {"kg": T},
    "consolidate.no-watts": {"hosts": NAMES, "count": N},
    "consolidate.moves": {"count": N, "move_seconds": N, "memory": MIB},
    "consolidate.survives": {"failures": N},
    "consolidate.no-survival": {"failures": N},
    "consolidate.empties": {"host": T, "target": T, "busy": N, "when": T},
    "consolidate.makes-room": {"vm": T, "target": T, "busy": N, "when": T},
    "consolidate.closed": {},
    "consolidate.busy": {"busy": N, "when": T, "limit": N},
    "consolidate.limit": {},
    "consolidate.emptied": {},
    "consolidate.other": {"left": N, "best": N},
    "consolidate.alone": {"vm": T},
    "consolidate.cannot-leave": {"host": T, "why": R},
    "consolidate.no-place": {"host": T},
    "consolidate.needed": {"host": T, "why": R},
}
