"""The words of reasons about consolidation in English."""

WORDS: dict[str, str] = {
    "aim.consolidate": "consolidate {name}: {before} -> {after} hosts; {told}",
    "aim.consolidated": "consolidate {name}: no host can be emptied, {hosts} "
    "{hosts:#host is|hosts are} needed; {told}",
    "consolidate.bound": "no placement needs fewer than {bound} {bound:#host|hosts} (gap {gap} %)",
    "consolidate.least": "no placement needs fewer",
    "consolidate.empty": "empty afterwards: {hosts}",
    "consolidate.stopped-vms": "{count} stopped {count:#VM stays|VMs stay} defined on them",
    "consolidate.unmeasured": "{count} {count:#VM was|VMs were} measured in fewer than {least} "
    "hours and {count:#counts|count} with all {count:#its|their} virtual CPUs busy: {vms}",
    "consolidate.partly": "of {count} {count:#VM|VMs} some hours of the week are unknown and count "
    "as the busiest known one",
    "consolidate.cut-off": "the time was up before every host had been tried",
    "consolidate.saves": "saves at least {kwh} kWh a month once they are switched off",
    "consolidate.money": "that is {amount} {currency} a month",
    "consolidate.co2": "and {kg} kg of CO2",
    "consolidate.no-watts": "nobody knows the watts of {count} of them: {hosts}",
    "consolidate.moves": "costs {move_seconds} move-{move_seconds:#second|seconds} in {count} "
    "{count:#migration|migrations} of {memory}",
    "consolidate.survives": "{failures} {failures:#failure is|failures are} survived without them",
    "consolidate.no-survival": "{failures} {failures:#failure was|failures were} not survived "
    "before and {failures:#is|are} not now, no more VMs are lost",
    "consolidate.empties": "empties {host}; {target} is then {busy} % busy in its busiest hour, "
    "{when}",
    "consolidate.makes-room": "makes room for {vm}; {target} is then {busy} % busy in its busiest "
    "hour, {when}",
    "consolidate.closed": "stays empty until it is opened again",
    "consolidate.busy": "would be {busy} % busy on {when}, {limit} % are allowed",
    "consolidate.limit": "a rule leaves no more room here",
    "consolidate.emptied": "is to become empty itself",
    "consolidate.other": "{left} % would be left of it, of the chosen host {best} %",
    "consolidate.alone": "{vm} is not to be touched by automation",
    "consolidate.cannot-leave": "{host} cannot be emptied: {why}",
    "consolidate.no-place": "{host} cannot be emptied: no other host in use takes this VM too",
    "consolidate.needed": "{host} is not emptied, it is needed after a failure: {why}",
    "hardware.as-it-is": "as it is",
    "hardware.fewest": "the fewest of these hosts",
    "hardware.mixed": "the cheapest mix",
    "hardware.kept": "the hosts that are kept",
    "hardware.left": "{count} {count:#VM finds|VMs find} no place: {vms}",
    "hardware.rules": "new servers are in no rack and match no search, and these policies are "
    "not asked of them: {policies}",
    "hardware.stuck": "{count} {count:#VM|VMs} on hosts that go cannot migrate while "
    "{count:#it runs|they run}: {vms}",
    "hardware.no-watts": "nobody knows the watts of {count} {count:#host|hosts}, and so not what "
    "the pool draws: {hosts}",
    "hardware.no-price": "nobody said what a kWh costs",
}
