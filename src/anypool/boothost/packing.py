"""The boot host's program as the one file that is put there."""

from __future__ import annotations

import io
import zipfile
from importlib.resources import files

_SHEBANG = b"#!/usr/bin/env python3\n"
_START = "import sys\nfrom anypool.boothost.__main__ import main\nsys.exit(main())\n"
_WHEN = (2020, 1, 1, 0, 0, 0)


def packed() -> bytes:
    """Return the program: Python, which any Python from 3.9 on runs. The same bytes each time."""
    made = io.BytesIO(_SHEBANG)
    made.seek(0, io.SEEK_END)
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", _START)
        _add(archive, "anypool/__init__.py", "")
        for module in sorted(files("anypool.boothost").iterdir(), key=lambda one: one.name):
            if module.name.endswith(".py") and module.name != "packing.py":
                text = module.read_text(encoding="utf-8")
                _add(archive, f"anypool/boothost/{module.name}", text)
    return made.getvalue()


def _add(archive: zipfile.ZipFile, name: str, text: str) -> None:
    archive.writestr(zipfile.ZipInfo(name, _WHEN), text)
