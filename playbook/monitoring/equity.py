"""Where customer equity went between two years: won, grown, shrunk, gone quiet, lost.

Glossary
--------
customer equity
    Sum of the lifetime values of all customers.
active
    Judged more likely than not to still be a customer (probability at least one half).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need

__all__ = ["PARTS", "equity_bridge"]

ASK = "a run of this year and of the year before with lifetime values"
PARTS = {
    "won": "Won (new)",
    "grown": "Grown (ordered)",
    "shrunk": "Shrunk (ordered)",
    "revalued": "Revalued (no order)",
    "lost": "Lost",
}


def _part(frame: pd.DataFrame) -> np.ndarray:
    """Return the part each customer belongs to; every customer belongs to exactly one."""
    new, gone = frame["clv_before"].isna(), frame["clv_now"].isna()
    ordered = frame["revenue_12m_now"].fillna(0.0) != 0
    was = frame["p_alive_before"].fillna(0.0) >= 0.5
    active = frame["p_alive_now"].fillna(0.0) >= 0.5
    rises = frame["clv_now"].fillna(0.0) >= frame["clv_before"].fillna(0.0)
    return np.select(
        [new, gone | (~ordered & was & ~active), ordered & rises, ordered],
        ["won", "lost", "grown", "shrunk"],
        default="revalued",
    )


@answers
def equity_bridge(before: pd.DataFrame, now: pd.DataFrame) -> Answer:
    """Split the change of customer equity into what happened to the customers; the parts add up exactly.

    Parameters
    ----------
    before, now
        Result ``customer_value`` of the year before and of this year: customer_id, revenue_12m, p_alive, clv.

    Returns
    -------
    Answer
        Table: part, customers, change (currency), low, high, share_of_start. ``answer["start"]`` and
        ``answer["end"]`` are the totals.

    Notes
    -----
    The range treats each part as a compound Poisson sum over its customers (variance sum(x²)); it is chance of who
    came and what they bought and holds no error of the value model. Each year has the model of its year.

    References
    ----------
    Rust, R. T., Lemon, K. N. & Zeithaml, V. A. (2004). Return on marketing: using customer equity to focus
    marketing strategy. Journal of Marketing 68(1).
    """
    columns = ["customer_id", "revenue_12m", "p_alive", "clv"]
    need(before, "customers with a value last year", ASK, rows=20, columns=["clv"])
    need(now, "customers with a value this year", ASK, rows=20, columns=["clv"])
    old = before[columns].assign(clv=before["clv"].fillna(0.0))
    new = now[columns].assign(clv=now["clv"].fillna(0.0))
    both = old.merge(new, on="customer_id", how="outer", suffixes=("_before", "_now"))
    both = both.sort_values("customer_id", ignore_index=True)
    both["part"] = _part(both)
    both["change"] = both["clv_now"].fillna(0.0) - both["clv_before"].fillna(0.0)
    start, end = float(old["clv"].sum()), float(new["clv"].sum())
    table = _table(both, start)
    won = float(table.loc[table["key"] == "won", "change"].sum())
    known = end - start - won
    half = 1.96 * float(np.sqrt((both["change"] ** 2).sum()))
    return Answer(
        table=table.drop(columns="key"),
        headline=_headline(start, end, half),
        so_what=(
            f"The customers of last year are worth {format_value(abs(known), 'currency')} "
            f"{'less' if known < 0 else 'more'} than then; new ones added {format_value(won, 'currency')}. "
            + _advice(end - start, half, known)
        ),
        kind="diagnostic",
        caption=f"Change of the summed lifetime value by what happened to the customer (n = {len(both):,} customers)",
        units={"customers": "count", "change": "currency", "low": "currency", "high": "currency", "share_of_start": "%"},
        source="lifetime values of both years, each by the model of its year",
        metrics=(
            Metric("customer_equity_change", end - start, end - start - half, end - start + half, len(both), "currency", "diagnostic"),
        ),
        extra={"start": start, "end": end, "customers": both[["customer_id", "part", "change"]]},
    )  # fmt: skip


def _headline(start: float, end: float, half: float) -> str:
    levels = f"{format_value(start, 'currency')} to {format_value(end, 'currency')}"
    if abs(end - start) <= half:
        return f"Customer equity did not move beyond chance: {levels}"
    return f"Customer equity {'rose' if end > start else 'fell'} from {levels}"


def _advice(change: float, half: float, known: float) -> str:
    if known >= 0:
        return "Known customers carry the growth: keep what serves them before paying for more new ones."
    if change < -half:
        return "Winning does not make up for what leaves: put the next budget into keeping."
    if change > half:
        return (
            "Winning more than makes up for it: check that new customers cost less than they add."
        )
    return "Winning only makes up for what leaves: growth needs customers who stay or buy more, so keep first."


def _table(both: pd.DataFrame, start: float) -> pd.DataFrame:
    rows = []
    for key, label in PARTS.items():
        change = both.loc[both["part"] == key, "change"]
        half = 1.96 * float(np.sqrt((change**2).sum()))
        total = float(change.sum())
        rows.append(
            {"key": key, "part": label, "customers": len(change), "change": total, "low": total - half,
             "high": total + half, "share_of_start": total / start if start > 0 else np.nan}
        )  # fmt: skip
    return pd.DataFrame(rows)
