"""How an answer looks in a notebook: as plain text (compared by tests) and as escaped HTML."""

from __future__ import annotations

import html
import re
import textwrap

import pandas as pd

from playbook.answer import Answer, Missing, format_value

__all__ = ["Done", "Sentence", "Shown", "Told", "heading"]

SENTINEL = "step done:"
_TERMS = {
    "auc": "AUC", "ces": "CES", "clv": "CLV", "csat": "CSAT", "gini": "Gini", "nps": "NPS", "psi": "stability index (PSI)", "q": "adjusted p (q)",
    "roi": "return on cost", "shrunken": "shrunken rate", "wtp": "willingness to pay",
}  # fmt: skip
"""Words of column names that read otherwise over a table or along an axis."""


def heading(column: str) -> str:
    """Return a column's name as readers see it."""
    return " ".join(_TERMS.get(word, word) for word in str(column).replace("_", " ").split(" "))


_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_RECORD = re.compile(r"(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{8,20}")
"""A number of a record, such as Salesforce's of 18 signs."""


def _unbroken(text: str) -> str:
    """Return the class of a cell that stays on one line: a day, or the number of a record."""
    if _DAY.fullmatch(text):
        return ' class="day"'
    return ' class="record"' if _RECORD.fullmatch(text) else ""


class Shown:
    """The table of an answer, rounded by unit, at most ``rows`` rows."""

    def __init__(self, answer: Answer | Missing, currency: str, rows: int = 10) -> None:
        self._answer = answer
        self._currency = currency
        self._rows = rows

    def _cells(self) -> pd.DataFrame:
        assert isinstance(self._answer, Answer)
        table, units = self._answer.table.head(self._rows), self._answer.units
        cells = {
            self._label(column): [format_value(v, units.get(column, "")) for v in table[column]]
            for column in table.columns
        }
        return pd.DataFrame(cells, dtype="str")

    def _label(self, column: str) -> str:
        assert isinstance(self._answer, Answer)
        unit = self._answer.units.get(column, "")
        shown = {"currency": self._currency, "points": "points", "hours": "h", "days": "days"}.get(
            unit
        )
        label = heading(column)
        return f"{label} ({shown})" if shown else label

    def _more(self) -> str:
        assert isinstance(self._answer, Answer)
        hidden = len(self._answer.table) - self._rows
        return f"{hidden:,} more rows are not shown." if hidden > 0 else ""

    def __repr__(self) -> str:
        if isinstance(self._answer, Missing):
            return repr(self._answer)
        cells = self._cells()
        parts = [self._answer.caption, cells.to_string(index=False), self._more()]
        return "\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        if isinstance(self._answer, Missing):
            return f'<p class="missing">{html.escape(repr(self._answer))}</p>'
        cells = self._cells()
        numeric = [
            pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
            for dtype in self._answer.table.dtypes
        ]
        side = [' class="number"' if is_number else "" for is_number in numeric]
        head = "".join(f"<th{s}>{html.escape(c)}</th>" for c, s in zip(cells, side, strict=True))
        body = "".join(
            "<tr>"
            + "".join(
                f"<td{s or _unbroken(v)}>{html.escape(v)}</td>"
                for v, s in zip(row, side, strict=True)
            )
            + "</tr>"
            for row in cells.itertuples(index=False, name=None)
        )
        dense = ' class="dense"' if len(cells.columns) > 8 else ""
        more = f'<p class="more">{self._more()}</p>' if self._more() else ""
        return (
            f"<table{dense}><caption>{html.escape(self._answer.caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"
        )


class Sentence:
    """What an answer means, in words, labelled by its kind of analytics."""

    def __init__(self, answer: Answer | Missing) -> None:
        self._answer = answer

    def __repr__(self) -> str:
        if isinstance(self._answer, Missing):
            return repr(self._answer)
        text = f"[{self._answer.kind}] {self._answer.headline}. {self._answer.so_what}"
        return textwrap.fill(text, 110)

    def _repr_html_(self) -> str:
        if isinstance(self._answer, Missing):
            return f'<p class="missing">{html.escape(repr(self._answer))}</p>'
        a = self._answer
        return (
            f'<p class="sowhat"><span class="kind {a.kind}">{a.kind}</span> '
            f"<strong>{html.escape(a.headline)}.</strong> {html.escape(a.so_what)}</p>"
        )


class Told:
    """What an answer means, and below it the table that shows it."""

    def __init__(self, sentence: Sentence, table: Shown) -> None:
        self._sentence, self._table = sentence, table

    def __repr__(self) -> str:
        said, shown = repr(self._sentence), repr(self._table)
        return said if said == shown else f"{said}\n\n{shown}"

    def _repr_html_(self) -> str:
        said, shown = self._sentence._repr_html_(), self._table._repr_html_()
        return said if said == shown else said + shown


class Done:
    """The last output of a notebook, without which its step does not count as done."""

    def __init__(self, step: str, name: str, results: int, metrics: int) -> None:
        self._text = f"{SENTINEL} {step} {name}, {results} results and {metrics} key figures saved"

    def __repr__(self) -> str:
        return self._text
