"""What was stored once is understood for ever: golden files of every action and of a plan.

`tests/golden/actions/<type>.v<version>.json` holds one stored action each, with a value in
every field. A file is never edited; `.venv/bin/python -m tests.unit.test_golden_actions`
adds those that are missing.
"""

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec import inspect

from anypool.errors import Invalid
from anypool.plan import (
    Action,
    Condition,
    Cost,
    CreateVm,
    MigrateVm,
    Plan,
    Step,
    decode_action,
    decode_plan,
    encode_action,
    encode_plan,
    outline,
    say,
    unknown_actions,
)
from anypool.plan.codec import FORMAT, VERSIONS

GOLDEN = Path(__file__).parents[1] / "golden"
CHANGED = (
    "{0} is stored differently now: an older release would run it without noticing. Give it "
    "the next number in _RAISED of plan/codec.py, run this module, and keep the old file"
)


def golden_of(kind: str) -> Path:
    return GOLDEN / "actions" / f"{kind}.v{VERSIONS[kind]}.json"


def every_file() -> list[Path]:
    return sorted((GOLDEN / "actions").iterdir())


def filled(kind: type) -> Any:
    """A record with a value in every field, the same each time."""
    return msgspec.convert(_builtins(inspect.type_info(kind), "x"), kind)


SAME = {"home": "host"}  # a proof is about the host it is given for
PLAIN = {inspect.BoolType: True, inspect.IntType: 7, inspect.FloatType: 1.5}


def _builtins(kind: inspect.Type, name: str) -> Any:
    match kind:
        case inspect.VarTupleType() | inspect.FrozenSetType() if name in ("after", "steps"):
            return []  # their values depend on each other; `plan` fills them
        case inspect.StructType(fields=fields, tag=tag, tag_field=where):
            values = {field.encode_name: _builtins(field.type, field.name) for field in fields}
            return values if where is None else {where: tag, **values}
        case inspect.EnumType(cls=cls):
            return list(cls)[-1].value
        case inspect.UnionType(types=types):
            return _builtins(next(t for t in types if not isinstance(t, inspect.NoneType)), name)
        case inspect.VarTupleType(item_type=item) | inspect.FrozenSetType(item_type=item):
            return [_builtins(item, name)]
        case inspect.TupleType(item_types=items):
            return [_builtins(item, name) for item in items]
        case inspect.StrType():
            return f"some-{SAME.get(name, name)}"
        case inspect.FloatType() if name == "at":
            return 9.5  # the second reading of a proof comes after the first
        case _:
            return PLAIN[type(kind)]


def steps() -> tuple[Step, ...]:
    """A step for every action of now, with every kind of reason, condition and cost."""
    model = filled(Step)
    conditions = tuple(filled(kind) for kind in get_args(Condition))
    return tuple(
        msgspec.structs.replace(
            model,
            number=number,
            action=filled(kind),
            after=frozenset(range(max(1, number - 1), number)),
            valid_while=conditions,
        )
        for number, kind in enumerate(FIRST, 1)
    )


FIRST = (CreateVm, MigrateVm)
"""The actions of the golden plan: the file does not change when actions are added."""


def golden_plan() -> Path:
    """The file of the plan as it is stored now, named by what was raised since its format."""
    kinds = (str(kind.__struct_config__.tag) for kind in FIRST)
    raised = [f"{kind}-{VERSIONS[kind]}" for kind in kinds if VERSIONS[kind] > 1]
    return GOLDEN / "plans" / ("-".join([f"format-{FORMAT}", *raised]) + ".json")


def plan() -> Plan:
    return msgspec.structs.replace(filled(Plan), steps=steps(), planner_version=1)


@pytest.mark.parametrize("kind", sorted(VERSIONS))
def test_every_action_has_a_golden_file_and_is_stored_like_it(kind: str) -> None:
    path = golden_of(kind)
    assert path.exists(), f"run `.venv/bin/python -m {__name__}`, and commit {path.name}"
    (action,) = [filled(cls) for cls in get_args(Action) if cls.__struct_config__.tag == kind]
    assert encode_action(action) == path.read_bytes(), CHANGED.format(kind)


