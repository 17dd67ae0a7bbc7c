"""Somebody else's BMCs over TLS: sushy-tools' emulator with its fake driver, without its delay.

Run as `python -m tests.service.bmc_emulator FOLDER COUNT [PORT]`; it prints its port, serves
systems that are off, and ends with its standard input. The stock driver takes one to eleven
seconds at random for each change of power; here a change is there when it is read next.
"""

import os
import ssl
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sushy_tools.emulator import main as emulator
from sushy_tools.emulator.resources.systems import fakedriver
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.service.bmc_emulator_kit import uuid


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Log nothing."""


def serve(folder: Path, count: int, port: int) -> None:
    fakedriver.random = SimpleNamespace(randint=lambda _low, _high: 0)
    systems = [
        {
            "uuid": uuid(number),
            "name": f"blade{number:03d}",
            "power_state": "Off",
            "nics": [{"mac": f"52:54:00:88:{number >> 8:02x}:{number & 255:02x}", "ip": ""}],
        }
        for number in range(count)
    ]
    application = emulator.app
    application.configure(
        extra_config={
            "SUSHY_EMULATOR_STATE_DIR": str(folder),
            "SUSHY_EMULATOR_FAKE_DRIVER": True,
            "SUSHY_EMULATOR_FAKE_SYSTEMS": systems,
        }
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server = make_server(
        "127.0.0.1", port, application, threaded=True, request_handler=_Quiet, ssl_context=context
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else 0)
