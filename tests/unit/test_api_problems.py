import inspect

import pytest

from anypool import errors
from anypool.api.problems import problem_of
from anypool.errors import AnypoolError, NoPlan

STATUS = {
    "Invalid": 422, "NoPlan": 409, "NotFound": 404, "Denied": 403, "NotLoggedIn": 401,
    "NotSupported": 422, "Conflict": 409, "Stale": 412, "Busy": 409, "Unreachable": 503,
    "Rejected": 502, "OutcomeUnknown": 504, "UnderWay": 504, "StoreFailed": 507,
    "AnypoolError": 500,
}  # fmt: skip
CLASSES = [
    found
    for found in vars(errors).values()
    if inspect.isclass(found) and issubclass(found, AnypoolError)
]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_has_a_status(kind: type[AnypoolError]) -> None:
    found = problem_of(kind("it is so", hint="do this"))
    assert found.status == STATUS[kind.__name__]
    assert found.detail == "it is so"
    assert found.hint == "do this"
    assert found.type.startswith("urn:anypool:problem:")


def test_a_class_of_tomorrow_is_shown_as_the_one_above_it() -> None:
    class Odd(errors.Conflict):
        pass

    assert problem_of(Odd("x")).status == 409


def test_refusals_are_told() -> None:
    found = problem_of(NoPlan("none", refusals={"h1": "memory short"}))
    assert found.refusals == {"h1": "memory short"}
