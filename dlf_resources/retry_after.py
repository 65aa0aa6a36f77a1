"""How long a server asks to be left alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds a server asks to wait (RFC 9110, section 10.2.3: seconds or a date), None when it does not say."""
    said = headers.get("Retry-After", "").strip()
    if not said:
        return None
    try:
        seconds = float(said)
    except ValueError:
        try:
            when = parsedate_to_datetime(said)
            when = when if when.tzinfo else when.replace(tzinfo=dt.UTC)  # asctime names no zone
            seconds = (when - dt.datetime.now(dt.UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if seconds == seconds and seconds != float("inf") else None
