"""The catalogue: every code there is, and which facts it has.

The words are in `plan.words`; a test sees to it that every code has them in all languages.
"""

from anypool.plan.availability import CODES as _AVAILABILITY
from anypool.plan.bearing import CODES as _BEARING
from anypool.plan.beginning import CODES as _BEGINNING
from anypool.plan.consolidating import CODES as _CONSOLIDATING
from anypool.plan.drifting import CODES as _DRIFTING
from anypool.plan.hearing import CODES as _HEARING
from anypool.plan.joining import CODES as _JOINING
from anypool.plan.kinds import BYTES, LIST, MIB, MS, NAMES, RS, Kind, N, R, S, T, W
from anypool.plan.labelling import CODES as _LABELLING
from anypool.plan.moving import CODES as _MOVING
from anypool.plan.powering import CODES as _POWERING
from anypool.plan.repurposing import CODES as _REPURPOSING
from anypool.plan.rollouts import CODES as _ROLLOUTS

_WORDS = (
    *("running", "paused", "suspended", "stopped", "crashed", "unknown", "up", "off", "absent"),
    *("incoming", "migrating", "waiting", "begun", "done", "failed", "skipped", "cancelled"),
    *("needs-human", "interrupted", "shut-down", "power-off", "reboot", "reset", "live-migration"),
    *("being-cancelled", "force-off"),
    *("resume-target", "resume-source", "discard-target", "discard-source", "perform"),
    *("cancel-migration", "delete-volumes", "healthy", "unhealthy"),
    *("memory", "cpu", "network", "disk"),
)

_SMALL: dict[str, dict[str, Kind]] = {
    "said": {"text": T},
    "asked": {"who": T},
    **{f"word.{word}": {} for word in _WORDS},
}

_AIMS: dict[str, dict[str, Kind]] = {
    "aim.evacuate": {"host": T},
    "aim.create": {"vms": NAMES},
    "aim.create-many": {"first": T, "last": T, "count": N},
    "aim.start": {"vm": T},
    "aim.migrate": {"vm": T, "host": T},
    "aim.balance": {"name": T, "before": T, "after": T},
    "aim.pack": {"policy": T, "before": N, "after": N},
    "aim.balanced": {"name": T, "score": T},
}

_STEPS: dict[str, dict[str, Kind]] = {
    "step.create": {"vm": T, "host": T},
    "step.migrate": {"vm": T, "source": T, "target": T},
    "step.stop": {"vm": T, "host": T, "how": W},
    "step.restart": {"vm": T, "host": T, "how": W},
    "step.enter-maintenance": {"host": T},
    "step.leave-maintenance": {"host": T},
    "step.start": {"vm": T, "host": T},
    "step.pause": {"vm": T, "host": T},
    "step.resume": {"vm": T, "host": T},
    "step.delete": {"vm": T, "host": T},
    "step.delete-all": {"vm": T, "host": T},
    "step.rename": {"vm": T, "host": T, "name": T},
    "step.reconfigure": {"vm": T, "host": T},
    "step.attach-disk": {"vm": T, "host": T, "disk": T, "size": BYTES},
    "step.detach-disk": {"vm": T, "host": T, "disk": T},
    "step.attach-nic": {"vm": T, "host": T, "mac": T},
    "step.detach-nic": {"vm": T, "host": T, "mac": T},
    "step.create-snapshot": {"vm": T, "host": T, "name": T},
    "step.revert-snapshot": {"vm": T, "host": T, "name": T},
    "step.delete-snapshot": {"vm": T, "host": T, "name": T},
}

_LEAVING: dict[str, dict[str, Kind]] = {
    "aim.leave": {"endpoint": T},
    "step.erase-marker": {"datastore": T, "host": T},
    "step.erase-making": {"name": T, "datastore": T, "host": T},
    "step.erase-vm": {"vm": T, "host": T},
    "step.erase-snapshot": {"name": T, "vm": T, "host": T},
    "step.unknown": {"action": T, "facts": T},
    "leave.marker": {},
    "leave.making": {},
    "leave.vm": {},
    "leave.snapshot": {},
    "leave.shared": {"datastore": T, "endpoints": NAMES},
    "leave.no-host": {"endpoint": T},
}

