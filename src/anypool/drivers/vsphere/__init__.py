"""VMware vCenter through its own API; `driver.connect` opens an endpoint."""
