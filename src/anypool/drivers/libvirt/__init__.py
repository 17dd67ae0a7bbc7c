"""Every hypervisor that libvirt speaks to, QEMU first; `driver.connect` opens an endpoint."""
