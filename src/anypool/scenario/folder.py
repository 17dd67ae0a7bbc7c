"""A scenario as the texts of its files: played, and compared with what was expected."""

import json
from collections.abc import Iterable, Mapping
from difflib import unified_diff

from msgspec import Struct

from anypool.errors import Invalid
from anypool.scenario.event import event_of, read_events
from anypool.scenario.page import Item, Spot, parse_page
from anypool.scenario.play import Played, play
from anypool.scenario.pool import exported, read_pool
from anypool.scenario.told import outcome_text, plan_text
from anypool.scenario.world import World

POOL, EVENTS = "pool.yaml", "events.yaml"
PLAN, OUTCOME = "expect.plan", "expect.outcome"
INPUTS, EXPECTATIONS = (POOL, EVENTS), (PLAN, OUTCOME)


class Result(Struct, frozen=True, kw_only=True):
    """What a folder came to: what was played, its texts by file, and the lines that differ.

    `missing` are expectations that nobody has written yet.
    """

    played: Played
    texts: dict[str, str]
    differences: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def as_expected(self) -> bool:
        """Whether everything came as it was expected."""
        return not self.differences and not self.missing


def play_folder(folder: str, files: Mapping[str, str]) -> Result:
    """Return what comes of a folder's files, given by name; raise `Invalid` with file and line."""
    for name in INPUTS:
        if name not in files:
            hint = "a scenario is a folder with pool.yaml and events.yaml"
            raise Invalid(f"{folder} has no {name}", hint=hint)
    world = read_pool(parse_page(f"{folder}/{POOL}", files[POOL]))
    events = read_events(parse_page(f"{folder}/{EVENTS}", files[EVENTS]))
    played = play(world, events)
    texts = {PLAN: plan_text(played), OUTCOME: outcome_text(played)}
    return Result(
        played=played,
        texts=texts,
        differences=tuple(
            line for name in EXPECTATIONS if name in files
            for line in _differences(name, files[name], texts[name])
        ),
        missing=tuple(name for name in EXPECTATIONS if name not in files),
    )  # fmt: skip


def play_file(name: str, text: str, events: Iterable[str]) -> Played:
    """Return what comes of events in the pool of one file, terse or exported; raise `Invalid`."""
    world = _from_json(name, text) if name.endswith(".json") else read_pool(parse_page(name, text))
    lines = enumerate(events, 1)
    asked = (event_of(Item(Spot("--event", number), line), line) for number, line in lines)
    return play(world, tuple(asked))


def _from_json(name: str, text: str) -> World:
    try:
        return exported(name, json.loads(text))
    except ValueError as error:
        raise Invalid(f"{name} is no JSON: {error}") from error


def _differences(name: str, expected: str, found: str) -> list[str]:
    if expected == found:
        return []
    pair = (expected.splitlines(), found.splitlines())
    lines = list(unified_diff(*pair, f"{name} (expected)", f"{name} (now)", lineterm="", n=2))
    return lines or [f"{name}: only the ends of lines differ"]
