"""HTTP for servers that start: the script of whoever asks by a known address, and its image."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SILENCE_S = 30.0

Script = Callable[[str], str]
Join = Callable[[str, str, bool], str]
File = Callable[[str, str, str, str], str]


class Web(ThreadingHTTPServer):
    """Serves what `script` (an address) and `file` (an address, image, version, part) return.

    `join` (an address, a token, whether it has it) says who a hypervisor is. All return "" for
    whoever is not known: that gets no more than 404.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, place: tuple[str, int], script: Script, file: File, join: Join) -> None:
        self.script = script
        self.join = join
        self.file = file
        super().__init__(place, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "anypool-boothost"
    sys_version = ""
    timeout = SILENCE_S
    server: Web

    def do_GET(self) -> None:
        """Send a script or a file."""
        self._serve(body=True)

    def do_HEAD(self) -> None:
        """Send what there would be."""
        self._serve(body=False)

    def _serve(self, *, body: bool) -> None:
        who = self.client_address[0]
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts == ["boot"]:
            # only whoever starts anew may get another disk
            starts = body and self.headers.get("User-Agent", "").startswith("iPXE/")
            text = self.server.script(who) if starts else ""
            self._text(text)
        elif parts[0] == "join" and parts[2:] in ([], ["done"]) and len(parts) > 1 and body:
            self._text(self.server.join(who, parts[1], parts[2:] == ["done"]))
        elif len(parts) == 4 and parts[0] == "images":
            self._file(self.server.file(who, parts[1], parts[2], parts[3]), body=body)
        else:
            self._text("")

    def _text(self, text: str) -> None:
        found = text.encode() or b"nothing is here for you\n"
        self._head(200 if text else 404, len(found), "text/plain; charset=utf-8")
        if self.command == "GET":
            self.wfile.write(found)

    def _file(self, path: str, *, body: bool) -> None:
        try:
            file = open(path, "rb")  # noqa: SIM115
        except OSError:
            self._text("")
            return
        with file:
            self._head(200, os.fstat(file.fileno()).st_size, "application/octet-stream")
            if body:
                shutil.copyfileobj(file, self.wfile, 1 << 20)

    def _head(self, code: int, size: int, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing: what was served is in the state."""
