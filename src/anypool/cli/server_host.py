"""`anypool server make-host`, `retire-host`: servers become hosts of their pool, and leave it."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where
from anypool.cli.deeds import PLAINLY, TAKING, How, Taking, do
from anypool.cli.words import with_unit


@Parameter(name="*", group="A VM that runs there at once")
@dataclass(frozen=True, kw_only=True)
class FirstVm:
    """The VM that is made on the new host and started, if one is named."""

    vm: Annotated[str, Parameter(help="its name")] = ""
    vm_image: Annotated[str, Parameter(help="image it is made from: web or web:3")] = ""
    vm_memory: Annotated[str, Parameter(help="its memory, such as 512MiB")] = ""

    @property
    def body(self) -> Json:
        """Return what the request says of it."""
        if not self.vm:
            return {}
        made: Json = {"name": self.vm, "image": self.vm_image or self.vm}
        return {"vm": made | ({"memory": with_unit(self.vm_memory)} if self.vm_memory else {})}


NO_VM = FirstVm()


def make_host(
    server: str = "",
    /,
    *,
    profile: Annotated[str, Parameter(help="the profile that boots a hypervisor")],
    first: FirstVm = NO_VM,
    how: How = PLAINLY,
    where: Where = HERE,
) -> int:
    """Boot a server as a hypervisor that joins its pool, without one the best spare.

    One plan from power-on to a host that reaches what its neighbours reach, and to a running VM.
    """
    path, body = f"/profiles/{key(profile)}/make-host", first.body
    body |= {"server": server} if server else {}
    return do(where, how, lambda client, dry: client.post(path, body, dry_run=dry))


def retire_host(server: str, /, *, how: Taking = TAKING, where: Where = HERE) -> int:
    """Empty a host that a profile made, take it out of the pool and switch its server off."""
    path = f"/servers/{key(server)}/retire-host"
    question = f"Empty {server}, take it out of the pool and switch it off?"
    return do(
        where,
        how,
        lambda client, dry: client.post(path, dry_run=dry, **how.query),
        question=question,
    )


COMMANDS = (make_host, retire_host)
