"""Asking a component whether it works: one bounded question, by TCP or by HTTP."""

import http.client
import socket
import time

from anypool.model import Probe, ProbeKind

LONGEST_S = 10.0
_BAD = 400


def knock(probe: Probe, vm_name: str) -> str:
    """Return why a probe got no good answer, "" if it got one; at most about its time-out.

    HTTP is good below 400; redirects are not followed.
    """
    address = probe.address.replace("{vm}", vm_name)
    timeout_s = min(probe.timeout_s, LONGEST_S)
    try:
        if probe.kind is ProbeKind.HTTP:
            return _http(address, probe, timeout_s)
        socket.create_connection((address, probe.port), timeout_s).close()
    except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
        return f"{address} port {probe.port}: {str(error) or type(error).__name__}"
    return ""


def _http(address: str, probe: Probe, timeout_s: float) -> str:
    until = time.monotonic() + timeout_s
    connection = http.client.HTTPConnection(address, probe.port, timeout=timeout_s)
    try:
        connection.connect()
        left = max(0.01, until - time.monotonic())
        connection.sock.settimeout(left)
        connection.request("GET", probe.path, headers={"User-Agent": "anypool-probe"})
        status = connection.getresponse().status
    finally:
        connection.close()
    return "" if status < _BAD else f"{address} port {probe.port} answered {status}"
