"""The words of reasons about moving disks in English."""

WORDS: dict[str, str] = {
    "step.move-disks": "move the disks of {vm} on {host} to {datastore}",
    "move.cannot": "{host} cannot move disks between datastores",
    "move.no-datastore": "{host} has no datastore {datastore}",
    "move.no-room": "{datastore} has {free} free and {need} are needed",
    "move.there": "the disks of {vm} are on {datastore} already",
    "move.no-disks": "{vm} has no disks",
    "check.move-no-datastore": "the disks of {vm} would go to {datastore}, which its host has not",
    "check.move-no-room": "{datastore} has too little room for the disks of {vm}",
}
