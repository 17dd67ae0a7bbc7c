"""Identifiers: one type per noun, so that they cannot be swapped.

A `VmId` is the UUID the hypervisor knows the VM by, in lower case with dashes; it
stays the same when the VM migrates. A `HostId` is the host's own UUID where the
platform has one. Names are for people and may change; ids do not.
"""

from typing import NewType

EndpointId = NewType("EndpointId", str)
HostId = NewType("HostId", str)
ServerId = NewType("ServerId", HostId)
"""A server has the id of the host that it is when it runs VMs: the UUID of its hardware."""
ProfileId = NewType("ProfileId", str)
VmId = NewType("VmId", str)
DatastoreId = NewType("DatastoreId", str)
NetworkId = NewType("NetworkId", str)
ServiceId = NewType("ServiceId", str)
PoolId = NewType("PoolId", str)
ImageId = NewType("ImageId", str)
PolicyId = NewType("PolicyId", str)
PlanId = NewType("PlanId", str)
RunId = NewType("RunId", str)
BookingId = NewType("BookingId", str)
NotificationId = NewType("NotificationId", str)
