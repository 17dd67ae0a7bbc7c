"""What a platform itself keeps about a VM or a host: whether it is a template, and its labels."""

from anypool.engine import Engine
from anypool.errors import Invalid
from anypool.model import Inventory, LabelChange, field_of
from anypool.plan import ChangeLabels, MarkTemplate
from anypool.planner.rules import Rulebook
from anypool.planner.wishes import DoAction
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.proposals import Proposal, Proposals
from anypool.service.vms import placed

_LONGEST = 255
_MOST = 64


class Marks:
    """The use cases of templates and labels."""

    def __init__(self, engine: Engine, proposals: Proposals) -> None:
        self._engine = engine
        self._proposals = proposals

    def template(self, by: Principal, key: str, *, template: bool, dry_run: bool) -> Proposal:
        """Make a template of a stopped VM, or a VM of a template; raise `Conflict`."""

        def plan(inventory: Inventory, _: Rulebook) -> DoAction:
            vm, host = placed(inventory, key)
            mark = MarkTemplate(vm=vm.id, host=host, template=template)
            return DoAction(action=mark, who=by.name)

        return self._proposals.propose(by, Deed.OPERATE_VM, plan, dry_run=dry_run)

    def label_vm(self, by: Principal, key: str, change: LabelChange, *, dry_run: bool) -> Proposal:
        """Change labels of a VM at its platform; raise `Invalid` or `Conflict`."""
        require(by, Deed.OPERATE_VM)
        checked = checked_change(change)

        def plan(inventory: Inventory, _: Rulebook) -> DoAction:
            vm, host = placed(inventory, key)
            write = ChangeLabels(vm=vm.id, host=host, change=checked)
            return DoAction(action=write, who=by.name)

        return self._proposals.propose(by, Deed.OPERATE_VM, plan, dry_run=dry_run)

    def label_host(
        self, by: Principal, key: str, change: LabelChange, *, dry_run: bool
    ) -> Proposal:
        """Change labels of a host at its platform; raise `Invalid` or `Conflict`."""
        require(by, Deed.OPERATE_HOST)
        checked = checked_change(change)

        def plan(inventory: Inventory, _: Rulebook) -> DoAction:
            write = ChangeLabels(host=find.host(inventory, key).id, change=checked)
            return DoAction(action=write, who=by.name)

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run)


def checked_change(change: LabelChange) -> LabelChange:
    """Return a change as it is kept: sorted, each label once; raise `Invalid`."""
    add, remove = sorted(set(change.add)), sorted(set(change.remove))
    if not add and not remove:
        raise Invalid("no label is named", hint="such as tier:gold or owner=ada")
    if both := sorted(set(add) & set(remove)):
        raise Invalid(f"{both[0]!r} is to be written and taken away", hint="name it once")
    if len(add) + len(remove) > _MOST:
        raise Invalid(f"{len(add) + len(remove)} labels are too many", hint=f"at most {_MOST}")
    for label in (*add, *remove):
        _check(label)
    fields = [field_of(label) for label in add if field_of(label)]
    if twice := [one for one in fields if fields.count(one) > 1]:
        raise Invalid(f"{twice[0]} would have two values", hint="a field has one")
    return LabelChange(
        add=tuple(add), remove=tuple(remove), replace=change.replace, make=change.make
    )


def _check(label: str) -> None:
    field = field_of(label)
    front, back = (field, label[len(field) + 1 :]) if field else (label.partition(":")[0::2])
    whole = front.strip() and back.strip() and label.isprintable()
    if not whole or len(label) > _LONGEST:
        raise Invalid(
            f"{label[:80]!r} is no label",
            hint=f"a tag is category:name, a field is field=value; at most {_LONGEST} characters",
        )
