"""Settings of the BIOS that a profile wishes: written for the next start, and read back."""

from anypool.drivers import mandate
from anypool.drivers.redfish.fields import Resource, part
from anypool.drivers.redfish.service import Service, link
from anypool.errors import OutcomeUnknown, Rejected

Wishes = tuple[tuple[str, str], ...]


def write(service: Service, system: Resource, wishes: Wishes) -> None:
    """Have attributes set for the next start; nothing is sent where they are so already.

    Raises `Rejected` for one that this BIOS does not have, or of which the wish is no value;
    `OutcomeUnknown` if it says yes and tells something else.
    """
    path = link(system, "Bios")
    if not path:
        raise Rejected(f"{service.name} has no settings of its BIOS", hint="leave them out")
    body = service.get(path)
    place = link(part(body, "@Redfish.Settings"), "SettingsObject") or path
    wanted = _typed(service, part(body, "Attributes"), wishes)
    missing = _missing(service, path, place, wanted)
    if not missing:
        return
    mandate.check(f"settings of the BIOS of {service.name}")
    service.patch(place, {"Attributes": missing})
    if left := _missing(service, path, place, wanted):
        raise OutcomeUnknown(f"{service.name} said yes and did not set {', '.join(left)}")


def _missing(service: Service, path: str, place: str, wanted: Resource) -> Resource:
    """Return what is not set for the next start."""
    now = dict(part(service.get(path), "Attributes"))
    if place != path:
        now |= part(service.get(place), "Attributes")
    return {name: value for name, value in wanted.items() if now.get(name) != value}


def _typed(service: Service, now: Resource, wishes: Wishes) -> Resource:
    """Return wishes as values of the kind that each attribute has now."""
    found: Resource = {}
    for name, text in wishes:
        if name not in now:
            hint = "`anypool profile edit --bios` takes it out of the profile"
            raise Rejected(f"the BIOS behind {service.name} has no {name[:60]}", hint=hint)
        found[name] = _as(service, name, text, now[name])
    return found


def _as(service: Service, name: str, text: str, like: object) -> object:
    if isinstance(like, bool):
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise Rejected(f"{name} behind {service.name} is true or false, not {text[:40]}")
    if isinstance(like, int):
        try:
            return int(text)
        except ValueError as error:
            raise Rejected(f"{name} behind {service.name} is a number, not {text[:40]}") from error
    return text