_SERVICES: dict[str, dict[str, Kind]] = {
    "aim.make-service": {"service": T},
    "aim.start-service": {"service": T},
    "aim.stop-service": {"service": T},
    "step.await-probe": {"vm": T, "address": T, "port": T},
    "step.await-delay": {"vm": T, "delay": S},
    "serve.circle": {"components": NAMES},
    "serve.circle-across": {"vms": NAMES},
    "serve.first": {},
    "serve.in-turn": {},
    "serve.ready": {"component": T},
    "serve.stop-first": {},
    "serve.stop-after": {"components": NAMES},
    "serve.missing": {"service": T, "vms": NAMES},
    "serve.health": {"service": T, "vm": T, "health": W},
    "serve.health-why": {"service": T, "vm": T, "health": W, "why": T},
    "hint.apply": {"service": T},
}

_FAILURES: dict[str, dict[str, Kind]] = {
    **{
        f"fail.{why}": {} for why in ("roomy", "widest", "tight", "preferred", "nobody", "disabled")
    },
    "fail.pool": {"pool": T},
    "fail.needs": {"component": T},
    "fail.datastore": {"datastore": T},
    "fail.proof": {"host": T},
    "spare.holds": {"policy": T, "failures": N},
    "spare.lost": {"policy": T, "hosts": NAMES, "vm": T, "missing": MIB, "why": R},
    "spare.short": {"policy": T, "failures": N, "missing": MIB},
    "spare.unproven": {"policy": T, "failures": N},
    "no.spare": {"why": RS},
    "hint.ignore-failover": {},
    "plan.redeems": {"memory": MIB, "booking": T, "host": T},
    "plan.waived": {"who": T, "why": RS},
}

_IMAGES: dict[str, dict[str, Kind]] = {
    "image.read": {"version": T, "digest": T},
    "image.same": {"version": T, "older": T},
    "image.replaced": {"old": T, "new": T, "volume": T, "datastore": T},
    "image.replaced-under": {"why": R, "old": T, "count": N, "vms": NAMES},
    "image.missing": {"version": T, "volume": T, "datastore": T},
    "check.is-image": {"vm": T, "image": T},
    "check.writes-image": {"vm": T, "image": T},
}

_TEXTS: dict[str, dict[str, Kind]] = {
    "price": {"parts": LIST},
    "price.time": {"time": S},
    "price.copy": {"size": BYTES},
    "price.pause": {"pause": MS},
    "plan.head": {"goal": R, "steps": N, "price": R},
    "plan.unknown-head": {"goal": R, "actions": NAMES},
    "plan.approved": {"who": T},
    "plan.expired": {"days": N},
    "plan.rejected-by": {"who": T},
    "plan.newer": {"plan": T},
    "plan.policy-off": {"policy": T},
    "plan.after": {"steps": NAMES},
    "plan.rejected": {},
    "plan.refusal": {"vm": T, "host": T, "why": R},
    "plan.place": {"vm": T, "host": T},
}

_PLACES: dict[str, dict[str, Kind]] = {
    "evacuate.closed": {},
    "evacuate.already": {"host": T},
    "place.most-free": {"free": MIB},
    "place.less-free": {"left": MIB, "best": MIB},
    "place.ranked": {"free": MIB, "vcpus": N, "cpus": N, "vms": N},
    "place.busier": {"vcpus": N, "cpus": N},
    "place.more-vms": {"vms": N, "best": N},
    "place.equal": {},
    "place.tight": {},
    "place.chosen": {},
    "place.stays": {},
    "place.stays-beside": {"hosts": NAMES},
    "place.no-other": {},
    "balance.spread": {"before": T, "after": T},
    "balance.exchange": {"partner": T, "after": T},
    "balance.mend": {},
    "licence.empties": {"host": T, "sockets": N},
    "balance.swaps": {"partner": T, "after": T},
    "balance.other": {"after": T, "best": T},
    "balance.relieves": {
        "metric": W,
        "source": T,
        "was": N,
        "now": N,
        "target": T,
        "had": N,
        "has": N,
        "before": T,
        "after": T,
    },
    "host.state": {"state": W},
    "host.maintenance": {},
    "host.observe-only": {"pool": T},
    "host.other-pool": {"pool": T, "need": T},
    "host.memory": {"short": MIB, "need": MIB, "free": MIB},
    "host.cannot": {"capability": W},
    "host.datastore": {"datastore": T},
    "host.network": {"network": T},
    "host.platform": {"platform": T, "need": T},
    "host.arch": {"arch": T, "need": T},
    "host.cpu-model": {"model": T},
    "host.no-peer": {},
    "host.private-disk": {"path": T},
    "host.local-disk": {"volume": T, "datastore": T},
    "host.full": {"vcpus": N, "cpus": N},
    "vm.not-running": {"vm": T, "state": W},
    "vm.snapshots": {"vm": T, "count": N},
    "vm.in-motion": {"vm": T},
    "vm.copies": {"vm": T, "count": N},
    "vm.host-cannot": {"vm": T},
    "vm.unknown": {"vm": T},
}

