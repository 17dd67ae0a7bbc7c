"""What is remembered of a guest's agent from question to question."""

from anypool.engine.ha.agents import AgentSight, heard
from anypool.model import AgentState

JUDGED = AgentSight(judged=True)


def asked(*said: AgentState, every_s: float = 10.0) -> AgentSight:
    sight = JUDGED
    for number, state in enumerate(said, start=1):
        sight = heard(sight, state, number * every_s)
    return sight


def test_one_that_never_answered_is_not_heard_however_long_it_is_silent() -> None:
    sight = asked(*[AgentState.SILENT] * 9)
    assert (sight.heard, sight.silent_s) == (False, 80.0)


def test_silence_counts_from_the_first_question_without_an_answer() -> None:
    sight = asked(AgentState.ANSWERS, AgentState.SILENT, AgentState.SILENT, AgentState.SILENT)
    assert (sight.heard, sight.silent_since, sight.silent_s) == (True, 20.0, 20.0)
    assert heard(sight, AgentState.ANSWERS, 50.0).silent_s == 0.0


def test_question_that_could_not_be_put_ends_a_silence_and_forgets_no_answer() -> None:
    sight = asked(AgentState.ANSWERS, AgentState.SILENT, AgentState.UNKNOWN, AgentState.SILENT)
    assert (sight.heard, sight.silent_since) == (True, 40.0)
    assert asked(AgentState.ANSWERS, AgentState.NONE).silent_since == 0.0
