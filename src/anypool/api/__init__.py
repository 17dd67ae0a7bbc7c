"""HTTP: parse, call a service, render; nothing is decided here."""

from anypool.api.application import Web

__all__ = ["Web"]
