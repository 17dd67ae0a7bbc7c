"""What a blade's Redfish service says of the blade, as DMTF's schemas have it: values only.

The resources of its network cards are in `adapters`.
"""

from typing import Any

from anypool.lab.blades.command import MAKER, MODEL, serial_number
from anypool.lab.blades.hardware import BIOS, DISK_GIB, ENABLED, TARGETS, Hardware
from anypool.lab.spec import Server

Resource = dict[str, Any]
ROOT = "/redfish/v1"
ENCLOSURE = "Enclosure1"
RESETS = ("On", "ForceOn", "ForceOff", "ForceRestart", "PowerCycle", "GracefulShutdown")
OTHER_RESETS = ("PushPowerButton", "Nmi")
BIOS_VERSION = "1.16.2"
BMC_VERSION = "1.0.0"
_GIB = 1 << 30
_OK = {"State": "Enabled", "Health": "OK"}


def link(path: str) -> Resource:
    """Return a reference to the resource at a path."""
    return {"@odata.id": path}


def resource(path: str, kind: str, name: str, **more: Any) -> Resource:
    """Return a resource of a kind such as `Chassis.v1_25_0.Chassis`, with what all have."""
    return {
        "@odata.id": path,
        "@odata.type": f"#{kind}",
        "Id": path.rpartition("/")[2],
        "Name": name,
        **more,
    }


def collection(path: str, kind: str, name: str, members: list[str]) -> Resource:
    """Return a collection of the resources at these paths."""
    return {
        "@odata.id": path,
        "@odata.type": f"#{kind}.{kind}",
        "Name": name,
        "Members": [link(member) for member in members],
        "Members@odata.count": len(members),
    }


def system_path(server: Server) -> str:
    """Return the path of the blade as a system."""
    return f"{ROOT}/Systems/{server.uuid}"


def chassis_path(server: Server) -> str:
    """Return the path of the blade as a thing in a slot."""
    return f"{ROOT}/Chassis/{server.name}"


def manager_path(server: Server) -> str:
    """Return the path of the blade's controller."""
    return f"{ROOT}/Managers/{server.uuid}"


def root(server: Server) -> Resource:
    """Return the root of the service."""
    return {
        "@odata.id": f"{ROOT}/",
        "@odata.type": "#ServiceRoot.v1_15_0.ServiceRoot",
        "Id": "RootService",
        "Name": "Redfish service of a blade",
        "RedfishVersion": "1.17.0",
        "UUID": server.uuid,
        "Vendor": MAKER,
        "Product": f"{MODEL} (emulated)",
        "Links": {"Sessions": link(f"{ROOT}/SessionService/Sessions")},
        **{
            name: link(f"{ROOT}/{name}")
            for name in (
                "Systems", "Chassis", "Managers", "EventService", "SessionService", "Registries",
                "UpdateService", "CertificateService",
            )
        },
        "Tasks": link(f"{ROOT}/TaskService"),
    }  # fmt: skip


def system(server: Server, hardware: Hardware, power: str) -> Resource:
    """Return the blade as a ComputerSystem."""
    path = system_path(server)
    watchdog = hardware.bios["Watchdog"] == "Enabled"
    below = (
        "Bios", "Processors", "Memory", "Storage", "EthernetInterfaces", "NetworkInterfaces",
        "VirtualMedia", "LogServices", "SecureBoot",
    )  # fmt: skip
    return resource(
        path,
        "ComputerSystem.v1_20_0.ComputerSystem",
        server.name,
        SystemType="Physical",
        UUID=server.uuid,
        **_label(server),
        AssetTag=hardware.asset_tag,
        PowerState=power,
        BiosVersion=BIOS_VERSION,
        IndicatorLED=hardware.indicator,
        LocationIndicatorActive=hardware.indicator != "Off",
        Status=_OK,
        Boot=_boot(hardware),
        ProcessorSummary={
            "Count": 1,
            "CoreCount": hardware.bios["ProcCores"],
            "LogicalProcessorCount": hardware.bios["ProcCores"],
            "Model": "QEMU virtual CPU",
            "Status": _OK,
        },
        MemorySummary={"TotalSystemMemoryGiB": hardware.memory_mib / 1024, "Status": _OK},
        HostWatchdogTimer={
            "FunctionEnabled": watchdog,
            "TimeoutAction": "ResetSystem",
            "WarningAction": "None",
            "Status": {"State": "Enabled" if watchdog else "Disabled"},
        },
        **{name: link(f"{path}/{name}") for name in below},
        Links={
            "Chassis": [link(chassis_path(server))],
            "ManagedBy": [link(manager_path(server))],
        },
        Actions={
            "#ComputerSystem.Reset": {
                "target": f"{path}/Actions/ComputerSystem.Reset",
                "ResetType@Redfish.AllowableValues": [*RESETS, *OTHER_RESETS],
            }
        },
    )


