"""The words of reasons about how a migration ended in English."""

WORDS: dict[str, str] = {
    "migration.not-moved": "the migration did not happen",
    "migration.source-gone": "the source is gone",
    "migration.nothing-at-target": "nothing is at the target",
    "migration.source-has-it": "the source has the VM",
    "migration.target-has-it": "the target has the VM",
    "migration.stopped": "the VM stopped during the migration",
    "migration.lost": "no host has the VM",
    "migration.twice": "two copies run",
    "migration.stale": "the VM ran on after the target had its copy, or may have: that copy is old",
    "migration.stopped-after": "the VM stopped after it arrived",
    "migration.called-back": "called back",
    "migration.was-there": "it was there already",
    "migration.cannot": "the VM cannot migrate: source {source}, target {target}",
    "migration.paused-at-source": "the migration did not happen; the VM is paused at the source",
    "migration.paused-as-before": "paused, as it was before",
}
