"""What the sales team must win: open deals against the target, those that need a decision, and why deals are lost."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.stats import wilson

__all__ = ["ageing_deals", "loss_reasons", "sales_coverage"]

ASK = "opportunities with the history of their stages"
SHUFFLES = 2000
DRAWS = 4000
LEAST = 5  # lost deals of a reason or competitor that are shown


@answers
def sales_coverage(
    forecast: Answer, opportunities: pd.DataFrame, as_of: date, seed: int, target: float = 0.0
) -> Answer:
    """Return whether open deals and a year of new ones like the last reach what must be won.

    Parameters
    ----------
    forecast
        From `pipeline_forecast`.
    opportunities
        The table: created_at, closed_at, amount, is_won.
    as_of
        Last day of the period.
    seed
        Of the resampled year.
    target
        Amount to be won in the 12 months after ``as_of`` (currency; ``parameters: crm: sales_target`` of the plan).
        0: as much as was won in the last 12 months.

    Returns
    -------
    Answer
        Table figure, deals, amount, low, high (80 %). Extra ``target``.

    Notes
    -----
    New deals are those created in the last 12 months and won in them, resampled deal by deal: the sales
    team is taken to open deals at the pace and with the luck of last year. *Coverage* is the amount of open deals over
    what must be won; it must reach one over the share of the amount that is usually won.
    """
    since = pd.Timestamp(as_of - timedelta(days=365))
    day = pd.Timestamp(as_of) + pd.Timedelta(days=1)
    deals = opportunities.assign(amount=opportunities["amount"].astype(float).fillna(0.0))
    deals = deals.sort_values("opportunity_id", ignore_index=True)
    closed = deals[deals["is_won"].notna() & (deals["closed_at"] < day)]
    need(closed, "closed deals", ASK, rows=20)
    wanted, basis = _wanted(closed, since, target)
    made = deals[(deals["created_at"] > since) & (deals["created_at"] < day)]
    need(made, "deals created in the last 12 months", ASK, rows=10)
    rng = np.random.default_rng(seed)
    brought, new = _new_deals(made, day, rng)
    open_draws = rng.permutation(forecast["draws"])[:DRAWS]
    both = new[: len(open_draws)] + open_draws
    reach = float((both >= wanted).mean())
    rows = [_figure("open deals, whole amount", len(forecast["deals"]), float(forecast["deals"]["amount"].sum())),
            _figure("open deals, expected", len(forecast["deals"]), float(forecast["deals"]["expected"].sum()), open_draws),
            _figure("new deals at last year's pace", len(made), brought, new),
            _figure("open and new deals together", len(made) + len(forecast["deals"]), brought + float(forecast["deals"]["expected"].sum()), both),
            _figure(f"to be won ({basis})", None, wanted)]  # fmt: skip
    table = pd.DataFrame(rows).astype({"deals": "Int64"})
    usual = float(closed.loc[closed["is_won"].astype(bool), "amount"].sum()) / max(
        float(closed["amount"].sum()), 1e-9
    )
    return Answer(
        table=table,
        headline=f"What must be won is reached with {format_value(reach, '%')} probability at last year's pace",
        so_what=_coverage_advice(table, wanted, basis, usual, len(made)),
        kind="predictive",
        caption=f"Open and new deals against what must be won in the 12 months after {as_of} (80 % intervals; open n = {len(forecast['deals']):,}, new n = {len(made):,})",
        units={"deals": "count", "amount": "currency", "low": "currency", "high": "currency"},
        source="opportunity_history, opportunities, plan; simulated outcomes",
        metrics=(
            Metric("pipeline_coverage", float(table.loc[0, "amount"]) / wanted, n=len(forecast["deals"]), unit="ratio", kind="predictive"),
            Metric("sales_target_probability", reach, n=len(made), unit="%", kind="predictive"),
        ),
        extra={"target": wanted},
    )  # fmt: skip


def _wanted(closed: pd.DataFrame, since: pd.Timestamp, target: float) -> tuple[float, str]:
    """Amount to be won, and whether it is the plan's target or last year's wins."""
    if target > 0:
        return target, "the plan's target"
    won = closed[closed["is_won"].astype(bool) & (closed["closed_at"] > since)]
    amount = float(won["amount"].sum())
    if amount <= 0:
        raise NotEnough(
            "nothing was won in the last 12 months and the plan has no sales target",
            "`sales_target` in the plan's parameters for step crm",
        )
    return amount, "as much as last year"


def _new_deals(
    made: pd.DataFrame, day: pd.Timestamp, rng: np.random.Generator
) -> tuple[float, np.ndarray]:
    """What last year's new deals brought within the year, and draws of a year like it."""
    here = (made["is_won"].fillna(False).astype(bool) & (made["closed_at"] < day)).to_numpy()
    brings = np.where(here, made["amount"], 0.0)
    count = rng.poisson(len(made), DRAWS)
    drawn = np.array([brings[rng.integers(0, len(made), n)].sum() for n in count])
    return float(brings.sum()), drawn


