"""How platforms are spoken to: one protocol, one folder per platform."""

from anypool.drivers.base import OPERATIONS, BaseDriver
from anypool.drivers.protocol import Driver, Migration

__all__ = ["OPERATIONS", "BaseDriver", "Driver", "Migration"]
