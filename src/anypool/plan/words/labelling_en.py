"""The words of reasons about templates and labels in English."""

WORDS: dict[str, str] = {
    "step.mark-template": "make {vm} on {host} a template",
    "step.unmark-template": "make the template {vm} on {host} a VM again",
    "step.label": "write the labels {labels} onto {name}",
    "step.unlabel": "take the labels {labels} off {name}",
    "step.relabel": "write the labels {labels} onto {name} and take off {gone}",
    "mark.cannot": "{host} knows no templates",
    "mark.is": "{vm} is a template",
    "mark.is-not": "{vm} is no template",
    "hint.unmark": "make a VM of it with `anypool vm untemplate`, or clone it",
    "label.cannot": "{host} has no labels that can be written",
    "check.mark-runs": "{vm} would become a template while it runs",
    "check.template-runs": "{vm} is a template and would run",
}
