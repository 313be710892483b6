"""A page per chosen customer: who it is, what may be done, why, and the whole history. Restricted: it names people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from playbook.answer import Missing, format_value
from playbook.crm.record import CHECKS, MEND

__all__ = ["chosen_customers", "customer_page"]

LONGEST = 60  # events on a page
WHO = {
    "name": "name", "email": "e-mail", "phone": "telephone", "city": "city", "postcode": "postcode", "country": "country",
    "type": "type", "acquired_at": "customer since",
}  # fmt: skip


def chosen_customers(
    callbacks: pd.DataFrame | Missing, values: pd.DataFrame | Missing, number: int = 10
) -> list[str]:
    """Return whose pages are worth writing: the call backs with most value at risk, else the dearest customers.

    Parameters
    ----------
    callbacks
        Result ``callbacks``: customer_id, value_at_risk.
    values
        Result ``customer_value``: customer_id, clv.
    """
    for frame, worth in ((callbacks, "value_at_risk"), (values, "clv")):
        if isinstance(frame, pd.DataFrame) and len(frame):
            best = frame.dropna(subset=["customer_id"]).sort_values(
                [worth, "customer_id"], ascending=[False, True]
            )
            return best["customer_id"].drop_duplicates().head(number).tolist()
    return []


def _plain(value: object) -> str:
    """Return a client's text as one harmless cell of a Markdown table."""
    text = format_value(value) if not isinstance(value, str) else value
    return " ".join(text.split()).replace("|", "/").replace("<", "‹").replace("`", "'")


def _known(row: Mapping[Any, Any], names: Mapping[str, str]) -> list[str]:
    found = [(label, row.get(column)) for column, label in names.items()]
    return [f"| {label} | {_plain(v)} |" for label, v in found if not pd.isna(v)]  # fmt: skip


def customer_page(
    customer_id: str, customers: pd.DataFrame, record: pd.DataFrame, events: pd.DataFrame,
    reachable: pd.DataFrame | Missing, facts: Mapping[str, pd.DataFrame | Missing], currency: str = "",
) -> str:  # fmt: skip
    """Return the page of one customer as Markdown: record, permissions, what is planned, history.

    Parameters
    ----------
    customers
        Standard table ``customers``.
    record
        Query ``customer_record``.
    events
        Query ``customer_timeline`` of this customer.
    reachable
        Of the target lists.
    facts
        Title to a result with a column customer_id, such as segments, scores or callbacks; its other
        columns are shown.
    """
    lines = [f"# Customer {_plain(customer_id)}", "", "Restricted: names a person. Not for reports or mail.", ""]  # fmt: skip
    who = customers[customers["customer_id"] == customer_id]
    lines += ["| | |", "|---|---|", *(_known(who.iloc[0].to_dict(), WHO) if len(who) else [])]
    if isinstance(reachable, pd.DataFrame):
        row = reachable[reachable["customer_id"] == customer_id].drop(columns="customer_id")
        free = [name for name in row if bool(row[name].any())]
        lines.append(f"| may be contacted by | {', '.join(free) or 'nothing: answer only what the customer began'} |")  # fmt: skip
    for title, frame in facts.items():
        if isinstance(frame, pd.DataFrame):
            mine = frame[frame["customer_id"] == customer_id].drop(columns="customer_id")
            for row in mine.head(1).to_dict("records"):
                known = {n.replace("_", " "): _plain(v) for n, v in row.items() if not pd.isna(v)}
                said = "; ".join(v if n == title else f"{n} {v}" for n, v in known.items())
                lines.append(f"| {title} | {said} |")
    mine = record[record["customer_id"] == customer_id]
    flags = mine[list(CHECKS)].astype("float64").eq(1.0)
    failed = [c for c in CHECKS if flags[c].any()]
    lines += ["", "## To mend in the record", ""]
    lines += [f"- {CHECKS[c][1]}: {MEND[c]}" for c in failed] or ["Nothing: every check passes."]
    lines += ["", f"## History ({len(events):,} events, latest first)", "", f"| day | event | what | channel | amount {currency} |", "|---|---|---|---|---|"]  # fmt: skip
    lines += [
        f"| {e.happened_at:%Y-%m-%d} | {_plain(e.kind)} | {_plain(e.what)} | {_plain(e.channel)} | {format_value(e.amount, 'currency')} |"
        for e in events.head(LONGEST).itertuples() if e.happened_at is not pd.NaT
    ]  # fmt: skip
    if len(events) > LONGEST:
        lines.append(f"| | {len(events) - LONGEST:,} earlier events are not shown | | | |")
    return "\n".join(lines) + "\n"
