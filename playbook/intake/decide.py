"""Decides how each column of a file is read: what is declared, else what all values together prove.

Where a column's own values leave the decimal mark or the order of dates open, another column of the
same file that is written in the same form decides, then another file of the same entry. What is open
after that is undecided; nothing is settled by luck.
"""

from __future__ import annotations

import re
from dataclasses import replace

from playbook.engagement.delivery import Source
from playbook.intake.dates import ORDERS, DateCount, decide_order
from playbook.intake.evidence import NUMBERS, TIMES, Evidence
from playbook.intake.mapping import Mapped
from playbook.intake.numbers import decide_mark
from playbook.intake.reading import Reading

__all__ = ["Known", "decide", "known_of"]

_DIRECTIVES = {"%d": "d", "%-d": "d", "%m": "m", "%-m": "m", "%Y": "y4", "%y": "y2"}


class Known:
    """What other columns or files have settled: decimal marks and orders of dates, and who settled them."""

    def __init__(self) -> None:
        self.marks: dict[str, str] = {}
        self.orders: dict[str, dict[str, str]] = {}

    def mark(self) -> tuple[str, str]:
        """Return the one decimal mark that all others have, and whose it is; empty when they differ."""
        return _only(self.marks)

    def order(self, form: str) -> tuple[str, str]:
        """Return the one order that all others of this form have, and whose it is."""
        return _only(self.orders.get(form, {}))


def _only(votes: dict[str, str]) -> tuple[str, str]:
    different = set(votes.values())
    return (different.pop(), next(iter(votes))) if len(different) == 1 else ("", "")


def known_of(mapped: list[Mapped], evidence: dict[str, Evidence], where: str = "") -> Known:
    """Return what the columns of a file prove by themselves; ``where`` is added to their names."""
    known = Known()
    for one in [m for m in mapped if m.label in evidence]:
        found, name = evidence[one.label], f"column {one.header}{where}"
        proved = any(count.kind in ("point", "comma") for count in found.numbers)
        mark, _ = decide_mark(found.numbers, one.column.kind == "whole")
        if mark and (proved or any(count.kind.startswith("either") for count in found.numbers)):
            known.marks[name] = mark
        for count in _open_forms(found.dates):
            order, why = decide_order(count)
            if order and why.endswith("values"):
                known.orders.setdefault(count.form, {})[name] = order
    return known


def decide(source: Source, file: str, one: Mapped, found: Evidence, others: list[Known]) -> Reading:
    """Return how a column is read; its ``ask`` is filled when that is undecided."""
    if one.column.kind in NUMBERS:
        return _numbers(source, file, one, found, others)
    if one.column.kind in TIMES:
        return _dates(source, file, one, found, others)
    if one.column.kind == "flag":
        return Reading("true or false", "words")
    if one.column.kind == "choice":
        return Reading("one of " + ", ".join(one.column.allowed), "words")
    if one.column.kind == "text":
        return Reading()
    return Reading("id, as text", easy="lost" if found.ids.exponents else "")


def _place(file: str, one: Mapped) -> str:
    return f"{file}: column {one.header!r} ({one.label})"


def _numbers(
    source: Source, file: str, one: Mapped, found: Evidence, others: list[Known]
) -> Reading:
    mark, why = decide_mark(found.numbers, one.column.kind == "whole")
    if source.decimal:
        mark, why = source.decimal, "declared"
    contradicts = {"point", "comma"} <= {count.kind for count in found.numbers}
    if not mark and not contradicts:
        for known in others:
            mark, who = known.mark()
            if mark:
                why = who
                break
    if not mark:
        lines = ('decimal: ","', 'decimal: "."')
        return Reading("undecided", f"{_place(file, one)}: {why}", ask=lines[0], candidates=lines)
    every = sum(count.cells for count in found.numbers)
    plain = sum(count.plain for count in found.numbers)
    whole = sum(count.plain for count in found.numbers if count.kind == "whole")
    comma = sum(count.comma for count in found.numbers)
    easy = ""
    if plain == every and whole == every:
        easy = "whole"
    elif mark == "." and plain == every:
        easy = "plain"
    elif mark == "," and comma + whole == every:
        easy = "comma"
    marked = any(count.kind != "whole" for count in found.numbers)
    read_as = ("decimal comma" if mark == "," else "decimal point") if marked else "whole numbers"
    reading = Reading(read_as, why, mark=mark, easy=easy)
    return _share(file, one, found, reading) if one.column.kind == "share" else reading