_WATCH: dict[str, dict[str, Kind]] = {
    "watch.even": {"percent": T},
    "watch.hold": {"percent": T, "hold": S},
    "watch.rests": {"percent": T, "rest": S},
    "watch.works": {},
    "watch.silent": {"hosts": NAMES},
    "watch.no-gain": {"percent": T},
    "watch.objected": {"objections": RS},
    "watch.proposed": {"plan": T},
    "watch.platform-balances": {"plan": T, "clusters": NAMES},
    "watch.platform-powers": {"plan": T, "clusters": NAMES},
    "watch.failed": {"plan": T},
    "watch.window": {"plan": T, "window": T},
    "watch.shadow": {"plan": T},
    "watch.runs": {"plan": T},
    "watch.refused": {"plan": T, "why": R},
}

_RULES: dict[str, dict[str, Kind]] = {
    "rule.apart": {"policy": T, "vm": T},
    "rule.apart-in": {"policy": T, "vm": T, "domain": T},
    "rule.together": {"policy": T, "vm": T, "place": T},
    "rule.exclusive": {"policy": T, "vm": T, "tag": T},
    "rule.spread": {"policy": T, "domain": T, "have": N, "need": N},
    "rule.on-hosts": {"policy": T},
    "rule.avoid": {"policy": T},
    "rule.licence": {"policy": T},
    "rule.sockets": {"policy": T, "over": N, "limit": N},
    "rule.sockets-unknown": {"policy": T},
    "rule.unpacked": {"policy": T, "sockets": N},
    "rule.no-migration": {"policy": T},
    "rule.max-vms": {"policy": T, "maximum": N},
    "rule.headroom": {"policy": T, "short": MIB},
    "rule.vcpus": {"policy": T, "vcpus": N, "cpus": N},
    "rule.pinned": {"policy": T},
    "rule.protected": {"policy": T},
    "check.rule": {"policy": T, "who": NAMES},
    "no.ending": {"vm": T, "why": R},
    "no.policy": {"policies": NAMES, "vm": T},
    "no.two-balances": {"policies": NAMES, "host": T},
}

_REFUSALS: dict[str, dict[str, Kind]] = {
    "no.evacuation": {"host": T, "vms": NAMES},
    "no.other-host": {"vm": T},
    "no.place": {"vm": T, "refusals": RS},
    "no.place-more": {"vm": T, "refusals": RS, "more": N},
    "no.place-of": {"host": T, "why": R},
    "no.start": {"vm": T, "host": T, "why": R},
    "no.migration": {"vm": T, "why": R},
    "is.host": {"host": T, "state": W},
    "is.maintenance": {"host": T},
    "is.maintenance-already": {"host": T},
    "is.vm": {"vm": T, "state": W},
    "is.nowhere": {"vm": T},
    "is.there-already": {"vm": T, "host": T},
    "is.not-there": {"vm": T, "host": T},
    "is.known-on": {"vm": T, "hosts": NAMES},
    "is.made": {"vm": T},
    "is.busy": {"host": T, "count": N, "vms": NAMES},
    "is.short": {"host": T, "vm": T, "short": MIB},
    "has.snapshot": {"vm": T, "name": T},
    "has.no-snapshot": {"vm": T, "name": T},
    "has.disk": {"vm": T, "disk": T},
    "has.nic": {"vm": T, "mac": T},
    "hint.answer": {},
    "hint.make-room": {},
    "hint.policies": {},
    "hint.scopes": {},
    "hint.free-memory": {},
    "hint.other-pool": {"pools": NAMES},
    "hint.add-host": {},
    "hint.only-stopped": {},
    "hint.other-copy": {},
    "hint.silent-copy": {"hosts": NAMES},
    "hint.new-name": {},
    "hint.evacuate": {},
    "hint.plan-again": {},
    "hint.shut-down": {},
    "hint.start": {},
    "hint.endpoints": {},
    "hint.wait": {},
}

_CHECKS: dict[str, dict[str, Kind]] = {
    "check.no-host": {"vm": T, "host": T},
    "check.maintenance": {"vm": T, "host": T},
    "check.overbooked": {"host": T},
    "check.overbooked-by": {"host": T, "short": MIB},
    "check.mac": {"mac": T, "count": N},
    "check.runs-not": {"vm": T, "host": T},
    "check.host-gone": {"host": T},
    "check.closed": {"host": T},
    "check.pool": {"vm": T, "host": T, "pool": T},
    "check.twice": {"vm": T, "host": T},
    "check.still-runs": {"vm": T, "host": T},
}

