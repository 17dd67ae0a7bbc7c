"""A blade as a service of the DMTF's shape tells it, in an enclosure with two managers."""

from typing import Any

from tests.unit.redfish_kit import RESET, SYSTEM, UUID, Service

V1 = "/redfish/v1"
BLADE, BOX = f"{V1}/Chassis/Blade3", f"{V1}/Chassis/Box"
BMC, OA1, OA2 = f"{V1}/Managers/BMC", f"{V1}/Managers/OA1", f"{V1}/Managers/OA2"
NIC = f"{BLADE}/NetworkAdapters/NIC1"
LAN, FC, ISCSI = (f"{NIC}/NetworkDeviceFunctions/{name}" for name in ("LAN1", "FC1", "iSCSI1"))
DRIVE = f"{SYSTEM}/Storage/RAID/Drives/0"
CD = f"{BMC}/VirtualMedia/CD1"
OK = {"Status": {"State": "Enabled", "Health": "OK"}}
EMPTY = {"Status": {"State": "Absent"}}


def to(path: str) -> dict[str, str]:
    return {"@odata.id": path}


def some(*paths: str) -> dict[str, Any]:
    return {"Members": [to(path) for path in paths], "Members@odata.count": len(paths)}


def blade(service: Service) -> dict[str, dict[str, Any]]:
    """Give a service everything that a good BMC tells; return its resources, to be changed."""
    found: dict[str, dict[str, Any]] = {}
    found |= _system(service) | _chassis() | _network() | _storage() | _managing()
    root = service.resource("/redfish/v1/")
    assert root is not None
    found["/redfish/v1/"] = root | {
        "Chassis": to(f"{V1}/Chassis"),
        "Managers": to(f"{V1}/Managers"),
        "UpdateService": to(f"{V1}/UpdateService"),
        "EventService": to(f"{V1}/EventService"),
    }
    service.extra = found
    return found


def _system(service: Service) -> dict[str, dict[str, Any]]:
    system = service.system() | {
        "Manufacturer": "Contoso",
        "Model": "B9000",
        "SerialNumber": "437XR1138R2",
        "AssetTag": "Chicago-45Z",
        "HostName": "web483",
        "BiosVersion": "P79 v1.45",
        "Status": {"State": "Enabled", "Health": "OK", "HealthRollup": "Warning"},
        "ProcessorSummary": {"Count": 2, "LogicalProcessorCount": 32},
        "MemorySummary": {"TotalSystemMemoryGiB": 96},
        "Boot": {
            "BootSourceOverrideEnabled": "Disabled",
            "BootSourceOverrideTarget": "None",
            "BootSourceOverrideMode": "UEFI",
            "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Cd", "Hdd"],
        },
        "Processors": to(f"{SYSTEM}/Processors"),
        "Memory": to(f"{SYSTEM}/Memory"),
        "Storage": to(f"{SYSTEM}/Storage"),
        "EthernetInterfaces": to(f"{SYSTEM}/EthernetInterfaces"),
        "LogServices": to(f"{SYSTEM}/LogServices"),
        "Links": {"Chassis": [to(BLADE)], "ManagedBy": [to(BMC)]},
    }
    cpu = {"TotalCores": 8, "TotalThreads": 16, "MaxSpeedMHz": 3700, "Model": "Xeon", **OK}
    entry = {"Severity": "Critical", "Message": "Fan 2 failed", "MessageId": "Fan.1"}
    return {
        SYSTEM: system,
        f"{SYSTEM}/Processors": some(
            f"{SYSTEM}/Processors/1", f"{SYSTEM}/Processors/2", f"{SYSTEM}/Processors/G"
        ),
        f"{SYSTEM}/Processors/1": {"Socket": "CPU 1", "ProcessorType": "CPU", **cpu},
        f"{SYSTEM}/Processors/2": {"Socket": "CPU 2", **EMPTY},
        f"{SYSTEM}/Processors/G": {"Id": "G", "ProcessorType": "GPU", **OK},
        f"{SYSTEM}/Memory": some(f"{SYSTEM}/Memory/1", f"{SYSTEM}/Memory/2"),
        f"{SYSTEM}/Memory/1": {
            "DeviceLocator": "DIMM A1",
            "CapacityMiB": 32768,
            "MemoryDeviceType": "DDR4",
            "OperatingSpeedMhz": 2933,
            **OK,
        },
        f"{SYSTEM}/Memory/2": EMPTY,
        f"{SYSTEM}/EthernetInterfaces": some(
            f"{SYSTEM}/EthernetInterfaces/1", f"{SYSTEM}/EthernetInterfaces/2"
        ),
        f"{SYSTEM}/EthernetInterfaces/1": {"MACAddress": "12:44:6A:3B:04:11", "SpeedMbps": 1000},
        f"{SYSTEM}/EthernetInterfaces/2": {
            "Name": "onboard",
            "MACAddress": "AA-BB-CC-00-11-22",
            "PermanentMACAddress": "AA-BB-CC-00-11-22",
            "LinkStatus": "NoLink",
            **OK,
        },
        f"{SYSTEM}/LogServices": some(f"{SYSTEM}/LogServices/SEL"),
        f"{SYSTEM}/LogServices/SEL": {"Id": "SEL", "Entries": to(f"{SYSTEM}/LogServices/SEL/E")},
        f"{SYSTEM}/LogServices/SEL/E": {
            "Members": [
                {"Id": "2", "Created": "2026-03-07T14:45:00Z", **entry},
                {"Id": "1", "Created": "2026-03-07T14:44:00+01:00", "Message": "on"},
            ],
            "Members@odata.nextLink": f"{SYSTEM}/LogServices/SEL/E?$skip=2",
        },
        f"{SYSTEM}/LogServices/SEL/E?$skip=2": some(f"{SYSTEM}/LogServices/SEL/E/3"),
        f"{SYSTEM}/LogServices/SEL/E/3": {"Id": "3", "Created": "yesterday", "Message": "odd"},
    }


