"""The routes of what a platform itself keeps: templates, and labels of VMs and hosts."""

from typing import Annotated

from litestar import Response, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from anypool.api.asking import PREVIEW, By, DryRun, Key, Use, proposed
from anypool.api.planviews import Accepted
from anypool.model import LabelChange

Label = Annotated[str, Meta(max_length=255, description="`category:name` or `field=value`")]


class LabelsBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Labels to write at the platform, and labels to take away; all others stay.

    `replace` lets a value give way that stands in the way of a new one; `make` makes tags,
    categories and fields that the platform does not know.
    """

    add: tuple[Label, ...] = ()
    remove: tuple[Label, ...] = ()
    replace: bool = False
    make: bool = False

    @property
    def change(self) -> LabelChange:
        """What is asked for."""
        return LabelChange(add=self.add, remove=self.remove, replace=self.replace, make=self.make)


@post("/vms/{key:str}/labels", status_code=202, responses=PREVIEW, sync_to_thread=True)
def label_vm(
    services: Use, by: By, key: Key, data: JSONBody[LabelsBody], dry_run: DryRun = False
) -> Response[Accepted]:
    """Write labels of a VM at its platform, such as vSphere's tags, or take them away."""
    return proposed(services, by, services.marks.label_vm(by, key, data.change, dry_run=dry_run))


@post("/hosts/{key:str}/labels", status_code=202, responses=PREVIEW, sync_to_thread=True)
def label_host(
    services: Use, by: By, key: Key, data: JSONBody[LabelsBody], dry_run: DryRun = False
) -> Response[Accepted]:
    """Write labels of a host at its platform, such as vSphere's tags, or take them away."""
    return proposed(services, by, services.marks.label_host(by, key, data.change, dry_run=dry_run))


@post("/vms/{key:str}/template", status_code=202, responses=PREVIEW, sync_to_thread=True)
def mark_template(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Make a template of a stopped VM."""
    proposal = services.marks.template(by, key, template=True, dry_run=dry_run)
    return proposed(services, by, proposal)


@post("/vms/{key:str}/untemplate", status_code=202, responses=PREVIEW, sync_to_thread=True)
def unmark_template(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Make a VM of a template again."""
    proposal = services.marks.template(by, key, template=False, dry_run=dry_run)
    return proposed(services, by, proposal)


ROUTES = (label_vm, label_host, mark_template, unmark_template)
