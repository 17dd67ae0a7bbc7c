"""One pool of physical and virtual servers, whose automation explains itself."""

__version__ = "0.1.0"