_ADMISSION: dict[str, dict[str, Kind]] = {
    "admit.changed": {"objections": RS},
    "admit.rules": {"objections": RS},
    "admit.silent": {"host": T},
    "admit.busy": {"vm": T},
    "admit.observe-only": {"hosts": NAMES, "count": N},
    "admit.still-works": {"what": T, "runs": NAMES, "count": N},
    "hint.later": {},
    "hint.wait-for-run": {},
    "hint.lift": {"pool": T, "endpoint": T},
    "hint.cancel": {"run": T},
    "admit.unread": {"hosts": NAMES},
    "admit.unread-copy": {"vm": T, "endpoints": NAMES},
    "hint.unread": {},
    "hint.vouch": {"endpoint": T},
}

_RESTORED: dict[str, dict[str, Kind]] = {
    "restored.begun": {"day": T, "endpoints": N, "runs": N, "plans": N},
    "restored.endpoint": {"endpoint": T},
    "restored.vouched": {"endpoint": T, "who": T},
    "restored.ended": {},
    **{f"restored.{what}": {"day": T} for what in ("run", "step", "plan")},
    "restored.statements": {"hosts": NAMES},
}

_BACKUPS: dict[str, dict[str, Kind]] = {
    "backup.made": {"name": T, "rows": N},
    "backup.failed": {"why": T},
    "backup.fetched": {"name": T, "who": T},
}

_RUNS: dict[str, dict[str, Kind]] = {
    "run.given-up": {"attempts": N, "why": R},
    "run.late": {"limit": S, "why": R},
    "run.seen": {"why": R, "seen": LIST},
    "run.copy": {"host": T, "copy": W},
    "run.pair": {"source": W, "target": W},
    "run.broken": {"why": R},
    "run.deed": {"deed": W, "why": R},
    "run.step": {"number": N, "why": R},
    "run.cancelled": {},
    "run.skipped": {},
    "run.before-failed": {},
    "run.other-release": {},
    "run.left-alone": {"why": T},
    "run.not-all-answer": {},
    "run.task": {"handle": T},
    "run.some-task": {},
    "run.no-answer": {},
    "run.host-gone": {},
    "run.still-there": {"count": N, "vms": NAMES},
    "run.reported": {"copy": W},
    "run.reported-at-source": {},
    "run.silent": {"host": T},
    "run.elsewhere": {"host": T, "copy": W},
    "run.vm-is": {"copy": W},
    "run.vm-exists": {"vm": T},
    "run.vm-defined-elsewhere": {},
    "run.nothing-left": {},
    "run.vm-gone": {},
    "run.vm-not-there": {},
    "run.guest-restarts": {},
    "run.cannot-see": {},
    "run.rename-stopped": {},
    "run.next-start": {},
    "run.snapshot-exists": {"name": T},
    "run.no-snapshot": {"name": T},
    "run.other-disk": {"disk": T},
    "migration.not-moved": {},
    "migration.source-gone": {},
    "migration.nothing-at-target": {},
    "migration.source-has-it": {},
    "migration.target-has-it": {},
    "migration.stopped": {},
    "migration.lost": {},
    "migration.twice": {},
    "migration.stale": {},
    "migration.stopped-after": {},
    "migration.called-back": {},
    "migration.was-there": {},
    "migration.cannot": {"source": W, "target": W},
    "migration.paused-at-source": {},
    "migration.paused-as-before": {},
    "event.begun": {"goal": R},
    "event.run": {"goal": R, "state": W},
    "event.run-why": {"goal": R, "state": W, "why": R},
    "event.step": {"step": R, "state": W},
    "event.step-why": {"step": R, "state": W, "why": R},
}

CODES: dict[str, dict[str, Kind]] = {
    **_SMALL, **_AIMS, **_STEPS, **_LEAVING, **_SERVICES, **_FAILURES, **_IMAGES, **_TEXTS,
    **_PLACES, **_WATCH, **_RULES, **_REFUSALS, **_CHECKS, **_ADMISSION, **_BACKUPS, **_RESTORED,
    **_RUNS, **_ROLLOUTS, **_REPURPOSING, **_POWERING, **_CONSOLIDATING, **_DRIFTING,
    **_AVAILABILITY, **_MOVING, **_LABELLING, **_BEGINNING, **_BEARING, **_HEARING, **_JOINING,
}  # fmt: skip
"""The facts of every code, by name."""
