"""The words of reasons about templates and labels in German."""

WORDS: dict[str, str] = {
    "step.mark-template": "{vm} auf {host} zur Vorlage machen",
    "step.unmark-template": "die Vorlage {vm} auf {host} wieder zur VM machen",
    "step.label": "{name} bekommt die Merkmale {labels}",
    "step.unlabel": "{name} verliert die Merkmale {labels}",
    "step.relabel": "{name} bekommt die Merkmale {labels} und verliert {gone}",
    "mark.cannot": "{host} kennt keine Vorlagen",
    "mark.is": "{vm} ist eine Vorlage",
    "mark.is-not": "{vm} ist keine Vorlage",
    "hint.unmark": "mit `anypool vm untemplate` wird eine VM daraus; oder man klont sie",
    "label.cannot": "{host} hat keine Merkmale, die sich schreiben lassen",
    "check.mark-runs": "{vm} würde zur Vorlage, während sie läuft",
    "check.template-runs": "{vm} ist eine Vorlage und würde laufen",
}
