"""Reads how the dates of a column are written, from all of its values, and the SQL that reads them.

Dates with the year first, with a month's name, or as a spreadsheet's or a computer's count of days or
seconds speak for themselves. Of the others (``02/01/2024``) each value allows some orders of day,
month and year; the order that all values of a column allow is the order of the column.
"""

from __future__ import annotations

from dataclasses import dataclass

from playbook.intake.files import literal
from playbook.intake.words import plain_digits

__all__ = [
    "DateCount",
    "canonical",
    "classify",
    "day_and_time",
    "decide_order",
    "local_to_utc",
    "parts_of",
]

_WORDS = (
    "january february march april may june july august september october november december sept "
    "januar februar märz maerz mai juni juli august oktober dezember jänner mrz "
    "januari februari mars maj augusti jan feb mar mär apr jun jul aug sep oct okt nov dec dez jän"
)  # fmt: skip
"""Names of months in English, German and Swedish."""
_SHORT = (
    "jan feb mar apr may jun jul aug sep oct nov dec "
    "jän --- mär --- mai --- --- --- --- okt --- dez "
    "--- --- mae --- maj --- --- --- --- --- --- --- "
    "--- --- mrz --- --- --- --- --- --- --- --- --- "
)
"""Their first three letters, twelve to a line."""
_NAME = "(?i:" + "|".join(sorted(_WORDS.split(), key=len, reverse=True)) + ")"
_NAMED_DAY_FIRST = (
    r"^(?:den )?([0-9]{1,2})(?:st|nd|rd|th|:e)?[-. /]*("
    + _NAME
    + r")[-. /,]*''?([0-9]{4}|[0-9]{2})\b(.*)$"
)
_NAMED_MONTH_FIRST = r"^(" + _NAME + r")[-. ]*([0-9]{1,2})(?:st|nd|rd|th)?,? +([0-9]{4})\b(.*)$"
_PARTS = (
    r"^([0-9]{1,4})([-./~ ])([0-9]{1,2})[-./~ ]([0-9]{4}|[0-9]{1,2})"
    r"(?:(?:[Tt_]|,? +(?:um |kl\.? )?)([0-9]{1,2})[:.]([0-9]{2})(?:[:.]([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r"(?: ?([AaPp])\.?[Mm]\.?)?(?: ?Uhr)?(?: ?(Z|z|UTC|GMT|[-+][0-9]{2}(?::?[0-9]{2})?))?)?$"
)
_NAMES = "['a', 'sep', 'b', 'c', 'h', 'n', 's', 'f', 'p', 'z']"
_SERIAL = r"^[1-9][0-9]{4}(?:[.,][0-9]+)?$"
_SECONDS = r"^[0-9]{9,10}(?:[.,][0-9]+)?$"
_MILLISECONDS = r"^[0-9]{12,13}(?:[.,][0-9]+)?$"
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?$"
_COMPACT = r"^(?:19|20)[0-9]{6}(?:T?[0-9]{6}Z?| +[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)?$"
ORDERS = {"dmy": "day, month, year", "mdy": "month, day, year", "ymd": "year, month, day"}


@dataclass(frozen=True)
class DateCount:
    """How often a form of date occurs in a column.

    Attributes
    ----------
    form
        ``iso``, ``named``, ``serial``, ``seconds``, ``milliseconds``, ``bad``, or separator and digits of
        the year (``"/4"``) where the order is open.
    cells, row, shape
        Number of cells, their first row, and the commonest value with its digits as nines.
    dmy, mdy, ymd
        Cells that are a date in that order.
    dmy_only, mdy_only
        First rows that are a date with the day first but not with the month first, and the reverse.
    same
        Cells whose day and month are the same number.
    plain
        Cells written as ``2024-01-31`` or ``2024-01-31 23:59:59``.
    clock
        Cells with a time of day other than midnight, or an offset.
    """

    form: str
    cells: int
    row: int
    shape: str
    dmy: int = 0
    mdy: int = 0
    ymd: int = 0
    dmy_only: int | None = None
    mdy_only: int | None = None
    same: int = 0
    plain: int = 0
    clock: int = 0

    def fits(self, order: str) -> int:
        """Return the cells that are a date in this order."""
        return {"dmy": self.dmy, "mdy": self.mdy, "ymd": self.ymd}[order]


