"""Redfish: reads and switches the power of one server through its BMC."""
