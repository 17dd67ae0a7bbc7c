"""Files that people name on the command line."""

import json
from pathlib import Path
from typing import Any

from anypool.errors import Invalid

LARGEST_BYTES = 256 << 20
LARGEST_YAML_BYTES = 1 << 20
"""YAML is read slowly."""


def text_of(file: Path, most_bytes: int = LARGEST_BYTES, hint: str = "") -> str:
    """Return what a file says; raise `Invalid` if it is no text, or too large."""
    try:
        size = file.stat().st_size
        if size <= most_bytes:
            return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Invalid(f"{file} is no text", hint=hint or "it must be UTF-8") from None
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}", hint=hint) from error
    raise Invalid(f"{file} is larger than {most_bytes >> 10} KiB", hint=hint)


def parsed(file: Path, hint: str = "") -> Any:
    """Return what a file of JSON, by its name, or else of YAML says; raise `Invalid`."""
    is_json = file.suffix == ".json"
    text = text_of(file, LARGEST_BYTES if is_json else LARGEST_YAML_BYTES, hint)
    import yaml

    try:
        return json.loads(text) if is_json else yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:  # a 30th of February, too
        kind, why = "JSON" if is_json else "YAML", " ".join(str(error).split())
        raise Invalid(f"{file} is no {kind}: {why}", hint=hint) from error
