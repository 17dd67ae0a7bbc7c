"""`anypool inventory export`: the pool of now in one file, to plan with elsewhere."""

import json
import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from anypool.cli import yaml
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.terminal import note
from anypool.errors import Invalid
from anypool.exchange.masking import mask
from anypool.exchange.poolfile import as_data, read_pool_file

DAY_S = 86_400


def export(
    file: Annotated[Path, Parameter(help="where it goes; JSON if it ends with .json, else YAML")],
    /,
    *,
    mask_names: Annotated[
        bool, Parameter(help="put made-up names, addresses and tags in place of the real ones")
    ] = False,
    pools: Annotated[tuple[str, ...], Parameter(help="only these pools; all if none")] = (),
    loads_days: Annotated[
        int, Parameter(help="days of the past whose loads come with it, as percentiles")
    ] = 1,
    where: Where = HERE,
) -> None:
    """Write the pool as it is now into a file, with policies and services."""
    if not 0 <= loads_days <= 366:
        raise Invalid(f"{loads_days} days of loads cannot be had", hint="use 0 to 366")
    if not file.parent.is_dir():
        raise Invalid(f"{file.parent} is no folder", hint="make it first")
    with connected(where) as client:
        data = client.get("/export", pools=",".join(pools), loads_s=loads_days * DAY_S)
    found = read_pool_file("the manager's answer", data)
    if mask_names:
        data = as_data(mask(found))
    text = json.dumps(data, indent=1) + "\n" if file.suffix == ".json" else yaml.dump(data)
    _write(file, text)
    masked = ", names masked" if mask_names else ""
    servers = f", {len(found.servers)} servers" if found.servers else ""
    note(f"{file}: {len(found.hosts)} hosts, {len(found.vms)} VMs{servers}{masked}")


def _write(file: Path, text: str) -> None:
    """Write a file as a whole or not at all, for its owner alone."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(text)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
