"""The words of reasons why a step does not begin, in German."""

WORDS: dict[str, str] = {
    "broken.gone": "{what} gibt es nicht mehr",
    "broken.exists": "{vm} gibt es",
    "broken.memory": "{host} hat {free} frei, {need} sind nötig",
    "broken.moved": "{vm} ist nicht mehr auf {host}",
    "broken.state": "Zustand von {what}: {state}",
    "broken.maintenance": "{host} ist in Wartung",
    "broken.rule": "die Regel {policy} würde jetzt gebrochen durch {who}",
    "broken.crowded": "{host} fehlen {short} neben dem, was im Gange ist",
    "run.beside": "wartet auf das, was im Gange ist: {why}",
}
