"""The page at `/`: a few static files, read once."""

from functools import cache
from importlib.resources import files

from litestar import Response, get

from anypool.api.gate import ANONYMOUS

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


@cache
def _read(name: str) -> bytes:
    return files("anypool.api").joinpath("web", name).read_bytes()


def _file(name: str) -> Response[bytes]:
    kind = _TYPES[name.rpartition(".")[2]]
    headers = {"Cache-Control": "no-cache"}
    return Response(_read(name), media_type=f"{kind}; charset=utf-8", headers=headers)


@get(["/", "/login"], opt={ANONYMOUS: True}, include_in_schema=False, sync_to_thread=False)
def get_page() -> Response[bytes]:
    """Return the page; the code of a login link stays in the browser, behind the #."""
    return _file("page.html")


@get("/page.js", opt={ANONYMOUS: True}, include_in_schema=False, sync_to_thread=False)
def get_script() -> Response[bytes]:
    """Return the page's script."""
    return _file("page.js")


@get("/demo.js", opt={ANONYMOUS: True}, include_in_schema=False, sync_to_thread=False)
def get_demo_script() -> Response[bytes]:
    """Return the script of what only a demo shows."""
    return _file("demo.js")


@get("/page.css", opt={ANONYMOUS: True}, include_in_schema=False, sync_to_thread=False)
def get_style() -> Response[bytes]:
    """Return the page's style sheet."""
    return _file("page.css")


@get("/favicon.ico", opt={ANONYMOUS: True}, include_in_schema=False, sync_to_thread=False)
def get_icon() -> Response[bytes]:
    """Return the page's icon."""
    return _file("icon.svg")


ROUTES = (get_page, get_script, get_demo_script, get_style, get_icon)
