"""The words of reasons why a step does not begin, in English."""

WORDS: dict[str, str] = {
    "broken.gone": "{what} is gone",
    "broken.exists": "{vm} exists",
    "broken.memory": "{host} has {free} free, {need} needed",
    "broken.moved": "{vm} is not on {host} any more",
    "broken.state": "{what} is {state}",
    "broken.maintenance": "{host} is in maintenance",
    "broken.rule": "the policy {policy} would be broken now by {who}",
    "broken.crowded": "{host} is {short} short beside what is under way",
    "run.beside": "it waits for what is under way: {why}",
}
