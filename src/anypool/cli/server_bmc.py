"""`anypool server adopt`, `power`, `boot`, `media`, `hardware`, `sensors`, `events`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import confirm, note, read_secret
from anypool.cli.trusting import Fingerprint, PasswordFile, confirmed
from anypool.cli.words import mib, moment, size

SHORT = (
    Column("NAME", lambda one: one["name"]),
    Column("POWER", lambda one: one["power"]),
    Column("HEALTH", lambda one: one["health"]),
    Column("MODEL", lambda one: " ".join(filter(None, (one["vendor"], one["model"])))),
    Column("ADOPTION", lambda one: one["adoption"]),
    Column("ABILITIES", lambda one: one["abilities"]),
    Column("ENDPOINT", lambda one: one["endpoint"]),
)
SENSORS = (
    Column("NAME", lambda one: one["name"]),
    Column("KIND", lambda one: one["kind"]),
    Column("READING", lambda one: _reading(one)),
    Column("HEALTH", lambda one: one["health"]),
)
LOG = (
    Column("AT", lambda one: moment(one["at"])),
    Column("SEVERITY", lambda one: one["severity"]),
    Column("MESSAGE", lambda one: one["message"]),
    Column("LOG", lambda one: one["log"], wide=True),
    Column("CODE", lambda one: one["code"], wide=True),
    Column("ID", lambda one: one["id"], wide=True),
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Trust:
    """How a BMC is logged in to, and what is trusted."""

    user: Annotated[str, Parameter(help="a user that may switch power and change settings")]
    password_file: PasswordFile = ""
    fingerprint: Fingerprint = ""
    system: Annotated[
        str, Parameter(help="id or path of the server, where its BMC answers for several")
    ] = ""
    name: Annotated[str, Parameter(help="the name it is shown by; else its own")] = ""
    pool: Annotated[str, Parameter(help="pool that it joins")] = "default"
    prove: Annotated[
        bool,
        Parameter(
            negative="--no-prove",
            help="try whether addresses can be written, by writing those that are there",
        ),
    ] = True


def adopt(address: str, /, *, trust: Trust, where: Where = HERE) -> None:
    """Adopt the server behind the BMC at an address: from then on it may be switched.

    Such as `10.0.0.9` or `redfish://10.0.0.9:8443`. Its certificate is shown for you to
    compare, and no other is trusted from then on.
    """
    with connected(where) as client:
        has_none = address.startswith("ipmi://")
        path, about = "/servers/certificate", {"address": address}
        pinned = "" if has_none else trust.fingerprint or confirmed(client, path, about, address)
        password = read_secret(trust.password_file, f"password of {trust.user} at {address}")
        body: Json = {"address": address, "user": trust.user, "password": password}
        body |= {"fingerprint": pinned, "pool": trust.pool, "prove": trust.prove}
        body |= {"system": trust.system} if trust.system else {}
        body |= {"name": trust.name} if trust.name else {}
        show_one(client.post("/servers", body), SHORT, where.output)


def power(
    name: str,
    to: Literal["on", "off", "force-off"],
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    dry_run: Annotated[
        bool, Parameter(negative="", help="only say whether it would be refused")
    ] = False,
    where: Where = HERE,
) -> None:
    """Switch a server on, ask it to go off, or force it off."""
    if to != "on" and not dry_run:
        confirm(f"Switch {name} {to.replace('-', ' ')}? What runs there ends.", yes=yes)
    with connected(where) as client:
        found = client.post(f"/servers/{key(name)}/power", {"to": to}, dry_run=dry_run)
        show_one(found, SHORT, where.output)


def boot(
    name: str,
    target: str,
    /,
    *,
    always: Annotated[bool, Parameter(help="for every start, not once", negative="")] = False,
    mode: Annotated[Literal["", "UEFI", "Legacy"], Parameter(help="how it boots")] = "",
    where: Where = HERE,
) -> None:
    """Have a server boot from Pxe, Cd, Hdd or so the next time; None takes that away."""
    body: Json = {"target": target, "once": not always, "mode": mode}
    with connected(where) as client:
        client.post(f"/servers/{key(name)}/boot", body)
        note(f"{name} boots from {target} {'always' if always else 'the next time'}")


def media(
    name: str,
    image: str = "",
    /,
    *,
    kind: Annotated[str, Parameter(help="kind of the virtual drive")] = "CD",
    where: Where = HERE,
) -> None:
    """Insert the image at an address into a server's virtual drive; without one, take it out."""
    with connected(where) as client:
        client.post(f"/servers/{key(name)}/medium", {"image": image, "kind": kind})
        note(f"{image or 'nothing'} is in the virtual drive of {name}")


