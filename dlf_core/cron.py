"""Whether a text is a cron expression: five fields (crontab(5)), or one of the macros every cron knows."""

from __future__ import annotations

import re

MACROS = frozenset({"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"})
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: list[tuple[str, int, int, list[str]]] = [
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day of the month", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
]
_ITEM = re.compile(r"^(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?$")
_LONGEST_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


def cron_problem(text: str) -> str | None:
    """Why a text is no cron expression, or None.

    Example:
        >>> cron_problem("0 3 * * *"), cron_problem("0 99 * * *")
        (None, "has the hour '99', which is not in 0-23")
    """
    fields = text.split()
    if len(fields) == 1 and fields[0].lower() in MACROS:
        return None
    if len(fields) != len(_FIELDS):
        return "is not a cron expression of five fields (minute, hour, day, month, weekday)"
    numbers: list[set[int] | None] = []
    for field, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        found: set[int] | None = set()
        for item in field.lower().split(","):
            match = _ITEM.match(item)
            ends = [_number(part, words, low) for part in match.groups()[:2] if part is not None] if match else []
            if match is None or None in ends or match.group(3) == "0":
                return f"has the {name} '{item}', which cron does not know"
            first, last = (ends[0], ends[-1]) if ends else (low, high)
            assert first is not None
            assert last is not None
            if not low <= first <= last <= high:
                return f"has the {name} '{item}', which is not in {low}-{high}"
            if found is not None:
                found |= set(range(first, (high if match.group(3) and len(ends) == 1 else last) + 1))
            if item == "*":
                found = None
        numbers.append(found)
    days, months = numbers[2], numbers[3]
    never = days and months and numbers[4] is None and min(days) > max(_LONGEST_MONTH.get(m, 31) for m in months)
    return "names a day that never comes" if never else None


def _number(part: str, words: list[str], low: int) -> int | None:
    if part.isascii() and part.isdigit():
        return int(part)
    return words.index(part) + (low if len(words) == 12 else 0) if part in words else None