@pytest.mark.parametrize("path", every_file(), ids=lambda path: path.stem)
def test_every_golden_file_is_understood_for_ever(path: Path) -> None:
    stored = path.read_bytes()
    action = decode_action(stored)
    assert decode_action(encode_action(action)) == action
    kind, version = path.stem.rsplit(".v", 1)
    assert msgspec.json.decode(stored)["version"] == int(version)
    if VERSIONS[kind] == int(version):
        assert encode_action(action) == stored, CHANGED.format(kind)


def test_a_plan_is_stored_like_the_golden_one() -> None:
    golden = golden_plan().read_bytes()
    assert encode_plan(plan()) == golden, "raise FORMAT in plan/codec.py and keep the old file"
    assert decode_plan(golden) == plan()


@pytest.mark.parametrize("path", sorted((GOLDEN / "plans").iterdir()), ids=lambda path: path.stem)
def test_every_plan_of_before_is_still_read(path: Path) -> None:
    """What was not known yet is as if it were left out."""
    found, (create, move) = decode_plan(path.read_bytes()), plan().steps
    first = msgspec.json.decode(path.read_bytes())["plan"]["steps"][0]["action"]
    if first.get("version", 1) < 2:
        assert isinstance(create.action, CreateVm)
        wish = msgspec.structs.replace(create.action.wish, origin=None)
        action = msgspec.structs.replace(create.action, wish=wish)
        create = msgspec.structs.replace(create, action=action)
    aim = None if path.stem == "format-1" else found.aim
    waived = plan().waived if path.stem >= "format-3" else ()
    known = msgspec.structs.replace(plan(), steps=(create, move), aim=aim, waived=waived)
    if path.stem < "format-5":
        known = msgspec.structs.replace(known, redeems=())
    assert found == (known if path.stem >= "format-4" else _before_4(known))


def _before_4(known: Plan) -> Plan:
    """The same plan without energy and bounds."""

    def without(cost: Cost) -> Cost:
        return msgspec.structs.replace(cost, energy_j=0)

    steps = tuple(msgspec.structs.replace(s, cost=without(s.cost)) for s in known)
    older: Plan = msgspec.structs.replace(known, steps=steps, cost=without(known.cost), bounds=())
    return older


def changed(**fields: object) -> bytes:
    """The golden plan, its second action changed as another release might."""
    raw = msgspec.json.decode(encode_plan(plan()))
    raw["plan"]["steps"][1]["action"].update(fields)
    return msgspec.json.encode(raw)


@pytest.mark.parametrize(
    ("fields", "name"),
    [({"type": "fly", "height_m": 3}, "fly"), ({"version": 9, "fast": True}, "migrate-vm (v9)")],
)
def test_an_unknown_action_is_named_and_shown_and_never_decoded(
    fields: dict[str, object], name: str
) -> None:
    stored = changed(**fields)
    with pytest.raises(Invalid, match="unknown action") as caught:
        decode_plan(stored)
    assert name in caught.value.message
    assert "not run" in caught.value.hint
    assert unknown_actions(stored) == (name,)
    known, strange = outline(stored)
    assert (known.unknown, strange.unknown) == ("", name)
    assert say(known.tells).startswith("create some-name on")
    assert say(strange.tells).startswith(f"unknown action {name}, of another release: ")
    assert fields.items() <= strange.action.items()
    assert strange.after == (1,)


@pytest.mark.parametrize("stored", [b"", b"[]", b'{"format":2}', b'{"plan":{"steps":3}}', b"\xff"])
def test_what_is_no_plan_has_no_steps(stored: bytes) -> None:
    assert outline(stored) == ()
    assert unknown_actions(stored) == ("?",)
    with pytest.raises(Invalid):
        decode_plan(stored)


def add_missing() -> None:
    for cls in get_args(Action):
        path = golden_of(cls.__struct_config__.tag)
        if not path.exists():
            path.write_bytes(encode_action(filled(cls)))
            print(path)
    path = golden_plan()
    if not path.exists():
        path.write_bytes(encode_plan(plan()))
        print(path)


if __name__ == "__main__":
    add_missing()
