"""A package of ours as the one file that is put on hosts: warden, boot host."""

import io
import zipfile
from importlib.resources import files

_SHEBANG = b"#!/usr/bin/env python3\n"
_START = "import sys\nfrom {package}.__main__ import main\nsys.exit(main())\n"
_WHEN = (2020, 1, 1, 0, 0, 0)


def packed(package: str) -> bytes:
    """Return a package that needs no other one of ours, such as "anypool.warden", as a program.

    Any Python from 3.9 on runs it. The same bytes each time.
    """
    made = io.BytesIO(_SHEBANG)
    made.seek(0, io.SEEK_END)
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", _START.format(package=package))
        _add(archive, "anypool/__init__.py", "")
        for module in sorted(files(package).iterdir(), key=lambda one: one.name):
            if module.name.endswith(".py"):
                name = f"{package.replace('.', '/')}/{module.name}"
                _add(archive, name, module.read_text(encoding="utf-8"))
    return made.getvalue()


def _add(archive: zipfile.ZipFile, name: str, text: str) -> None:
    archive.writestr(zipfile.ZipInfo(name, _WHEN), text)
