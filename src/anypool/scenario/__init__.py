"""Scenarios: a pool, what happens in it, and what is expected; played by the real planners."""

from anypool.scenario.folder import EXPECTATIONS, INPUTS, Result, play_file, play_folder
from anypool.scenario.play import Happening, Played, play
from anypool.scenario.told import happening_text, outcome_text, plan_text
from anypool.scenario.world import World

__all__ = [
    "EXPECTATIONS",
    "INPUTS",
    "Happening",
    "Played",
    "Result",
    "World",
    "happening_text",
    "outcome_text",
    "plan_text",
    "play",
    "play_file",
    "play_folder",
]
