"""One spelling for a value, whichever side printed it."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

BOOLEAN, TIMES, INTERVAL, CLOCK = {16}, {1082, 1114, 1184}, {1186}, {1083}
NUMBERS = {20, 21, 23, 700, 701, 1700}
# what PostgreSQL computes with more digits than a double has
DIGITS = 9

_TIME = re.compile(r"^(\d{4,6}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(\.\d+)?)?\s*(Z|UTC|\+00(?::?00)?)?$")
_UNIT = {"y": ("months", 12), "mo": ("months", 1), "d": ("days", 1), "h": ("clock", 3_600_000_000),
         "m": ("clock", 60_000_000), "s": ("clock", 1_000_000)}
_PART = re.compile(r"([+-]?[\d.]+) ?(y|mo|d|h|m|s)(?:ears?|ns?|nths?|ays?|ours?|r|in(?:ute)?s?|ec(?:ond)?s?)?\b")
_ISO = re.compile(
    r"^(-?)P(?:(-?[\d.]+)Y)?(?:(-?[\d.]+)M)?(?:(-?[\d.]+)D)?(?:T(?:(-?[\d.]+)H)?(?:(-?[\d.]+)M)?(?:(-?[\d.]+)S)?)?$"
)
_CLOCK = re.compile(r"^\s*([+-]?)(\d+):(\d\d):(\d\d(?:\.\d+)?)\s*$")


def interval(text: str) -> str:
    """Months and microseconds: a day of an interval is 24 hours where intervals are compared."""
    iso = _ISO.match(text.strip())
    if iso and len(text.strip()) > 1:
        sign = -1 if iso[1] == "-" else 1
        years, months, days, hours, minutes, seconds = (Decimal(part or 0) for part in iso.groups()[1:])
        micros = ((days * 24 + hours) * 60 + minutes) * 60_000_000 + seconds * 1_000_000
        return f"{sign * int(years * 12 + months)} {sign * int(micros)}"
    total = {"months": Decimal(0), "days": Decimal(0), "clock": Decimal(0)}

    def take(found: re.Match) -> str:
        key, factor = _UNIT[found[2]]
        total[key] += Decimal(found[1]) * factor
        return ""

    rest = _PART.sub(take, text.strip())
    clock = _CLOCK.match(rest)
    if clock:
        micros = int(clock[2]) * 3_600_000_000 + int(clock[3]) * 60_000_000 + Decimal(clock[4]) * 1_000_000
        total["clock"] += -micros if clock[1] == "-" else micros
    elif rest.strip():
        return text
    return f"{int(total['months'])} {int(total['days'] * 86_400_000_000 + total['clock'])}"


def number(text: str) -> str:
    """A number with the digits that both sides have."""
    low = text.lower()
    if low in ("nan", "inf", "-inf", "infinity", "-infinity"):
        return low.replace("infinity", "inf")
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    if value == value.to_integral_value() and abs(value) < Decimal(10) ** 30:
        return str(int(value))
    return f"{float(value):.{DIGITS}g}"


def cell(value: object, kind: int) -> str | None:
    """A value of a column of that type."""
    if value is None:
        return None
    if isinstance(value, bool):
        value = "true" if value else "false"
    text = str(value)
    if kind in BOOLEAN:
        return {"t": "true", "f": "false"}.get(text, text)
    if kind in NUMBERS:
        return number(text)
    if kind in TIMES:
        found = _TIME.match(text)
        if not found:
            return text
        clock = (found[2] or "00:00:00") + (found[3] or "").rstrip("0").rstrip(".")
        return f"{found[1]} {clock}"
    if kind in INTERVAL:
        return interval(text)
    if kind in CLOCK:
        return text.rstrip("0").rstrip(".") if "." in text else text
    return text


def rows(table: list[list], kinds: list[int], ordered: bool) -> list[tuple]:
    """Rows that can be compared; sorted where their order means nothing."""
    done = [tuple(cell(value, kind) for value, kind in zip(row, kinds)) for row in table]
    return done if ordered else sorted(done, key=lambda row: [(value is None, value or "") for value in row])
