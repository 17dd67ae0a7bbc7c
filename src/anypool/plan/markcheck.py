"""What speaks against marking templates, and against running one: shared with no planner."""

from collections.abc import Iterator

from anypool.model import Inventory
from anypool.plan.action import MarkTemplate, MigrateVm, StartVm, StopVm
from anypool.plan.plan import Plan
from anypool.plan.reason import Reason, reason

_OFF = ("stopped", "crashed")


def of_templates(plan: Plan, inventory: Inventory) -> Iterator[Reason]:
    """Yield each VM that would be marked while it runs, and each template that would run."""
    marked = {vm.id for vm in inventory.vms.values() if vm.template}
    runs = {vm.id for vm in inventory.vms.values() if vm.state not in _OFF}
    for step in plan.steps:
        match step.action:
            case MarkTemplate(vm=vm, template=True):
                marked.add(vm)
                if vm in runs:
                    yield reason("check.mark-runs", vm=vm)
            case MarkTemplate(vm=vm):
                marked.discard(vm)
            case StopVm(vm=vm):
                runs.discard(vm)
            case StartVm(vm=vm) | MigrateVm(vm=vm):
                runs.add(vm)
                if vm in marked:
                    yield reason("check.template-runs", vm=vm)
            case _:
                continue
