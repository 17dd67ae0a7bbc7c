"""The console: files that `scripts/console.py` built, each read once.

Every address that is not a file of it gets its one page, which shows what is there by itself.
"""

import gzip
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from litestar import Request, Response, get
from litestar.params import FromPath

from anypool.api.gate import ANONYMOUS, ANY_QUERY
from anypool.errors import NotFound

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_OPEN = {ANONYMOUS: True, ANY_QUERY: True}
_PAGE = "index.html"
_UNBUILT = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>anypool</title>
<h1>The console is not here</h1>
<p>This copy of anypool was installed from its source without the console. The command line and
the <a href="/api/openapi.json">API</a> do everything. To have it: install Node.js, then
<code>python -m scripts.console</code> in the source folder, and install again.</p></html>
"""
_FOR_EVER = "public, max-age=31536000, immutable"
"""For files whose names change with their content."""


class _File(NamedTuple):
    content: bytes
    packed: bytes
    media_type: str


@cache
def read() -> dict[str, _File]:
    """Return all files of the console by their paths."""
    root = files("anypool.api").joinpath("web")
    found: dict[str, _File] = {}
    waiting = [("", root)] if root.is_dir() else []
    while waiting:
        prefix, folder = waiting.pop()
        for one in folder.iterdir():
            if one.is_dir():
                waiting.append((f"{prefix}{one.name}/", one))
            elif kind := _TYPES.get(PurePosixPath(one.name).suffix):
                found[prefix + one.name] = _made(one.read_bytes(), kind)
    found.setdefault(_PAGE, _made(_UNBUILT, _TYPES[".html"]))
    return found


def _made(content: bytes, media_type: str) -> _File:
    worth = media_type != _TYPES[".woff2"]
    return _File(content, gzip.compress(content, 9, mtime=0) if worth else b"", media_type)


def _answer(request: Request[Any, Any, Any], path: str) -> Response[bytes]:
    name, accepted = path.strip("/"), request.headers.get("accept", "*/*")
    found = read().get(name)
    if found is None:
        is_file = name.startswith("assets/") or PurePosixPath(name).suffix in _TYPES
        if is_file or not ("text/html" in accepted or "*/*" in accepted):
            raise NotFound(f"there is no {path[:80]!r}", hint="the API is below /api/v1")
        name, found = _PAGE, read()[_PAGE]
    headers = {
        "Cache-Control": _FOR_EVER if name.startswith("assets/") else "no-cache",
        "Vary": "Accept-Encoding",
    }
    content = found.content
    if found.packed and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"], content = "gzip", found.packed
    return Response(content, media_type=found.media_type, headers=headers)


@get("/", opt=_OPEN, include_in_schema=False, sync_to_thread=True)
def get_page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the page of the console."""
    return _answer(request, "/")


@get("/{path:path}", opt=_OPEN, include_in_schema=False, sync_to_thread=True)
def get_file(request: Request[Any, Any, Any], path: FromPath[str]) -> Response[bytes]:
    """Return a file of the console, or its page; the code of a login link stays behind the #."""
    return _answer(request, path)


ROUTES = (get_page, get_file)
