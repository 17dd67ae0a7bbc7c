"""`label`, `template` and `untemplate`: what a platform itself keeps of VMs and hosts."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where
from anypool.cli.deeds import PLAINLY, How, do


@Parameter(name="*", group="What may happen for it")
@dataclass(frozen=True, kw_only=True)
class Leave:
    """What may give way to a label, and what may be made for it."""

    replace: Annotated[
        bool, Parameter(negative="", help="another value of the field or category gives way")
    ] = False
    make: Annotated[
        bool, Parameter(negative="", help="make a tag, category or field that is not there")
    ] = False


NO_LEAVE = Leave()
Labels = Annotated[
    str, Parameter(help="tier:gold or owner=ada writes it, ^tier:gold takes it away")
]


def label_vm(
    name: str,
    /,
    *labels: Labels,
    leave: Leave = NO_LEAVE,
    how: How = PLAINLY,
    where: Where = HERE,
) -> int:
    """Write labels of a VM at its platform (vSphere's tags and custom attributes)."""
    return _label("vms", name, _body(labels, leave), how, where)


def label_host(
    name: str,
    /,
    *labels: Labels,
    leave: Leave = NO_LEAVE,
    how: How = PLAINLY,
    where: Where = HERE,
) -> int:
    """Write labels of a host at its platform (vSphere's tags and custom attributes)."""
    return _label("hosts", name, _body(labels, leave), how, where)


def template(name: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Make a template of a stopped VM, which never runs and can be cloned (vSphere)."""
    return _mark(name, "template", how, where)


def untemplate(name: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Make a VM of a template again (vSphere)."""
    return _mark(name, "untemplate", how, where)


def _mark(name: str, verb: str, how: How, where: Where) -> int:
    path = f"/vms/{key(name)}/{verb}"
    return do(where, how, lambda client, dry: client.post(path, None, dry_run=dry))


def _body(labels: tuple[str, ...], leave: Leave) -> Json:
    gone = [label.removeprefix("^") for label in labels if label.startswith("^")]
    new = [label for label in labels if not label.startswith("^")]
    return {"add": new, "remove": gone, "replace": leave.replace, "make": leave.make}


def _label(noun: str, name: str, body: Json, how: How, where: Where) -> int:
    path = f"/{noun}/{key(name)}/labels"
    gone = ", ".join(body["remove"])
    question = f"Take {gone} off {name}? Others may rely on it." if gone else ""
    return do(
        where, how, lambda client, dry: client.post(path, body, dry_run=dry), question=question
    )