def canonical(text: str) -> str:
    """Return the SQL that writes a date with separators, its month as a number, ASCII digits."""
    plain = plain_digits(text)
    chinese = (
        f"case when contains({plain}, '年') then trim(replace(replace(replace(replace(regexp_replace(regexp_replace(regexp_replace("
        f"{plain}, '[年月]', '-', 'g'), '(上午|下午) *([0-9:：时時点分]+)', '\\2 \\1'), '[时時点:：分]([0-9])', ':\\1', 'g'), "
        f"'日', ' '), '上午', 'AM'), '下午', 'PM'), '秒', '')) else {plain} end"
    )
    dashed = f"regexp_replace({plain}, '^([0-9]{{4}})([0-9]{{2}})([0-9]{{2}})', '\\1-\\2-\\3 ')"
    timed = f"regexp_replace({dashed}, '^(.{{10}}) T?([0-9]{{2}})([0-9]{{2}})([0-9]{{2}})', '\\1 \\2:\\3:\\4')"
    day_first = f"regexp_extract({plain}, '{_NAMED_DAY_FIRST}', ['a', 'b', 'c', 'd'])"
    month_first = f"regexp_extract({plain}, '{_NAMED_MONTH_FIRST}', ['b', 'a', 'c', 'd'])"
    named = "".join(
        f"when {part}.b <> '' then {part}.a || '~' || ((strpos('{_SHORT}', left(lower({part}.b), 3)) - 1) % 48 // 4 + 1) "
        f"|| '~' || {part}.c || {part}.d "
        for part in (day_first, month_first)
    )
    return f"case when regexp_matches({plain}, '{_COMPACT}') then trim({timed}) {named}else {chinese} end"


def parts_of(text: str) -> str:
    """Return the SQL struct of the parts of a canonical date: a, sep, b, c, h, n, s, f, p, z."""
    return f"regexp_extract({text}, '{_PARTS}', {_NAMES})"


def _between(part: str, high: int) -> str:
    return f"coalesce(try_cast({part} as integer) between 1 and {high}, false)"


def all_iso(seen: str) -> str:
    """Return the SELECT of whether all values are ISO dates, which is cheap to see."""
    return f"select coalesce(bool_and(regexp_matches(value, {literal(_ISO)})), true) from {seen}"


def classify_iso(seen: str) -> str:
    """Return the SELECT of the one `DateCount` of a table whose values are all ISO dates."""
    clock = "length(value) > 10 and regexp_matches(value[12:], '[1-9]')"
    return (
        "select 'iso', cast(sum(n) as bigint), min(row), regexp_replace(arg_max(value, (n, -row)), '[0-9]', '9', 'g'), "
        "0, 0, 0, null, null, 0, cast(sum(n) as bigint), "
        f"cast(coalesce(sum(n) filter ({clock}), 0) as bigint) from {seen} having count(*) > 0"
    )


def classify(seen: str) -> str:
    """Return the SELECT of the `DateCount` of a table ``seen`` of distinct values: value, n, row."""
    form = (
        "case when p.sep = '' then "
        f"case when regexp_matches(text, '{_SERIAL}') then 'serial' when regexp_matches(text, '{_SECONDS}') then 'seconds' "
        f"when regexp_matches(text, '{_MILLISECONDS}') then 'milliseconds' else 'bad' end "
        "when p.sep = '~' then 'named' when length(p.a) = 4 then 'iso' when length(p.a) > 2 or length(p.c) = 1 then 'bad' "
        "else p.sep || length(p.c) end"
    )
    dmy = f"({_between('p.a', 31)} and {_between('p.b', 12)})"
    mdy = f"({_between('p.a', 12)} and {_between('p.b', 31)})"
    ymd = (
        f"(length(p.c) = 2 and length(p.a) = 2 and {_between('p.b', 12)} and {_between('p.c', 31)})"
    )
    midnight = "(p.h in ('', '0', '00') and p.n in ('', '00') and p.s in ('', '00') and coalesce(try_cast(p.f as bigint), 0) = 0 and p.z = '')"

    clock = f"case when p.sep <> '' then not {midnight} else regexp_matches(text, '[.,]') or length(text) > 8 end"

    def cells(condition: str) -> str:
        return f"cast(coalesce(sum(n) filter ({condition}), 0) as bigint)"

    return (
        f"with texts as materialized (select *, {canonical('value')} as text from {seen}), "
        f"parts as materialized (select *, {parts_of('text')} as p from texts), forms as (select *, {form} as form from parts) "
        "select form, cast(sum(n) as bigint), min(row), regexp_replace(arg_max(value, (n, -row)), '[0-9]', '9', 'g'), "
        f"{cells(dmy)}, {cells(mdy)}, {cells(ymd)}, min(row) filter ({dmy} and not {mdy}), min(row) filter ({mdy} and not {dmy}), "
        f"{cells('try_cast(p.a as integer) = try_cast(p.b as integer)')}, "
        f"{cells(f'regexp_matches(value, {literal(_ISO)})')}, "
        f"{cells(clock)} "
        "from forms group by form order by form"
    )


