"""The codes of reasons about moving the disks of a VM, with their facts."""

from anypool.plan.kinds import BYTES, Kind, T

CODES: dict[str, dict[str, Kind]] = {
    "step.move-disks": {"vm": T, "host": T, "datastore": T},
    "move.cannot": {"host": T},
    "move.no-datastore": {"host": T, "datastore": T},
    "move.no-room": {"datastore": T, "need": BYTES, "free": BYTES},
    "move.there": {"vm": T, "datastore": T},
    "move.no-disks": {"vm": T},
    "check.move-no-datastore": {"vm": T, "datastore": T},
    "check.move-no-room": {"vm": T, "datastore": T},
}
