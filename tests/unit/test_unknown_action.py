"""A plan of another release, from the database to the terminal: named, readable, never run."""

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import update

from anypool.api.planviews import plan_row, plan_view
from anypool.cli.plan import COLUMNS
from anypool.cli.preview import text_of
from anypool.clock import ManualClock
from anypool.errors import Invalid
from anypool.model import HostId, Inventory, PlanId, VmId
from anypool.plan import MigrateVm, PauseVm, Plan, Step, reason
from anypool.store import Store, plans
from anypool.store.tables import plans as table

PLAN = PlanId("p1")
WHY = reason("asked", who="ada")
STEPS = (
    Step(number=1, action=PauseVm(vm=VmId("v1"), host=HostId("h1")), why=WHY),
    Step(
        number=2,
        action=MigrateVm(vm=VmId("v1"), source=HostId("h1"), target=HostId("h2")),
        why=WHY,
        after=frozenset({1}),
    ),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store.open(f"sqlite:///{tmp_path}/anypool.db", clock=ManualClock())
    with opened.writing() as tx:
        plans.add(tx, PLAN, Plan(goal="fly there", steps=STEPS), by="ada")
        raw = msgspec.json.decode(tx.rows(table.select())[0].body)
        raw["plan"]["steps"][1]["action"] |= {"version": 4, "speed": "high"}
        tx.run(update(table).values(body=msgspec.json.encode(raw)))
    return opened


def test_it_is_named_in_lists_and_shown_raw(store: Store) -> None:
    with store.reading() as tx:
        view = plan_view(plans.readable(tx, PLAN), Inventory())
        row = plan_row(plans.summary(tx, PLAN))
        with pytest.raises(Invalid, match=r"unknown action migrate-vm \(v4\)"):
            plans.get(tx, PLAN)
    store.close()
    assert view.unknown == row.unknown == ("migrate-vm (v4)",)
    known, strange = view.steps
    assert (known.text, known.unknown) == ("pause v1 on h1", "")
    assert strange.unknown == "migrate-vm (v4)"
    assert strange.action["speed"] == "high"
    assert 'speed="high"' in strange.text
    assert (strange.why, strange.after) == (known.why, (1,))
    assert "never run" in view.text
    listed = msgspec.to_builtins(row)
    cells = {column.title: column.value(listed) for column in COLUMNS}
    assert cells["STATE"] == "recommended (unknown actions)"
    assert "migrate-vm (v4)" in str(cells["NOTE"])
    printed = "\n".join(text_of(msgspec.to_builtins(view), (), {}))
    assert "Unknown to this release: migrate-vm (v4). It can be read, never run." in printed
