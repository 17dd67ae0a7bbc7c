"""The paths of a blade's Redfish service: what is read and written of the blade itself."""

import datetime
from collections.abc import Callable
from typing import Any

import flask
from msgspec.structs import replace

from anypool.errors import AnypoolError, Conflict, Denied, Invalid, NotFound, Unreachable
from anypool.lab.blades import adapters, hardware, resources
from anypool.lab.blades.board import Board
from anypool.lab.blades.hardware import Card, Hardware
from anypool.lab.blades.resources import ROOT, Resource, collection
from anypool.lab.spec import Server

_STATUS: dict[type[AnypoolError], int] = {
    Invalid: 400,
    Denied: 401,
    NotFound: 404,
    Conflict: 409,
    Unreachable: 503,
}
_SYSTEM = f"{ROOT}/Systems/<uuid>"
_CHASSIS = f"{ROOT}/Chassis/<name>"
_ADAPTER = f"{_CHASSIS}/NetworkAdapters/{adapters.ADAPTER}"
_LED = ("Off", "Lit", "Blinking")


class Blade:
    """What the controller that was asked knows of its blade."""

    def __init__(self, server: Server, board: Board, lab: str, power: Callable[[], str]) -> None:
        self.server = server
        self.board = board
        self.lab = lab
        self.power = power

    @property
    def on(self) -> bool:
        """Whether it is on now."""
        return self.power() == "On"

    @property
    def hardware(self) -> Hardware:
        """Its settings now."""
        return self.board.read()

    def card(self, number: int) -> Card:
        """One of its cards; raises `NotFound`."""
        for card in self.hardware.cards:
            if card.number == number:
                return card
        raise NotFound(f"there is no card {number}")

    def write(self, what: str, how: Callable[[Hardware], Hardware]) -> Hardware:
        """Change its settings, and note that in its journal."""
        changed = self.board.change(how)
        self.board.note("set", what)
        return changed


Find = Callable[[], Blade]


def application(find: Find) -> flask.Flask:
    """Return the application of all blades' resources; `find` gives the one that was asked."""
    app = flask.Flask("anypool.lab.blades")
    app.url_map.strict_slashes = False
    app.register_error_handler(AnypoolError, _refused)
    app.before_request(lambda: _check_identity(find()))
    app.add_url_rule(f"{ROOT}/", view_func=lambda: resources.root(find().server), endpoint="root")
    _add_system(app, find)
    _add_inventory(app, find)
    _add_bios(app, find)
    _add_chassis(app, find)
    _add_cards(app, find)
    return app


def body() -> dict[str, Any]:
    """Return the object that was sent; raises `Invalid`."""
    sent = flask.request.get_json(silent=True)
    if not isinstance(sent, dict):
        raise Invalid("the request holds no JSON object")
    return sent


def failure(status: int, problem: AnypoolError) -> flask.Response:
    """Return an error as Redfish writes it."""
    told = {
        "@odata.type": "#Message.v1_1_2.Message",
        "MessageId": "Base.1.18.GeneralError",
        "Message": problem.message,
        "MessageSeverity": "Warning",
        "Resolution": problem.hint or "None.",
    }
    answer = flask.jsonify(
        error={
            "code": "Base.1.18.GeneralError",
            "message": problem.message,
            "@Message.ExtendedInfo": [told],
        }
    )
    answer.status_code = status
    return answer


def _refused(problem: Exception) -> flask.Response:
    assert isinstance(problem, AnypoolError)
    return failure(_STATUS.get(type(problem), 500), problem)


def _check_identity(blade: Blade) -> None:
    """A controller knows of its own blade only."""
    asked = flask.request.view_args or {}
    names = (blade.server.name, resources.ENCLOSURE)
    if asked.get("uuid", blade.server.uuid) != blade.server.uuid:
        raise NotFound(f"there is no {asked['uuid']} behind this controller")
    if asked.get("name", blade.server.name) not in names:
        raise NotFound(f"there is no {asked['name']} behind this controller")


