"""From where a server boots next, and what lies in the virtual drives of its BMC.

What was ordered is read back: there are services that say yes and change nothing.
"""

from typing import Any
from urllib.parse import urlsplit

from anypool.drivers import mandate
from anypool.drivers.redfish import fields
from anypool.drivers.redfish.fields import Resource, part, text
from anypool.drivers.redfish.service import Service, link, linked, members
from anypool.errors import Invalid, NotFound, OutcomeUnknown, Rejected
from anypool.model import BootOrder, BootOverride, Medium, MediumOrder

_TARGET = "BootSourceOverrideTarget"
_ENABLED = "BootSourceOverrideEnabled"
_MODE = "BootSourceOverrideMode"
_ALLOWED = "BootSourceOverrideTarget@Redfish.AllowableValues"


def read(system: Resource) -> BootOverride:
    """Return what a system says of its next start."""
    said = part(system, "Boot")
    enabled, target = text(said, _ENABLED), text(said, _TARGET)
    return BootOverride(
        target="None" if enabled == "Disabled" else target,
        once=enabled == "Once",
        mode=text(said, _MODE),
        targets=fields.texts(said, _ALLOWED),
    )


def write(service: Service, path: str, system: Resource, order: BootOrder) -> None:
    """Have a system boot from elsewhere; nothing is sent if it is so already.

    Raises `Rejected` for a target that it does not know, and `OutcomeUnknown` if it says
    yes and then tells something else.
    """
    now = read(system)
    if _is_so(now, order):
        return
    if now.targets and order.target not in (*now.targets, "None"):
        hint = f"there are: {', '.join(now.targets)}"
        raise Rejected(f"{service.name} cannot boot from {order.target[:40]}", hint=hint)
    wanted = {_TARGET: order.target, _ENABLED: "Once" if order.once else "Continuous"}
    if order.target == "None":
        wanted[_ENABLED] = "Disabled"
    if order.mode and order.target != "None":
        wanted[_MODE] = order.mode
    etag = text(system, "@odata.etag")
    mandate.check(f"boot override of {service.name}")
    service.patch(path, {"Boot": wanted}, etag)
    after = read(service.get(path))
    if not _is_so(after, order):
        hint = "some take it over only while the server is off; look at `server show`"
        said = after.target or "nothing"
        raise OutcomeUnknown(f"{service.name} said yes and tells {said} as boot target", hint=hint)


def _is_so(now: BootOverride, order: BootOrder) -> bool:
    if order.target == "None":
        return now.target in ("None", "")
    mode = not order.mode or not now.mode or now.mode == order.mode
    return now.target == order.target and now.once == order.once and mode


def drives(service: Service, system: Resource) -> list[tuple[str, Resource]]:
    """Return the virtual drives of a system, or of those that manage it, with their paths."""
    places = [link(system, "VirtualMedia")]
    if not places[0]:
        managers = linked(part(system, "Links").get("ManagedBy"))
        places = [link(service.get(one), "VirtualMedia") for one in managers[:4]]
    paths = [one for place in places if place for one in members(service.get(place))[:16]]
    return [(one, service.get(one)) for one in paths]


def medium(path: str, body: Resource) -> Medium:
    """Return one virtual drive."""
    return Medium(
        path=path,
        name=text(body, "Name", "Id"),
        kinds=fields.texts(body, "MediaTypes"),
        inserted=fields.flag(body, "Inserted"),
        image=shown(body.get("Image")),
        write_protected=fields.flag(body, "WriteProtected"),
    )


def shown(image: object) -> str:
    """Return the address of an image without user and password."""
    said = image if isinstance(image, str) and len(image) <= 2000 and image.isprintable() else ""
    try:
        place = urlsplit(said)
    except ValueError:
        return ""
    return place._replace(netloc=place.netloc.rpartition("@")[2]).geturl()


def change(service: Service, system: Resource, order: MediumOrder) -> None:
    """Insert an image, or take out what is in a virtual drive; read back what is there then.

    Raises `Invalid` for an address that a BMC could not load, `NotFound` where there is no
    such drive, `OutcomeUnknown` if it says yes and tells something else afterwards.
    """
    _check(order)
    found = [(path, body) for path, body in drives(service, system) if _is_of(body, order.kind)]
    if not found:
        hint = "its BMC may need a licence for virtual media"
        raise NotFound(f"{service.name} has no virtual drive for {order.kind[:20]}", hint=hint)
    path, body = found[0]
    if _holds(medium(path, body), order):
        return
    if order.image and fields.flag(body, "Inserted"):
        _send(service, path, body, MediumOrder(kind=order.kind))
        body = service.get(path)
    _send(service, path, body, order)
    after = medium(path, service.get(path))
    if not _holds(after, order):
        said = after.image or "nothing"
        raise OutcomeUnknown(f"{service.name} said yes and tells {said} in its virtual drive")


def _send(service: Service, path: str, body: Resource, order: MediumOrder) -> None:
    kind = "InsertMedia" if order.image else "EjectMedia"
    action = part(body, "Actions", f"#VirtualMedia.{kind}")
    target = link({"it": {"@odata.id": action.get("target")}}, "it")
    what: dict[str, Any] = {"Image": order.image, "Inserted": True, "WriteProtected": True}
    mandate.check(f"{kind} of {service.name}")
    if target:
        service.told_to(target, what if order.image else {})
        return
    if not order.image:
        what = {"Image": None, "Inserted": False}
    service.patch(path, what, text(body, "@odata.etag"))


def _holds(now: Medium, order: MediumOrder) -> bool:
    if not order.image:
        return now.inserted is False or (now.inserted is None and not now.image)
    return now.inserted is not False and now.image == shown(order.image)


def _is_of(body: Resource, kind: str) -> bool:
    return kind in fields.texts(body, "MediaTypes")


def _check(order: MediumOrder) -> None:
    if not order.image:
        return
    try:
        place = urlsplit(order.image)
        good = place.scheme in ("http", "https", "nfs", "cifs", "smb") and bool(place.hostname)
    except ValueError:
        good = False
    if not good or len(order.image) > 2000 or not order.image.isprintable():
        hint = "write http://HOST/PATH, https, nfs or cifs; the BMC loads it by itself"
        raise Invalid("that is not the address of an image", hint=hint)
