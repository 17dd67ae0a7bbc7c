"""The words of reasons about moving disks in German."""

WORDS: dict[str, str] = {
    "step.move-disks": "die Platten von {vm} auf {host} nach {datastore} verlegen",
    "move.cannot": "{host} kann keine Platten zwischen Datastores verlegen",
    "move.no-datastore": "{host} hat keinen Datastore {datastore}",
    "move.no-room": "{datastore} hat {free} frei, nötig sind {need}",
    "move.there": "die Platten von {vm} sind schon auf {datastore}",
    "move.no-disks": "{vm} hat keine Platten",
    "check.move-no-datastore": "{datastore} gibt es am Host von {vm} nicht",
    "check.move-no-room": "{datastore} hat zu wenig Platz für die Platten von {vm}",
}