def _add_system(app: flask.Flask, find: Find) -> None:
    @app.get(_SYSTEM)
    def system(uuid: str) -> Resource:
        blade = find()
        return resources.system(blade.server, blade.hardware, blade.power())

    @app.patch(_SYSTEM)
    def change_system(uuid: str) -> Resource:
        blade, sent = find(), body()
        blade.write(
            f"settings of the system: {', '.join(sent)}", lambda kept: _with_system(kept, sent)
        )
        return system(uuid)

    @app.get(f"{ROOT}/Managers/<uuid>")
    def manager(uuid: str) -> Resource:
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
        return resources.manager(find().server, now)


def _with_system(kept: Hardware, sent: dict[str, Any]) -> Hardware:
    for name, value in sent.items():
        if name == "Boot" and isinstance(value, dict):
            kept = hardware.with_boot(kept, value)
        elif name == "IndicatorLED" and value in _LED:
            kept = replace(kept, indicator=value)
        elif name == "LocationIndicatorActive" and isinstance(value, bool):
            kept = replace(kept, indicator="Blinking" if value else "Off")
        elif name == "AssetTag" and isinstance(value, str):
            kept = replace(kept, asset_tag=value)
        else:
            raise Invalid(f"{name} cannot be set to {value!r}")
    return kept


def _add_inventory(app: flask.Flask, find: Find) -> None:
    def add(below: str, kind: str, member: str, show: Callable[[Blade], Resource]) -> None:
        """Add a collection with one member, and the member."""

        def every(uuid: str) -> Resource:
            path = f"{ROOT}/Systems/{uuid}/{below}"
            return collection(path, kind, below, [f"{path}/{member}"])

        app.add_url_rule(f"{_SYSTEM}/{below}", f"all {below}", every)
        app.add_url_rule(f"{_SYSTEM}/{below}/{member}", f"one {below}", lambda uuid: show(find()))

    add(
        "Processors",
        "ProcessorCollection",
        "CPU0",
        lambda one: resources.processor(one.server, one.hardware),
    )
    add(
        "Memory",
        "MemoryCollection",
        "DIMM0",
        lambda one: resources.memory(one.server, one.hardware),
    )
    add("Storage", "StorageCollection", "1", lambda one: resources.storage(one.server))
    add(
        "NetworkInterfaces",
        "NetworkInterfaceCollection",
        adapters.ADAPTER,
        lambda one: adapters.network_interface(one.server),
    )

    @app.get(f"{_SYSTEM}/Storage/1/Drives/Disk0")
    def drive(uuid: str) -> Resource:
        return resources.drive(find().server)

    @app.get(f"{_SYSTEM}/EthernetInterfaces")
    def interfaces(uuid: str) -> Resource:
        path = f"{ROOT}/Systems/{uuid}/EthernetInterfaces"
        names = [f"{path}/NIC{card.number}" for card in find().hardware.cards]
        return collection(path, "EthernetInterfaceCollection", "Network cards", names)

    @app.get(f"{_SYSTEM}/EthernetInterfaces/NIC<int:number>")
    def interface(uuid: str, number: int) -> Resource:
        blade = find()
        return adapters.interface(blade.server, blade.card(number), on=blade.on)


