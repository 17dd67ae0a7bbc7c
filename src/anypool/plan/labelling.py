"""The codes of reasons about templates and labels, with their facts."""

from anypool.plan.kinds import NAMES, Kind, T

CODES: dict[str, dict[str, Kind]] = {
    "step.mark-template": {"vm": T, "host": T},
    "step.unmark-template": {"vm": T, "host": T},
    "step.label": {"name": T, "labels": NAMES},
    "step.unlabel": {"name": T, "labels": NAMES},
    "step.relabel": {"name": T, "labels": NAMES, "gone": NAMES},
    "mark.cannot": {"host": T},
    "mark.is": {"vm": T},
    "mark.is-not": {"vm": T},
    "hint.unmark": {},
    "label.cannot": {"host": T},
    "check.mark-runs": {"vm": T},
    "check.template-runs": {"vm": T},
}