def sensors(name: str, /, *, where: Where = HERE) -> None:
    """Show what the sensors of a server read now."""
    with connected(where) as client:
        show_list(client.get(f"/servers/{key(name)}/sensors")["items"], SENSORS, where.output)


def events(name: str, /, *, where: Where = HERE) -> None:
    """Show the newest entries of a server's own log, the oldest first."""
    with connected(where) as client:
        show_list(client.get(f"/servers/{key(name)}/log")["items"], LOG, where.output)


def hardware(name: str, /, *, where: Where = HERE) -> None:
    """Show what a server is made of, read from its BMC now, and what could not be read."""
    with connected(where) as client:
        show_one(client.get(f"/servers/{key(name)}/hardware"), HARDWARE, where.output)


def _reading(sensor: Json) -> str:
    value = sensor["reading"]
    return "-" if value is None else f"{value:g} {sensor['unit']}".strip()


def _processors(found: Json) -> str:
    return "; ".join(
        f"{one['slot']} {one['model']}, {one['cores'] or '?'} cores, {one['health']}"
        for one in found["processors"]
    )


def _memory(found: Json) -> str:
    return "; ".join(
        f"{one['slot']} {mib(one['size_mib'])} {one['kind']}, {one['health']}"
        for one in found["memory"]
    )


def _cards(found: Json) -> str:
    return "; ".join(
        f"{card['name']} {card['model']}: {', '.join(map(_function, card['functions']))}"
        for card in found["cards"]
    )


def _function(one: Json) -> str:
    address = one["wwpn"] or one["mac"] or "no address"
    told = " ".join(f"{what} {how}" for what, how in one["writes"])
    return f"{one['name']} {address}" + (f" (writable: {told})" if told else "")


def _storage(found: Json) -> str:
    lines = []
    for unit in found["storage"]:
        raids = [f"{one['level']} {size(one['size_bytes'])}" for one in unit["volumes"]]
        drives = [
            f"{one['name']} {one['media']} {size(one['size_bytes'])} {one['health']}"
            for one in unit["drives"]
        ]
        lines.append(f"{unit['model'] or unit['name']}: {', '.join(raids + drives)}")
    return "; ".join(lines)


def _chassis(found: Json) -> str:
    return "; ".join(
        f"{one['name']} {one['kind']} slot {one['slot'] or '-'}: {len(one['bays'])} bays, "
        f"{len(one['fans'])} fans, {len(one['supplies'])} power supplies, "
        f"{len(one['managers'])} managers, {one['health']}"
        for one in found["chassis"]
    )


def _controller(found: Json) -> str:
    reserve = ", in reserve" if found["active"] is False else ""
    return f"{found['name']} {found['firmware']}".strip() + reserve


def _boot(found: Json) -> str:
    said = found["boot"]
    once = " once" if said["once"] else ""
    return f"{said['target'] or '?'}{once} of {', '.join(said['targets']) or '?'}"


HARDWARE = (
    Column("MAKER", lambda one: one["maker"]),
    Column("MODEL", lambda one: one["model"]),
    Column("SERIAL", lambda one: one["serial"]),
    Column("UUID", lambda one: one["uuid"]),
    Column("POWER", lambda one: one["power"]),
    Column("HEALTH", lambda one: one["health"]),
    Column("BIOS", lambda one: one["bios"]),
    Column("MEMORY", lambda one: mib(one["memory_mib"])),
    Column("BOOT", _boot),
    Column("PROCESSORS", _processors),
    Column("MODULES", _memory),
    Column("CARDS", _cards),
    Column("STORAGE", _storage),
    Column("CHASSIS", _chassis),
    Column("CONTROLLERS", lambda one: [_controller(found) for found in one["controllers"]]),
    Column("FIRMWARE", lambda one: [f"{x['name']} {x['version']}" for x in one["firmware"]]),
    Column("MEDIA", lambda one: [f"{x['name']} {x['image'] or '-'}" for x in one["media"]]),
    Column("ABILITIES", lambda one: one["abilities"]),
    Column("UNREAD", lambda one: one["unread"]),
)
COMMANDS = (adopt, power, boot, media, hardware, sensors, events)