def chassis(server: Server) -> Resource:
    """Return the blade as a Chassis, with its slot."""
    path = chassis_path(server)
    return resource(
        path,
        "Chassis.v1_25_0.Chassis",
        server.name,
        ChassisType="Blade",
        UUID=server.uuid,
        **_label(server),
        Status=_OK,
        Location={
            "PartLocation": {
                "LocationType": "Slot",
                "LocationOrdinalValue": server.number,
                "ServiceLabel": f"Slot {server.number}",
            }
        },
        NetworkAdapters=link(f"{path}/NetworkAdapters"),
        Thermal=link(f"{path}/Thermal"),
        Power=link(f"{path}/Power"),
        Links={
            "ComputerSystems": [link(system_path(server))],
            "ManagedBy": [link(manager_path(server))],
            "ContainedBy": link(f"{ROOT}/Chassis/{ENCLOSURE}"),
        },
    )


def enclosure(server: Server, lab: str) -> Resource:
    """Return what the blade is plugged into, as far as its controller sees it."""
    return resource(
        f"{ROOT}/Chassis/{ENCLOSURE}",
        "Chassis.v1_25_0.Chassis",
        f"enclosure of lab {lab}",
        ChassisType="Enclosure",
        Manufacturer=MAKER,
        Model="Enclosure",
        SerialNumber=f"LAB-{lab}",
        Status=_OK,
        Links={"Contains": [link(chassis_path(server))]},
    )


def thermal(server: Server, *, on: bool) -> Resource:
    """Return temperatures: made up, because nothing here is warm."""
    path = f"{chassis_path(server)}/Thermal"
    return resource(
        path,
        "Thermal.v1_7_1.Thermal",
        "temperatures (made up)",
        Temperatures=[
            {
                "@odata.id": f"{path}#/Temperatures/{number}",
                "MemberId": str(number),
                "Name": name,
                "ReadingCelsius": celsius,
                "PhysicalContext": where,
                "Status": _OK,
            }
            for number, (name, where, celsius) in enumerate(temperatures(on=on))
        ],
    )


def temperatures(*, on: bool) -> list[tuple[str, str, int]]:
    """Return name, place and degrees Celsius of each; made up."""
    return [("Inlet Temp", "Intake", 22), ("CPU Temp", "CPU", 47 if on else 23)]


def watts(*, on: bool) -> int:
    """Return what the blade draws; made up."""
    return 85 if on else 6


def power(server: Server, *, on: bool) -> Resource:
    """Return the power drawn: made up."""
    path = f"{chassis_path(server)}/Power"
    return resource(
        path,
        "Power.v1_7_1.Power",
        "power (made up)",
        PowerControl=[
            {
                "@odata.id": f"{path}#/PowerControl/0",
                "MemberId": "0",
                "Name": "Blade Power",
                "PowerConsumedWatts": watts(on=on),
                "Status": _OK,
            }
        ],
    )


def manager(server: Server, now: str) -> Resource:
    """Return the blade's controller."""
    return resource(
        manager_path(server),
        "Manager.v1_19_0.Manager",
        f"controller of {server.name}",
        ManagerType="BMC",
        UUID=server.uuid,
        ServiceEntryPointUUID=server.uuid,
        Manufacturer=MAKER,
        Model="BMC (emulated)",
        FirmwareVersion=BMC_VERSION,
        DateTime=now,
        DateTimeLocalOffset="+00:00",
        PowerState="On",
        Status=_OK,
        VirtualMedia=link(f"{system_path(server)}/VirtualMedia"),
        LogServices=link(f"{system_path(server)}/LogServices"),
        SerialConsole={"ServiceEnabled": False, "ConnectTypesSupported": []},
        Links={
            "ManagerForServers": [link(system_path(server))],
            "ManagerForChassis": [link(chassis_path(server))],
        },
    )


def processor(server: Server, hardware: Hardware) -> Resource:
    """Return the blade's one processor."""
    cores = hardware.bios["ProcCores"]
    return resource(
        f"{system_path(server)}/Processors/CPU0",
        "Processor.v1_18_0.Processor",
        "Processor 0",
        Socket="CPU 0",
        ProcessorType="CPU",
        ProcessorArchitecture="x86",
        InstructionSet="x86-64",
        Manufacturer="QEMU",
        Model="QEMU virtual CPU",
        TotalCores=cores,
        TotalEnabledCores=cores,
        TotalThreads=cores,
        Status=_OK,
    )