def _chassis() -> dict[str, dict[str, Any]]:
    placed = {"Location": {"PartLocation": {"LocationOrdinalValue": 3}}}
    box = {"ContainedBy": to(BOX), "ComputerSystems": [to(SYSTEM)], "ManagedBy": [to(BMC)]}
    supply = {"Name": "PSU 1", "PowerCapacityWatts": 2400, "SerialNumber": "P1", **OK}
    return {
        f"{V1}/Chassis": some(BLADE, BOX),
        BLADE: {
            "Name": "Blade 3",
            "ChassisType": "Blade",
            "SerialNumber": "437XR1138R2",
            "NetworkAdapters": to(f"{BLADE}/NetworkAdapters"),
            "Sensors": to(f"{BLADE}/Sensors"),
            "Links": box,
            **placed,
            **OK,
        },
        BOX: {
            "Name": "Rack 4 Box 1",
            "ChassisType": "Enclosure",
            "Manufacturer": "Contoso",
            "ThermalSubsystem": to(f"{BOX}/ThermalSubsystem"),
            "PowerSubsystem": to(f"{BOX}/PowerSubsystem"),
            "Thermal": to(f"{BOX}/Thermal"),
            "Links": {"Contains": [to(BLADE), to(f"{BOX}Switch")], "ManagedBy": [to(OA1), to(OA2)]},
            **OK,
        },
        f"{BOX}Switch": {"Name": "Switch A", "Links": {"ContainedBy": to(BOX)}, **OK},
        f"{BOX}/ThermalSubsystem": {"Fans": to(f"{BOX}/Fans")},
        f"{BOX}/Fans": some(f"{BOX}/Fans/1"),
        f"{BOX}/Fans/1": {"Name": "Fan 1", "SpeedPercent": {"Reading": 45, "SpeedRPM": 2200}, **OK},
        f"{BOX}/PowerSubsystem": {"PowerSupplies": to(f"{BOX}/PSUs")},
        f"{BOX}/PSUs": some(f"{BOX}/PSUs/1", f"{BOX}/PSUs/2"),
        f"{BOX}/PSUs/1": supply,
        f"{BOX}/PSUs/2": {"Name": "PSU 2", **EMPTY},
        f"{BOX}/Thermal": {
            "Temperatures": [{"Name": "Inlet", "ReadingCelsius": 24, **OK}],
            "Fans": [],
        },
        f"{BLADE}/Sensors": some(f"{BLADE}/Sensors/T1"),
        f"{BLADE}/Sensors/T1": {
            "Name": "CPU 1 Temp",
            "ReadingType": "Temperature",
            "Reading": 41.5,
            "ReadingUnits": "Cel",
            "Status": {"State": "Enabled", "Health": "Warning"},
        },
    }