def _share(file: str, one: Mapped, found: Evidence, reading: Reading) -> Reading:
    """Settle whether shares stand as 0 to 1 or as 0 to 100."""
    small, large, small_row, large_row = found.shares.get(reading.mark, (0, 0, None, None))
    if small and large:
        what = (
            f"{_place(file, one)}: {small:,} values lie between 0 and 1 (first: row {small_row}) and {large:,} "
            f"above 1.5 (first: row {large_row}); shares and percentages are mixed"
        )
        line = f'ignore: ["{one.header}"]'
        return Reading("undecided", what, ask=line, candidates=("shares 0 to 1", "percent 0 to 100"))  # fmt: skip
    if large:
        return replace(reading, percent=True, read_as=f"{reading.read_as}, percent 0 to 100")
    return reading


def _open_forms(counts: list[DateCount]) -> list[DateCount]:
    return [count for count in counts if len(count.form) == 2]


def _dates(source: Source, file: str, one: Mapped, found: Evidence, others: list[Known]) -> Reading:
    declared = orders_of(source.dates)
    orders, whys, read = {}, [], []
    for count in _open_forms(found.dates):
        order, why = decide_order(count)
        contradicts = count.dmy_only is not None and count.mdy_only is not None
        if count.form in declared:
            order, why = declared[count.form], "declared"
        elif not order and not contradicts:
            order, why = _from_others(count.form, others) or ("", why)
        if not order:
            what = f"{_place(file, one)}: {why}"
            lines = _lines(count, source.dates)
            return Reading("undecided", what, ask=lines[0], candidates=tuple(lines))
        orders[count.form] = order
        whys.append(why)
        read.append(f"{ORDERS[order]} with {count.form[0]!r}")
    every = sum(count.cells for count in found.dates)
    for count in found.dates:
        if count.form in _SELF_EVIDENT:
            read.append(_SELF_EVIDENT[count.form])
            whys.append(f"{count.cells:,} of {every:,} values")
    easy = every == sum(count.plain for count in found.dates) and not source.dates
    clock = any(count.clock for count in found.dates) or any(
        "%H" in f or "%I" in f for f in source.dates
    )
    return Reading(
        ", ".join(read) or "date",
        "; ".join(dict.fromkeys(whys)),
        easy="iso" if easy else "",
        orders=tuple(sorted(orders.items())),
        clock=clock,
        formats=tuple(source.dates),
    )


_SELF_EVIDENT = {
    "iso": "year-month-day",
    "named": "name of the month",
    "serial": "Excel serial",
    "seconds": "seconds since 1970",
    "milliseconds": "milliseconds since 1970",
}


def _from_others(form: str, others: list[Known]) -> tuple[str, str] | None:
    for known in others:
        order, who = known.order(form)
        if order:
            return order, who
    return None


def orders_of(formats: list[str]) -> dict[str, str]:
    """Return the separator and digits of the year, and the order, of formats such as ``%d/%m/%Y``."""
    orders: dict[str, str] = {}
    for written in formats:
        found = re.match(r"^(%-?[dmYy])([-./ ])(%-?[dmYy])\2(%-?[dmYy])", written)
        if not found:
            continue
        parts = [_DIRECTIVES[found.group(place)] for place in (1, 3, 4)]
        order = "".join(part[0] for part in parts)
        if order in ORDERS:
            digits = parts[2][1] if order != "ymd" else "2"
            orders.setdefault(found.group(2) + digits, order)
    return orders


def _lines(open_one: DateCount, declared: list[str]) -> list[str]:
    """Return the lines that would settle the open form, one for each order its values allow."""
    best = max(open_one.dmy, open_one.mdy, open_one.ymd if open_one.form[1] == "2" else 0)
    contradicts = open_one.dmy_only is not None and open_one.mdy_only is not None
    mark, digits = open_one.form[0], open_one.form[1]
    year = "%Y" if digits == "4" else "%y"
    lines = []
    for order in ORDERS:
        if order == "ymd" and digits == "4":
            continue
        if contradicts or open_one.fits(order) == best:
            names = {"d": "%d", "m": "%m", "y": year}
            written = [*declared, mark.join(names[part] for part in order)]
            lines.append("dates: [" + ", ".join(f'"{w}"' for w in written) + "]")
    return lines