def decide_order(count: DateCount) -> tuple[str, str]:
    """Return the order that all values of one form allow, and why; the order is empty when it stays open.

    Values that are no date in any order (the 45th of a month) do not count; intake quarantines them.
    """
    two_digits = count.form.endswith("2")
    orders = ["dmy", "mdy", "ymd"] if two_digits else ["dmy", "mdy"]
    best = max(count.fits(order) for order in orders)
    fitting = [order for order in orders if count.fits(order) == best]
    if count.dmy_only is not None and count.mdy_only is not None and fitting != ["ymd"]:
        only_day, only_month = count.cells - count.mdy, count.cells - count.dmy
        return "", (
            f"{only_day:,} values like {count.shape} can only have the day first (first: row {count.dmy_only}) and "
            f"{only_month:,} only the month first (first: row {count.mdy_only})"
        )
    if len(fitting) == 1:
        return fitting[0], f"{best:,} of {count.cells:,} values"
    if count.form.startswith(".") and "dmy" in fitting:
        return "dmy", "dots, which stand between day, month and year in this order"
    if set(fitting) == {"dmy", "mdy"} and count.same >= best:
        return "dmy", "every value is the same day with the month first"
    return (
        "",
        f"all {count.cells:,} values like {count.shape} can be read as {' or as '.join(ORDERS[o] for o in fitting)}",
    )


def day_and_time(
    text: str, parts: str, orders: tuple[tuple[str, str], ...], pivot: int
) -> tuple[str, str, str]:
    """Return the SQL of a canonical date's moment as written, of its offset in minutes, of its having a clock.

    Parameters
    ----------
    text, parts
        SQL of the canonical text and of its parts (`canonical`, `parts_of`).
    orders
        Order by separator and digits of the year.
    pivot
        Two-digit years above it belong to the century before.
    """
    p = parts
    cases = " ".join(
        f"when {p}.sep || length({p}.c) = {literal(form)} then '{order}'" for form, order in orders
    )
    order = f"case when {p}.sep = '~' then 'dmy' when length({p}.a) = 4 then 'ymd' {cases} end"
    year = f"case {order} when 'ymd' then {p}.a else {p}.c end"
    full = f"case when length({year}) = 2 then case when try_cast({year} as integer) > {pivot} then '19' else '20' end || {year} else {year} end"
    month = f"case {order} when 'mdy' then {p}.a else {p}.b end"
    day = f"case {order} when 'ymd' then {p}.c when 'mdy' then {p}.b else {p}.a end"
    hour = (
        f"case when {p}.h = '' then '00' when lower({p}.p) = 'p' and try_cast({p}.h as integer) < 12 then cast(try_cast({p}.h as integer) + 12 as varchar) "
        f"when lower({p}.p) = 'a' and {p}.h = '12' then '00' else lpad({p}.h, 2, '0') end"
    )
    rest = f"case when {p}.n = '' then '00' else {p}.n end || ':' || case when {p}.s = '' then '00' else {p}.s end || '.' || rpad(left({p}.f, 6), 6, '0')"
    written = (
        f"case when {p}.sep <> '' then case when {order} is not null then try_cast({full} || '-' || lpad({month}, 2, '0') || '-' || "
        f"lpad({day}, 2, '0') || ' ' || {hour} || ':' || {rest} as timestamp) end {_counted(text)} end"
    )
    offset = (
        f"case when {p}.z in ('Z', 'z', 'UTC', 'GMT') then 0 when {p}.z <> '' then "
        f"(case when {p}.z[1] = '-' then -1 else 1 end) * (try_cast({p}.z[2:3] as integer) * 60 + coalesce(try_cast(right(replace({p}.z, ':', '')[4:], 2) as integer), 0)) "
        f"when regexp_matches({text}, '{_SECONDS}') or regexp_matches({text}, '{_MILLISECONDS}') then 0 end"
    )
    return written, offset, f"({p}.h <> '' or ({p}.sep = '' and regexp_matches({text}, '[.,]')))"


def _counted(text: str) -> str:
    """Return the SQL cases of a count of days (spreadsheets), seconds or milliseconds."""
    count = f"try_cast(replace({text}, ',', '.') as decimal(28,10))"
    return (
        f"when regexp_matches({text}, '{_SERIAL}') then timestamp '1899-12-30' + to_milliseconds(try_cast(round({count} * 86400000) as bigint)) "
        f"when regexp_matches({text}, '{_SECONDS}') then make_timestamp(try_cast(round({count} * 1000000) as bigint)) "
        f"when regexp_matches({text}, '{_MILLISECONDS}') then make_timestamp(try_cast(round({count} * 1000) as bigint))"
    )


def local_to_utc(moment: str, offset: str, zone: str, has_clock: str) -> str:
    """Return the SQL of a moment in UTC.

    An offset in the value counts; otherwise the moment is local time of ``zone``. A local time that
    does not exist (clocks go forward) is moved on by the hour skipped; one that exists twice (clocks go
    back) is its second pass. A day without time of day stays that day.
    """
    shifted = f"{moment} - to_minutes({offset})" if offset else moment
    local = (
        moment
        if zone.upper() in ("UTC", "ETC/UTC", "")
        else f"timezone('UTC', timezone({literal(zone)}, {moment}))"
    )
    if not offset:
        return f"case when {has_clock} then {local} else {moment} end"
    return f"case when {offset} is not null then {shifted} when {has_clock} then {local} else {moment} end"
