"""The words of reasons about what somebody changes beside us in English."""

WORDS: dict[str, str] = {
    "drift.said": "{what} (there, at {at})",
    "drift.changed": "{said}: {changes}",
    "drift.many": "{count} more {count:#thing was|things were} done there; they are not listed",
    "drift.gone": "it is not there any more",
    "drift.new": "it is new",
    "drift.name": "name {before} -> {after}",
    "drift.host": "host {before} -> {after}",
    "drift.state": "{before} -> {after}",
    "drift.vcpus": "vCPUs {before} -> {after}",
    "drift.memory": "memory {before} -> {after}",
    "drift.disks": "disks {before} -> {after}",
    "drift.disk": "a disk is another one or elsewhere",
    "drift.adapters": "network adapters {before} -> {after}",
    "drift.adapter": "a network adapter is another one or elsewhere",
    "drift.snapshots": "snapshots {before} -> {after}",
    "drift.shares": "shares, limits or reservations",
    "vm.twins": "{vm} has the same id as {count} more {count:#VM|VMs}: nothing is done to any of "
    "them before each has an id of its own",
    "vm.twin-here": "{vm} bears the id of another VM on its platform: {others}",
    "vm.twin-elsewhere": "two VMs bear the id of {vm}: they are on {hosts} and share no disk",
    "check.platform": "{vm} would be brought to {host}, which is of another platform",
    "check.twins": "{vm} bears the id of another VM: nobody can say which of them is meant",
    "hint.twins": "`anypool vm show` says who the others are; give the copy an id of its own",
}