def _figure(
    name: str, deals: int | None, amount: float, draws: np.ndarray | None = None
) -> dict[str, Any]:
    low, high = (np.nan, np.nan) if draws is None else np.quantile(draws, [0.1, 0.9])
    return {"figure": name, "deals": deals, "amount": amount, "low": low, "high": high}


def _coverage_advice(
    table: pd.DataFrame, wanted: float, basis: str, usual: float, made: int
) -> str:
    whole, expected, new, both, _ = table["amount"]
    coverage = whole / wanted
    gap = wanted - expected
    each = new / made if made else 0.0
    pace = (
        f"To win the remaining {format_value(gap, 'currency')} takes about {np.ceil(gap / each):,.0f} new deals in the year, "
        f"against {made:,} last year. "
        if each > 0 and gap > 0 else
        "The open deals alone are expected to bring it. " if gap <= 0 else
        "No deal opened last year was won in it, so nothing can be said of new ones. "
    )  # fmt: skip
    return (
        f"Open deals cover {coverage:.1f} times what must be won ({basis}); as {format_value(usual, '%')} of the amount is usually won, "
        f"{1 / usual if usual > 0 else np.inf:.1f} times would be needed to reach it from open deals alone. {pace}"
        + ("Agree on more new deals a month now: they take months to close." if both < wanted else
           "Hold the pace of new deals, and see to the slow ones below.")
    )  # fmt: skip


@answers
def ageing_deals(forecast: Answer) -> Answer:
    """Return the open deals that need a decision: slow in their stage or past their closing date.

    Parameters
    ----------
    forecast
        From `pipeline_forecast`.

    Returns
    -------
    Answer
        Table opportunity_id, owner, stage, in_stage (days), age (days since it was opened), slow, overdue, amount, expected.

    Notes
    -----
    The history holds changes of stage, not of closing dates. A deal is *overdue* when the closing date it has now lies
    behind and it is still open; one whose date was moved into the future looks punctual, however often it slipped.
    """
    deals = forecast["deals"]
    stuck = deals[deals["slow"] | deals["slipped"].fillna(False)]
    table = stuck.sort_values(["expected", "opportunity_id"], ascending=[False, True])
    table = table.rename(columns={"slipped": "overdue", "days": "in_stage"})[
        [
            "opportunity_id",
            "owner",
            "stage",
            "in_stage",
            "age",
            "slow",
            "overdue",
            "amount",
            "expected",
        ]
    ].reset_index(drop=True)
    share = float(table["expected"].sum()) / max(float(deals["expected"].sum()), 1e-9)
    by_owner = table.groupby("owner")["expected"].agg(["size", "sum"])
    by_owner = by_owner.sort_values(["sum", "size"], ascending=False)
    most = (
        f" {by_owner.index[0]} has the most of it ({by_owner['size'].iloc[0]:,} deals, "
        f"{format_value(by_owner['sum'].iloc[0], 'currency')})." if len(by_owner) else ""
    )  # fmt: skip
    return Answer(
        table=table,
        headline=f"{len(table):,} of {len(deals):,} open deals are slow or past their closing date",
        so_what=(
            f"They hold {format_value(share, '%')} of the expected wins.{most} For each: agree the next step with a date this "
            "week, or close it and free the time. Closing dates that were moved leave no trace in the history of stages: a deal "
            "put off again and again looks punctual here, so ask for the age of each."
            if len(table) else "Every open deal is within the usual time of its stage; nothing to clear."
        ),
        kind="diagnostic",
        caption="Open deals that three in four deals would have left their stage before (slow), or whose present closing date has passed (overdue)",
        units={"in_stage": "days", "age": "days", "amount": "currency", "expected": "currency"},
        source="opportunity_history, opportunities",
        metrics=(Metric("stuck_deals", float(len(table)), n=len(deals), unit="count"),),
    )  # fmt: skip