def _network() -> dict[str, dict[str, Any]]:
    settings = {"@Redfish.Settings": {"SettingsObject": to(f"{LAN}/Settings")}}
    lan = {
        "MACAddress": "12:44:6A:3B:04:11",
        "PermanentMACAddress": "12:44:6A:3B:04:11",
    }
    fibre = {"WWPN": "10:00:B0:5A:DD:BB:74:E0", "WWNN": "0x1000B05ADDBB74E1"}
    fibre |= {f"Permanent{name}": value for name, value in fibre.items()}
    boot = {
        "InitiatorName": "iqn.2026-01.com.contoso:b3",
        "PrimaryTargetName": "iqn.2026-01.com.contoso:t",
        "PrimaryTargetIPAddress": "10.0.0.5",
        "PrimaryTargetTCPPort": 3260,
        "PrimaryLUN": 1,
    }
    return {
        f"{BLADE}/NetworkAdapters": some(NIC),
        NIC: {
            "Name": "Mezzanine 1",
            "Manufacturer": "Contoso",
            "Model": "CNA 2x25",
            "Controllers": [
                {
                    "FirmwarePackageVersion": "7.4.10",
                    "Location": {"PartLocation": {"ServiceLabel": "Mezz 1"}},
                }
            ],
            "NetworkDeviceFunctions": to(f"{NIC}/NetworkDeviceFunctions"),
            **OK,
        },
        f"{NIC}/NetworkDeviceFunctions": some(LAN, FC, ISCSI),
        LAN: {
            "Id": "LAN1",
            "NetDevFuncType": "Ethernet",
            "Ethernet": lan,
            "Links": {"PhysicalPortAssignment": to(f"{NIC}/Ports/1")},
            **settings,
        },
        f"{LAN}/Settings": {"Ethernet": {"MACAddress": lan["MACAddress"]}},
        FC: {
            "Id": "FC1",
            "NetDevFuncType": "FibreChannel",
            "FibreChannel": fibre,
            "@Redfish.WriteableProperties": ["FibreChannel/WWPN"],
        },
        ISCSI: {"Id": "iSCSI1", "NetDevFuncType": "iSCSI", "iSCSIBoot": boot},
        f"{NIC}/Ports/1": {"LinkStatus": "LinkUp", "CurrentSpeedGbps": 25},
    }


def _storage() -> dict[str, dict[str, Any]]:
    return {
        f"{SYSTEM}/Storage": some(f"{SYSTEM}/Storage/RAID"),
        f"{SYSTEM}/Storage/RAID": {
            "Name": "RAID controller",
            "StorageControllers": [{"Model": "MR-16i", "FirmwareVersion": "52.1"}],
            "Drives": [to(DRIVE)],
            "Volumes": to(f"{SYSTEM}/Storage/RAID/Volumes"),
            **OK,
        },
        DRIVE: {
            "Name": "Drive 0",
            "Model": "PM1643",
            "SerialNumber": "S1",
            "CapacityBytes": 960_197_124_096,
            "MediaType": "SSD",
            "Protocol": "SAS",
            "PredictedMediaLifeLeftPercent": 97.4,
            **OK,
        },
        f"{SYSTEM}/Storage/RAID/Volumes": some(f"{SYSTEM}/Storage/RAID/Volumes/1"),
        f"{SYSTEM}/Storage/RAID/Volumes/1": {
            "Name": "boot",
            "RAIDType": "RAID1",
            "CapacityBytes": 960_000_000_000,
            "Links": {"Drives": [to(DRIVE), to(DRIVE)]},
            **OK,
        },
    }


def _managing() -> dict[str, dict[str, Any]]:
    listed = f"{V1}/UpdateService/FirmwareInventory"
    return {
        BMC: {
            "Name": "BMC",
            "ManagerType": "BMC",
            "FirmwareVersion": "2.81",
            "VirtualMedia": to(f"{BMC}/VirtualMedia"),
            "Links": {"ManagersBeside": []},
            **OK,
        },
        OA1: {"Name": "OA 1", "ManagerType": "EnclosureManager", **OK},
        OA2: {"Name": "OA 2", "Status": {"State": "StandbySpare", "Health": "OK"}},
        f"{BMC}/VirtualMedia": some(CD),
        CD: {
            "Name": "Virtual CD",
            "MediaTypes": ["CD", "DVD"],
            "Inserted": False,
            "Image": None,
            "Actions": {
                "#VirtualMedia.InsertMedia": {"target": f"{CD}/Insert"},
                "#VirtualMedia.EjectMedia": {"target": f"{CD}/Eject"},
            },
        },
        f"{V1}/UpdateService": {"FirmwareInventory": to(listed)},
        listed: some(f"{listed}/BIOS"),
        f"{listed}/BIOS": {"Name": "System BIOS", "Version": "P79 v1.45", "Updateable": True},
        f"{V1}/EventService": {
            "ServiceEnabled": True,
            "Subscriptions": to(f"{V1}/EventService/Subscriptions"),
        },
        f"{V1}/EventService/Subscriptions": some(),
    }


__all__ = ["RESET", "UUID", "blade"]
