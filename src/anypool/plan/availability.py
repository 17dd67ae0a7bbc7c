"""The codes of reasons about high availability, with their facts."""

from anypool.plan.kinds import Kind, N, R, S, T, W

CONDITIONS = (
    *("healthy", "suspect", "management-lost", "hypervisor-dead", "isolated", "partitioned"),
)

CODES: dict[str, dict[str, Kind]] = {
    **{f"word.{word}": {} for word in CONDITIONS},
    "ha.is": {"condition": W},
    "ha.nothing-ran": {},
    "ha.suspect": {"silent": S, "limit": S},
    "ha.no-bmc": {},
    "ha.fence-off": {},
    "ha.bmc-silent": {},
    "ha.power-unknown": {},
    "ha.off-once": {},
    "ha.silent-on": {},
    "ha.braked": {"why": R},
    "ha.fresh-lease": {},
    "ha.cold": {"left": S},
    "ha.dark": {"silent": N, "all": N},
    "ha.enough-fences": {"count": N, "most": N, "within": S},
    "ha.lives": {"host": T},
    "ha.power-on": {"host": T},
}