def memory(server: Server, hardware: Hardware) -> Resource:
    """Return the blade's one module of memory."""
    return resource(
        f"{system_path(server)}/Memory/DIMM0",
        "Memory.v1_18_0.Memory",
        "DIMM 0",
        MemoryType="DRAM",
        CapacityMiB=hardware.memory_mib,
        DeviceLocator="DIMM 0",
        Manufacturer="QEMU",
        Status=_OK,
    )


def storage(server: Server) -> Resource:
    """Return the blade's one controller of disks."""
    path = f"{system_path(server)}/Storage/1"
    return resource(
        path,
        "Storage.v1_15_0.Storage",
        "Local storage",
        Status=_OK,
        Drives=[link(f"{path}/Drives/Disk0")],
        **{"Drives@odata.count": 1},
    )


def drive(server: Server) -> Resource:
    """Return the blade's one disk."""
    return resource(
        f"{system_path(server)}/Storage/1/Drives/Disk0",
        "Drive.v1_18_0.Drive",
        "Disk 0",
        CapacityBytes=DISK_GIB * _GIB,
        MediaType="SSD",
        Protocol="PCIe",
        Manufacturer="QEMU",
        Model="virtio-blk",
        SerialNumber="DISK0",
        BlockSizeBytes=512,
        Status=_OK,
    )


def bios(server: Server, hardware: Hardware) -> Resource:
    """Return the settings of the BIOS in force."""
    path = f"{system_path(server)}/Bios"
    return resource(
        path,
        "Bios.v1_2_1.Bios",
        "BIOS",
        AttributeRegistry="LabBladeBios.v1_0_0",
        Attributes=hardware.bios,
        Actions={"#Bios.ResetBios": {"target": f"{path}/Actions/Bios.ResetBios"}},
        **{
            "@Redfish.Settings": {
                "@odata.type": "#Settings.v1_3_5.Settings",
                "SettingsObject": link(f"{path}/Settings"),
                "SupportedApplyTimes": ["OnReset"],
            }
        },
    )


def bios_settings(server: Server, hardware: Hardware) -> Resource:
    """Return the settings of the BIOS that the next start brings into force."""
    return resource(
        f"{system_path(server)}/Bios/Settings",
        "Bios.v1_2_1.Bios",
        "BIOS at the next start",
        AttributeRegistry="LabBladeBios.v1_0_0",
        Attributes=hardware.bios | hardware.pending,
    )


def bios_registry() -> Resource:
    """Return what the BIOS's attributes can be."""
    kinds = {str: "Enumeration", bool: "Boolean", int: "Integer"}
    entries = []
    for name, values in BIOS.items():
        kind = kinds[type(values[0])]
        entry: Resource = {"AttributeName": name, "Type": kind, "DefaultValue": values[0]}
        if kind == "Enumeration":
            entry["Value"] = [{"ValueName": value} for value in values]
        if kind == "Integer":
            entry |= {"LowerBound": values[0], "UpperBound": values[-1]}
        entries.append(entry | {"ReadOnly": False, "ResetRequired": True})
    return resource(
        f"{ROOT}/Registries/LabBladeBios/Registry",
        "AttributeRegistry.v1_3_8.AttributeRegistry",
        "BIOS attributes of a lab's blade",
        Language="en",
        OwningEntity=MAKER,
        RegistryVersion="1.0.0",
        RegistryEntries={"Attributes": entries},
    ) | {"Id": "LabBladeBios.v1_0_0"}


def _label(server: Server) -> Resource:
    return {
        "Manufacturer": MAKER,
        "Model": MODEL,
        "SKU": "LAB-BLADE",
        "PartNumber": "LAB-BLADE-1",
        "SerialNumber": serial_number(server),
    }


def _boot(hardware: Hardware) -> Resource:
    boot = hardware.boot
    return {
        "BootSourceOverrideEnabled": boot.enabled,
        "BootSourceOverrideEnabled@Redfish.AllowableValues": list(ENABLED),
        "BootSourceOverrideTarget": boot.target,
        "BootSourceOverrideTarget@Redfish.AllowableValues": list(TARGETS),
        "BootSourceOverrideMode": "Legacy",
        "BootSourceOverrideMode@Redfish.AllowableValues": ["Legacy"],
        "HttpBootUri": boot.http_uri or None,
    }
