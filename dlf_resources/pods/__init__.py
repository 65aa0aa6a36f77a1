"""Rented GPU machines. In this version none can be rented: `pod` in a YAML means the backend of this machine."""

from __future__ import annotations

from collections.abc import Callable


def local_name(name: str, instead: str, warn: Callable[[str], None]) -> str:
    """The backend to ask where a project says `pod`, with a warning; any other name as it is."""
    if name != "pod":
        return name
    warn(f"backend 'pod' needs a rented machine, which this version cannot rent; '{instead}' is asked instead.")
    return instead
