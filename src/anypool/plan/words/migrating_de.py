"""The words of reasons about how a migration ended in German."""

WORDS: dict[str, str] = {
    "migration.not-moved": "die Migration fand nicht statt",
    "migration.source-gone": "an der Quelle ist sie fort",
    "migration.nothing-at-target": "am Ziel ist nichts",
    "migration.source-has-it": "die Quelle hat die VM",
    "migration.target-has-it": "das Ziel hat die VM",
    "migration.stopped": "die VM endete während der Migration",
    "migration.lost": "kein Host hat die VM",
    "migration.twice": "zwei Kopien laufen",
    "migration.stale": "die VM lief wohl weiter, als das Ziel seine Kopie hatte: Diese ist alt",
    "migration.stopped-after": "die VM endete, nachdem sie angekommen war",
    "migration.called-back": "zurückgerufen",
    "migration.was-there": "sie war schon da",
    "migration.cannot": "die VM kann nicht migrieren: Quelle: {source}, Ziel: {target}",
    "migration.paused-at-source": "die Migration fand nicht statt; die VM ist an der Quelle "
    "angehalten",
    "migration.paused-as-before": "angehalten wie vorher",
}