@answers
def loss_reasons(opportunities: pd.DataFrame, seed: int) -> Answer:
    """Return why deals were lost, over all and by competitor, and whether the reasons differ between competitors.

    Parameters
    ----------
    opportunities
        The table: is_won, loss_reason, competitor, amount.
    seed
        Of the shuffles.

    Returns
    -------
    Answer
        Table competitor ("all deals" first), reason, lost (deals), share (of the competitor's), low, high
        (Wilson, 95 %). Cells of fewer than 5 deals are left out. Extra ``p_value``.

    Notes
    -----
    Whether reasons depend on the competitor is tested by Pearson's chi-squared with the reasons shuffled among deals,
    which needs no least count in each cell.
    """
    closed = opportunities[opportunities["is_won"].notna()]
    lost = closed[~closed["is_won"].astype(bool)].sort_values("opportunity_id", ignore_index=True)
    known = lost.dropna(subset=["loss_reason"])
    need(known, "lost deals with a reason", "the reason why each deal was lost", rows=20)
    rival = known["competitor"].fillna("none named").astype("str")
    reason = known["loss_reason"].astype("str")
    counts = pd.crosstab(rival, reason)
    counts = counts[counts.sum(axis=1) >= LEAST]
    counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    parts = [("all deals", reason.value_counts().sort_index())] + [
        (name, counts.loc[name]) for name in counts.index
    ]
    rows = [
        {"competitor": name, "reason": why, "lost": int(n), **_wilson(int(n), int(part.sum()))}
        for name, part in parts for why, n in part.items() if n >= LEAST
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    need(table, f"reasons given for {LEAST} lost deals", "the reason why each deal was lost")
    table["order"] = table["competitor"].map({name: i for i, (name, _) in enumerate(parts)})
    table = table.sort_values(
        ["order", "share", "reason"], ascending=[True, False, True], ignore_index=True
    ).drop(columns="order")
    p = _shuffled(rival.to_numpy(), reason.to_numpy(), seed)
    first = table.iloc[0]
    money = float(known.loc[reason == first.reason, "amount"].astype(float).sum())
    apart = table[table["competitor"] != "all deals"]
    usual = reason.value_counts(normalize=True)
    return Answer(
        table=table,
        headline=f"Most lost deals name '{first.reason}': {format_value(first.share, '%')} of {len(known):,}",
        so_what=(
            f"Those {int(first.lost):,} deals were worth {format_value(money, 'currency')}. "
            + _by_competitor(apart, apart["share"] - apart["reason"].map(usual).astype(float), first.reason, p)
            + (f" {len(lost) - len(known):,} lost deals have no reason." if len(lost) > len(known) else "")
        ),
        kind="diagnostic",
        caption=f"Lost deals by competitor and stated reason (n = {len(known):,}; 95 % intervals; fewer than {LEAST} left out)",
        units={"lost": "count", "share": "%", "low": "%", "high": "%"},
        source="opportunities",
        extra={"p_value": p},
    )  # fmt: skip


def _by_competitor(apart: pd.DataFrame, excess: pd.Series, most: str, p: float) -> str:
    if p >= 0.05 or apart.empty:
        return (
            f"Reasons do not differ between competitors by more than chance (p = {p:.2f}): one answer to '{most}' serves all, "
            "and no seller's guide by competitor is worth writing yet."
        )  # fmt: skip
    telling = apart.loc[excess.idxmax()]
    return (
        f"Reasons differ between competitors (p = {p:.3f}): against {telling['competitor']} '{telling['reason']}' stands out "
        f"({format_value(telling['share'], '%')}); prepare sellers for that before the offer."
    )  # fmt: skip


def _wilson(hits: int, n: int) -> dict[str, float]:
    found = wilson(hits, n)
    return {"share": found.value, "low": found.low, "high": found.high}


def _shuffled(rival: np.ndarray, reason: np.ndarray, seed: int) -> float:
    """Permutation p-value of Pearson's chi-squared."""
    i, j = np.unique(rival, return_inverse=True)[1], np.unique(reason, return_inverse=True)[1]
    width = j.max() + 1
    expected = np.outer(np.bincount(i), np.bincount(j)) / len(i)
    if min(expected.shape) < 2:
        return 1.0
    rng = np.random.default_rng(seed)

    def statistic(order: np.ndarray) -> float:
        seen = np.bincount(i * width + order, minlength=expected.size).reshape(expected.shape)
        return float(((seen - expected) ** 2 / expected).sum())

    found = statistic(j)
    more = sum(statistic(rng.permutation(j)) >= found - 1e-9 for _ in range(SHUFFLES))
    return (1 + more) / (1 + SHUFFLES)
