"""The least role for every operation of the API, written by hand; nothing else is allowed in."""

from typing import Any

from anypool.store.records import Role

ANYBODY = None
_V, _O, _A = Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR

LEAST: dict[str, Role | None] = {
    "get /health": ANYBODY,
    "get /health/live": ANYBODY,
    "get /health/ready": ANYBODY,
    "post /login": ANYBODY,
    "post /logout": _V,
    "get /me": _V,
    "get /managers": _V,
    "post /managers/{key}/drain": _A,
    "post /managers/{key}/call-back": _A,
    "post /me/password": _V,
    "get /tokens": _V,
    "post /tokens": _V,
    "delete /tokens/{token}": _V,
    "get /users": _A,
    "post /users": _A,
    "patch /users/{name}": _A,
    "delete /users/{name}": _A,
    "get /audit": _A,
    "get /audit/verdict": _A,
    "get /audit/{number}": _A,
    "post /audit/rotate-key": _A,
    "get /backups": _A,
    "post /backups": _A,
    "get /backups/{key}/content": _A,
    "get /certificates": _V,
    "post /certificates/look": _O,
    "post /certificates/renew": _A,
    "post /certificates/{key}/confirm": _A,
    "get /notifications": _V,
    "post /notifications": _A,
    "get /notifications/{key}": _V,
    "delete /notifications/{key}": _A,
    "post /notifications/{key}/test": _A,
    "post /notifications/{key}/retry": _A,
    "get /inventories": _V,
    "get /inventories/{key}": _V,
    "get /inventories/{key}/content": _V,
    "get /inventories/{key}/differences": _V,
    "get /export": _V,
    "get /resync": _V,
    "post /resync/endpoints/{key}/vouch": _A,
    "get /retention": _V,
    "post /retention/run": _A,
    "get /secrets/keys": _A,
    "post /secrets/rotate": _A,
    "get /support/bundle": _A,
    "get /demo": _V,
    "post /demo/play": _O,
    "get /events": _V,
    "get /events/stream": _V,
    "get /servers": _V,
    "post /server-searches": _A,
    "get /server-searches/{key}": _A,
    "post /servers": _A,
    "post /servers/certificate": _A,
    "get /servers/{key}/hardware": _V,
    "get /servers/{key}/sensors": _V,
    "get /servers/{key}/log": _V,
    "post /servers/{key}/power": _O,
    "post /servers/{key}/boot": _O,
    "post /servers/{key}/medium": _O,
    "get /servers/{key}": _V,
    "patch /servers/{key}": _O,
    "get /boot-hosts": _V,
    "get /boot-hosts/{key}": _V,
    "post /boot-hosts/{key}/configure": _O,
    "post /boot-hosts/{key}/images/{name}": _A,
    "post /boot-hosts/{key}/deploy": _A,
    "get /profiles": _V,
    "post /profiles": _A,
    "get /profiles/{key}": _V,
    "patch /profiles/{key}": _A,
    "delete /profiles/{key}": _A,
    "get /profiles/{key}/history": _V,
    "post /profiles/{key}/assign": _O,
    "post /profiles/{key}/unassign": _O,
    "post /servers/{key}/fail-over": _O,
    "get /coverage": _V,
    "post /servers/{key}/restore-addresses": _O,
    "post /servers/{key}/replace": _A,
    "get /wiring": _V,
    "get /address-ranges": _V,
    "post /address-ranges": _A,
    "get /address-ranges/{key}": _V,
    "get /vms": _V,
    "post /vms": _O,
    "get /vms/{key}": _V,
    "patch /vms/{key}": _O,
    "delete /vms/{key}": _O,
    "get /copies": _V,
    "post /vms/{key}/remove-copy": _O,
    "get /vms/{key}/history": _V,
    "post /vms/{key}/console": _O,
    "post /vms/{key}/disks": _O,
    "delete /vms/{key}/disks/{target}": _O,
    "post /vms/{key}/nics": _O,
    "delete /vms/{key}/nics/{mac}": _O,
    "post /vms/{key}/snapshots": _O,
    "post /vms/{key}/snapshots/{name}/revert": _O,
    "delete /vms/{key}/snapshots/{name}": _O,
    **{
        f"post /vms/{{key}}/{verb}": _O
        for verb in (
            *("clone", "move-disks", "start", "migrate", "rename", "reconfigure"),
            *("labels", "template", "untemplate"),
            *("shut-down", "power-off"),
            *("reboot", "reset", "pause", "resume"),
        )
    },
    "get /hosts": _V,
    "get /hosts/{key}": _V,
    "patch /hosts/{key}": _O,
    "get /hosts/{key}/bmc": _V,
    "post /hosts/{key}/bmc": _A,
    "delete /hosts/{key}/bmc": _A,
    "post /hosts/{key}/bmc/certificate": _A,
    "get /hosts/{key}/history": _V,
    "post /hosts/{key}/evacuate": _O,
    "post /hosts/{key}/labels": _O,
    "post /hosts/{key}/leave-maintenance": _O,
    "get /datastores": _V,
    "get /datastores/{key}": _V,
    "patch /datastores/{key}": _A,
    "post /datastores/{key}/mark": _A,
    "get /networks": _V,
    "get /networks/{key}": _V,
    "get /volumes": _V,
    "get /images": _V,
    "post /images": _A,
    "get /images/{key}": _V,
    "delete /images/{key}": _A,
    "post /images/{key}/versions": _A,
    "patch /images/{key}/versions/{number}": _A,
    "delete /images/{key}/versions/{number}": _A,
    "post /images/{key}/verify": _A,
    "get /services": _V,
    "get /services/{key}": _V,
    "post /services": _A,
    "delete /services/{key}": _A,
    "post /services/{key}/start": _O,
    "post /services/{key}/stop": _O,
    "get /pools": _V,
    "post /pools": _A,
    "get /pools/{key}": _V,
    "patch /pools/{key}": _A,
    "delete /pools/{key}": _A,
    "get /pools/{key}/what-if": _V,
    "post /pools/{key}/balance": _O,
    "post /pools/{key}/maintain": _O,
    "post /hosts/{key}/ready": _O,
    "get /ha": _V,
    "get /ha/incidents": _V,
    "get /ha/incidents/{key}": _V,
    "get /hosts/{key}/ha": _V,
    "get /vms/{key}/ha": _V,
    "delete /vms/{key}/ha": _O,
    "post /hosts/{key}/confirm-dead": _O,
    "get /bookings": _V,
    "get /bookings/{key}": _V,
    "post /bookings": _O,
    "delete /bookings/{key}": _O,
    "get /rollouts": _V,
    "get /rollouts/{key}": _V,
    "post /rollouts/{key}/pause": _O,
    "post /rollouts/{key}/continue": _O,
    "post /rollouts/{key}/cancel": _O,
    "post /pools/{key}/consolidate": _O,
    "get /pools/{key}/hardware": _V,
    "post /pools/{key}/save-power": _O,
    "post /hosts/{key}/prove-wake": _O,
    "get /pools/{key}/death-map": _V,
    "get /pools/{key}/fates": _V,
    "get /pools/{key}/capacity": _V,
    "get /policies": _V,
    "post /policies": _A,
    "get /policies/{key}": _V,
    "patch /policies/{key}": _A,
    "delete /policies/{key}": _A,
    "get /policies/{key}/report": _V,
    "post /policies/{key}/pack": _O,
    "get /endpoints": _V,
    "post /endpoints": _A,
    "get /endpoints/{key}": _V,
    "patch /endpoints/{key}": _A,
    "delete /endpoints/{key}": _A,
    "get /endpoints/{key}/traces": _V,
    "post /endpoints/{key}/erase-traces": _A,
    "get /plans": _V,
    "get /plans/{plan}": _V,
    "get /plans/{plan}/differences": _V,
    "post /plans/{plan}/approve": _O,
    "post /plans/{plan}/reject": _O,
    "post /plans/{plan}/run": _O,
    "get /prices": _V,
    "get /planners": _V,
    "get /plans/{plan}/replay": _V,
    "get /inventories/{key}/replay": _V,
    "get /operations": _V,
    "get /operations/{run}": _V,
    "post /operations/{run}/pause": _O,
    "post /operations/{run}/continue": _O,
    "post /operations/{run}/cancel": _O,
    "post /operations/{run}/steps/{number}/skip": _O,
    "post /operations/{run}/steps/{number}/retry": _O,
}


WRITTEN = {"size": "1GiB", "uri": "sim://x"}
"""Texts that have a form of their own."""


def least_body(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """The smallest body that a schema accepts, so that only permission can refuse it."""
    if "$ref" in schema:
        return least_body(resolved(schema["$ref"], document), document)
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            return least_body(schema[choice][0], document)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {
            name: WRITTEN.get(name) or least_body(properties[name], document)
            for name in schema.get("required", [])
        }
    plain = {"string": "x" * max(1, schema.get("minLength", 1)), "array": [], "boolean": True}
    return plain.get(kind, max(1, schema.get("minimum", 1)))


def resolved(reference: str, document: dict[str, Any]) -> dict[str, Any]:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)