def _add_bios(app: flask.Flask, find: Find) -> None:
    @app.get(f"{_SYSTEM}/Bios")
    def bios(uuid: str) -> Resource:
        return resources.bios(find().server, find().hardware)

    @app.get(f"{_SYSTEM}/Bios/Settings")
    def settings(uuid: str) -> Resource:
        return resources.bios_settings(find().server, find().hardware)

    @app.patch(f"{_SYSTEM}/Bios/Settings")
    def change_settings(uuid: str) -> Resource:
        sent = body().get("Attributes")
        if not isinstance(sent, dict):
            raise Invalid("Attributes is no object")
        find().write(f"BIOS: {', '.join(sent)}", lambda kept: hardware.with_bios(kept, sent))
        return settings(uuid)

    @app.post(f"{_SYSTEM}/Bios/Actions/Bios.ResetBios")
    def reset_bios(uuid: str) -> tuple[str, int]:
        find().write("BIOS as it comes", lambda kept: replace(kept, pending=hardware.defaults()))
        return "", 204

    @app.get(f"{ROOT}/Registries")
    def registries() -> Resource:
        path = f"{ROOT}/Registries"
        return collection(
            path, "MessageRegistryFileCollection", "Registries", [f"{path}/LabBladeBios.v1_0_0"]
        )

    @app.get(f"{ROOT}/Registries/LabBladeBios.v1_0_0")
    def registry_file() -> Resource:
        return resources.resource(
            f"{ROOT}/Registries/LabBladeBios.v1_0_0",
            "MessageRegistryFile.v1_1_4.MessageRegistryFile",
            "BIOS attributes",
            Registry="LabBladeBios.v1_0_0",
            Languages=["en"],
            Location=[{"Language": "en", "Uri": f"{ROOT}/Registries/LabBladeBios/Registry"}],
        )

    @app.get(f"{ROOT}/Registries/LabBladeBios/Registry")
    def registry() -> Resource:
        return resources.bios_registry()


def _add_chassis(app: flask.Flask, find: Find) -> None:
    @app.get(f"{ROOT}/Chassis")
    def all_chassis() -> Resource:
        paths = [resources.chassis_path(find().server), f"{ROOT}/Chassis/{resources.ENCLOSURE}"]
        return collection(f"{ROOT}/Chassis", "ChassisCollection", "Chassis", paths)

    @app.get(_CHASSIS)
    def one_chassis(name: str) -> Resource:
        blade = find()
        if name == resources.ENCLOSURE:
            return resources.enclosure(blade.server, blade.lab)
        shown = resources.chassis(blade.server)
        lit = blade.hardware.indicator
        return shown | {"PowerState": blade.power(), "IndicatorLED": lit}

    @app.get(f"{_CHASSIS}/Thermal")
    def thermal(name: str) -> Resource:
        return resources.thermal(find().server, on=find().on)

    @app.get(f"{_CHASSIS}/Power")
    def power(name: str) -> Resource:
        return resources.power(find().server, on=find().on)


def _add_cards(app: flask.Flask, find: Find) -> None:
    @app.get(f"{_CHASSIS}/NetworkAdapters")
    def all_adapters(name: str) -> Resource:
        server = find().server
        path = adapters.adapters_path(server)
        members = [adapters.adapter_path(server)]
        return collection(path, "NetworkAdapterCollection", "Network adapters", members)

    @app.get(_ADAPTER)
    def one_adapter(name: str) -> Resource:
        return adapters.adapter(find().server, find().hardware)

    @app.get(f"{_ADAPTER}/Ports")
    def ports(name: str) -> Resource:
        server = find().server
        paths = [adapters.port_path(server, card) for card in find().hardware.cards]
        return collection(
            f"{adapters.adapter_path(server)}/Ports", "PortCollection", "Ports", paths
        )

    @app.get(f"{_ADAPTER}/Ports/<int:number>")
    def port(name: str, number: int) -> Resource:
        return adapters.port(find().server, find().card(number), on=find().on)

    @app.get(f"{_ADAPTER}/NetworkDeviceFunctions")
    def functions(name: str) -> Resource:
        server = find().server
        path = f"{adapters.adapter_path(server)}/NetworkDeviceFunctions"
        paths = [adapters.function_path(server, card) for card in find().hardware.cards]
        return collection(path, "NetworkDeviceFunctionCollection", "Functions", paths)

    @app.get(f"{_ADAPTER}/NetworkDeviceFunctions/<int:number>")
    def function(name: str, number: int) -> Resource:
        return adapters.function(find().server, find().card(number))

    @app.patch(f"{_ADAPTER}/NetworkDeviceFunctions/<int:number>")
    def change_function(name: str, number: int) -> Resource:
        blade, sent = find(), body()
        blade.card(number)
        blade.write(
            f"card {number}: {', '.join(sent)}",
            lambda kept: hardware.with_card(kept, number, sent, on=blade.on),
        )
        return function(name, number)
