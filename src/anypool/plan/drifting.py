"""The codes of reasons about what somebody changes beside us, with their facts."""

from anypool.plan.kinds import LIST, MIB, Kind, N, R, T, W

CODES: dict[str, dict[str, Kind]] = {
    "drift.said": {"what": T, "at": T},
    "drift.changed": {"said": R, "changes": LIST},
    "drift.many": {"count": N},
    "drift.gone": {},
    "drift.new": {},
    "drift.name": {"before": T, "after": T},
    "drift.host": {"before": T, "after": T},
    "drift.state": {"before": W, "after": W},
    "drift.vcpus": {"before": N, "after": N},
    "drift.memory": {"before": MIB, "after": MIB},
    "drift.disks": {"before": N, "after": N},
    "drift.disk": {},
    "drift.adapters": {"before": N, "after": N},
    "drift.adapter": {},
    "drift.snapshots": {"before": N, "after": N},
    "drift.shares": {},
    "vm.twins": {"vm": T, "count": N},
    "vm.twin-here": {"vm": T, "others": T},
    "vm.twin-elsewhere": {"vm": T, "hosts": T},
    "check.twins": {"vm": T},
    "check.platform": {"vm": T, "host": T},
    "hint.twins": {},
}
