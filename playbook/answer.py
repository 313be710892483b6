"""What a step gives back: a table, the sentence that reads it, and the key figures in it.

Glossary
--------
answer
    Table + headline + so what, from one call.
kind of analytics
    descriptive (what happened), diagnostic (why), predictive (what will), prescriptive (what to do).
missing
    An answer that could not be given, with what to ask the client for. It takes the place of an
    answer everywhere: parts of a missing answer are missing, and so is what is made from them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import pandas as pd

from playbook.errors import NotEnough

__all__ = ["Answer", "Kind", "Metric", "Missing", "answers", "format_value", "need"]

Kind = Literal["descriptive", "diagnostic", "predictive", "prescriptive"]
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Metric:
    """A key figure.

    Attributes
    ----------
    id
        Words joined by underscores, the same every year (``nps``, ``repeat_rate``).
    value, low, high
        The figure and its 95 % interval; none where there is no interval, with ``unit`` saying why
        if it is a count of everything.
    n
        Observations behind it.
    unit
        ``%`` (value 0 to 1), ``currency``, ``points``, ``count``, ``days``, ``hours`` or ``ratio``.
    """

    id: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    unit: str = ""
    kind: Kind = "descriptive"


@dataclass(frozen=True)
class Answer:
    """A computed result with the words that read it.

    Attributes
    ----------
    table
        Tidy frame, sorted by what matters.
    headline
        The finding in at most 90 characters: the title of the figure.
    so_what
        One to three sentences: what it means and what to do with it.
    kind
        Kind of analytics.
    caption
        What is shown, unit, n and period.
    units
        Column to unit: ``%``, ``currency``, ``count``, ``points``, ``days``, ``hours``, ``ratio``, ``date``.
    source
        Tables and method behind it.
    metrics
        Key figures.
    extra
        Further frames a figure or a later step needs, by name.
    """

    table: pd.DataFrame
    headline: str
    so_what: str
    kind: Kind
    caption: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    metrics: tuple[Metric, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """Return a further frame by name."""
        return self.extra[name]


class Missing:
    """An answer that this client's data cannot give; every part and product of it is missing too."""

    def __init__(self, reason: str, ask: str = "") -> None:
        self.reason = reason
        self.ask = ask

    def __getattr__(self, name: str) -> Missing:
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __getitem__(self, name: Any) -> Missing:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Missing:
        """Return itself: what is made from a missing answer is missing."""
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __repr__(self) -> str:
        ask = f" Ask the client for {self.ask}." if self.ask else ""
        return f"Not answered: {self.reason}.{ask}"


def answers(function: Function) -> Function:
    """Make a step's function give `Missing` where it raises `NotEnough` or gets a missing input.

    A parameter whose default is ``None`` is optional: what is missing arrives as ``None``.
    """
    signature = inspect.signature(function)
    optional = {name for name, p in signature.parameters.items() if p.default is None}

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            if isinstance(value, Missing):
                if name not in optional:
                    return value
                bound.arguments[name] = None
        try:
            return function(*bound.args, **bound.kwargs)
        except NotEnough as error:
            return Missing(error.reason, error.ask)

    return wrapper  # type: ignore[return-value]


def need(
    frame: pd.DataFrame, what: str, ask: str, rows: int = 1, columns: Iterable[str] = ()
) -> pd.DataFrame:
    """Return the frame, or raise `NotEnough` when it has too few rows or an empty column.

    Parameters
    ----------
    what
        What the rows are, such as "survey answers on recommendation".
    ask
        What to ask the client for.
    rows
        Fewest rows that make sense.
    columns
        Columns that must hold at least ``rows`` values each.
    """
    if len(frame) < rows:
        raise NotEnough(f"{what}: {len(frame):,} rows, {rows:,} needed", ask)
    for column in columns:
        filled = int(frame[column].notna().sum()) if column in frame else 0
        if filled < rows:
            raise NotEnough(f"{what}: {column} is known in {filled:,} rows, {rows:,} needed", ask)
    return frame


def format_value(value: Any, unit: str = "") -> str:
    """Return a value as a reader wants it: rounded, with thousands separators, by its unit.

    Examples
    --------
    >>> format_value(0.1234, "%"), format_value(1234567.8, "currency"), format_value(3.14159)
    ('12.3 %', '1,234,568', '3.14')
    """
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return "–"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if not isinstance(value, (int, float)) and not hasattr(value, "dtype"):
        return str(value)
    return _number(float(value), unit)


def _number(value: float, unit: str) -> str:
    if unit == "%":
        text = f"{100 * value:,.1f} %"
    elif unit == "currency":
        text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"
    elif unit in ("count", "days"):
        text = f"{value:,.0f}"
    elif unit in ("points", "hours"):
        text = f"{value:,.1f}"
    elif unit == "year":
        text = f"{value:.0f}"
    elif value == int(value) and abs(value) < 1e15 and not unit:
        text = f"{value:,.0f}"
    else:
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−") if text.strip("-0., %") else text.replace("-", "")
