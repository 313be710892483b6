"""Propositions as they are read: each clause leads to the section that proves it."""

from __future__ import annotations

import html
import textwrap
from types import SimpleNamespace
from typing import Any

from playbook.answer import Answer, answers
from playbook.proposition.clauses import CLAUSES, pieces
from playbook.proposition.evidence import figure

__all__ = ["Statements", "statements"]


class Statements:
    """All propositions in words; in HTML each clause links to its section, with figure, n and level below."""

    def __init__(self, propositions: Answer) -> None:
        self._answer = propositions

    def __repr__(self) -> str:
        return "\n".join(textwrap.fill(text, 110) for text in self._answer.table["proposition"])

    def _repr_html_(self) -> str:
        clauses = self._answer["clauses"]
        return "".join(
            _statement(
                segment, own.to_dict("records"), self._answer["brand"], self._answer["currency"]
            )
            for segment, own in clauses.groupby("segment", sort=False)
        )


@answers
def statements(propositions: Answer) -> Statements:
    """Return the propositions as text and as HTML whose clauses link to their evidence.

    Parameters
    ----------
    propositions
        From `value_propositions`.
    """
    return Statements(propositions)


def _statement(segment: str, rows: list[dict[str, Any]], brand: str, currency: str) -> str:
    own = {row["clause"]: row for row in rows if row["clause"] in CLAUSES}
    said = "".join(
        _link(own[name], text) if name else html.escape(text)
        for text, name in pieces(list(own.values()), segment, brand)
    )
    kept = [row for row in own.values() if row["status"] == "supported"]
    proof = " · ".join(f"{_link(row, row['clause'])} {_figure(row, currency)}" for row in kept)
    further = [row for row in rows if row["clause"] not in CLAUSES]
    added = [row for row in further if row["status"] == "supported"]
    also = "".join(
        f"<p>Also proven: {_link(row, row['text'])} {_figure(row, currency)}</p>" for row in added
    )
    refused = "".join(
        f'<p class="missing">Refused, from the plan: “{_link(row, row["text"])}”. '
        f"Because: {html.escape(row['reason'])}.</p>"
        for row in further
        if row["status"] != "supported"
    )
    return (
        f'<div class="statement"><h3>{html.escape(segment)}</h3><p class="said">{said}</p>{also}'
        f'<p class="proof">Proof: {proof or "none"}</p>{refused}</div>'
    )


def _link(row: dict[str, Any], text: str) -> str:
    text = html.escape(text)
    return f'<a href="#{html.escape(row["section"])}">{text}</a>' if row["section"] else text


def _figure(row: dict[str, Any], currency: str) -> str:
    return (
        f"{html.escape(figure(SimpleNamespace(**row), currency))}, n = {row['n']:,} "
        f'<span class="level">{html.escape(row["level"])}</span>'
    )
