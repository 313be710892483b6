"""Budget between winning and keeping customers, and among segments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from playbook.allocation import CurveFit, ResponseCurve, fit_response_curve
from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough

__all__ = ["acquisition_channels", "budget_split"]

ASK = "spend per channel, purpose and month with the customers won"
SHIFT = 0.1
AVERAGE = "on average"
SPENT_ON = ("grow share", "develop", "appreciate", "win back")
"""Strategies into which new money goes; the others keep what their actions cost."""


def _poisson(count: float) -> tuple[float, float]:
    """Exact 95 % interval of a count (Garwood 1936)."""
    low = float(chi2.ppf(0.025, 2 * count) / 2) if count > 0 else 0.0
    return low, float(chi2.ppf(0.975, 2 * (count + 1)) / 2)


def _deseasonalised(monthly: pd.DataFrame) -> pd.Series:
    """Customers won divided by the calendar month's usual share, where two years are there."""
    won = monthly["won"].astype(float)
    if len(monthly) < 24 or won.mean() == 0:
        return won
    usual = won.groupby(monthly["month"].dt.month).transform("mean") / won.mean()
    return won / usual.where(usual > 0, 1.0)


@answers
def acquisition_channels(spend: pd.DataFrame, seed: int) -> Answer:
    """Return what a new customer costs in each channel, and whether more spend wins more.

    Parameters
    ----------
    spend
        Table ``channel_spend``: month, channel, purpose, spend (currency), new_customers.
    seed
        Of the curve's bootstrap.

    Returns
    -------
    Answer
        Table channel, spend, new_customers, cost_each, low, high (Poisson, 95 %) of the last 12 months. Extra ``curve``
        (CurveFit of paid spend a month, or none) and ``refusal`` (why there is none), ``cost_each``, ``month_spend``.
    """
    paid = spend[(spend["purpose"] == "acquisition")]
    need(paid, "spend on winning customers", ASK)
    last = paid["month"].max() - pd.DateOffset(months=11)
    year = paid[paid["month"] >= last]
    table = year.groupby("channel", as_index=False).agg(
        spend=("spend", "sum"), new_customers=("new_customers", "sum")
    )
    table = table[table["spend"] > 0].astype({"new_customers": float})
    need(table, "channels with spend in the last 12 months", ASK)
    ends = np.array([_poisson(n) for n in table["new_customers"]])
    table["cost_each"] = table["spend"] / table["new_customers"].where(table["new_customers"] > 0)
    table["low"], table["high"] = (
        table["spend"] / ends[:, 1],
        table["spend"] / np.where(ends[:, 0] > 0, ends[:, 0], np.nan),
    )
    table = table.sort_values(["cost_each", "channel"], ignore_index=True)
    monthly = paid[paid["channel"].isin(table["channel"])].groupby("month", as_index=False).agg(
        spend=("spend", "sum"), won=("new_customers", "sum"))  # fmt: skip
    curve, refusal = _curve(monthly, seed)
    total, won = float(table["spend"].sum()), float(table["new_customers"].sum())
    each, (few, many) = total / won if won else np.nan, _poisson(won)
    cheap, dear = table.iloc[0], table.dropna(subset=["cost_each"]).iloc[-1]
    table["new_customers"] = table["new_customers"].round().astype("int64")
    return Answer(
        table=table,
        headline=f"A new customer costs {format_value(cheap.cost_each, 'currency')} by {cheap.channel}, {format_value(dear.cost_each, 'currency')} by {dear.channel}",
        so_what=(
            f"{format_value(each, 'currency')} on average over paid channels. "
            + (f"The months show no usable response curve: {refusal}. Average cost is no guide to the next unit of money: vary spend on purpose in "
               "some regions for two months before moving money." if curve is None else
               f"At {format_value(monthly['spend'].mean(), 'currency')} a month one more unit of money wins {curve.marginal(float(monthly['spend'].mean()))[0]:.4f} customers.")
        ),
        kind="diagnostic",
        caption="Spend per customer won by paid channel, last 12 months (95 % intervals of the count)",
        units={"spend": "currency", "new_customers": "count", "cost_each": "currency", "low": "currency", "high": "currency"},
        source="channel_spend",
        metrics=(Metric("acquisition_cost", each, total / many, total / few if few else None, int(won), "currency"),),
        extra={"curve": curve, "refusal": refusal, "cost_each": (each, total / many, total / few if few else np.nan),
               "month_spend": float(monthly["spend"].mean())},
    )  # fmt: skip


def _curve(monthly: pd.DataFrame, seed: int) -> tuple[CurveFit | None, str]:
    try:
        return fit_response_curve(
            monthly["spend"].astype(float), _deseasonalised(monthly), seed
        ), ""
    except ValueError as error:
        return None, str(error).split(";")[0].removeprefix(
            "the data do not identify a response curve: "
        )


def _acquisition_return(
    channels: Answer, new_value: tuple[float, float, float], budget: Any
) -> tuple[float, float, float, str]:
    """Margin of one more unit of money for winning customers, and what it rests on: the months, the plan, or an average."""
    value, low, high = new_value
    curve: CurveFit | None = channels["curve"]
    if curve is not None:
        point, below, above = curve.marginal(channels["month_spend"])
        return point * value, below * low, above * high, "at the margin, from the months of spend"
    if budget.acquisition_curve is not None:
        believed = _believed(budget.acquisition_curve, 1.0)
        point = float(believed.marginal(float(budget.acquisition)))
        return point * value, point * low, point * high, "at the margin, by the plan's curve"
    each, cheap, dear = channels["cost_each"]
    return value / each, low / dear, high / cheap, AVERAGE


def _believed(curve: Any, value: float) -> ResponseCurve:
    return ResponseCurve(curve.ceiling, curve.k, value, curve.prospects)


def _best_spend(budget: Any, channels: Answer | None, value: float) -> str:
    """Sentence on the yearly spend up to which the plan's curve pays (Blattberg and Deighton 1996)."""
    curve = budget.acquisition_curve
    if (
        curve is None
        or value <= 0
        or (isinstance(channels, Answer) and channels["curve"] is not None)
    ):
        return ""
    best = _believed(curve, value).spend_at(1.0)
    return (
        f" By the plan's curve winning pays up to {format_value(best, 'currency')} a year over the customers' lifetime; "
        f"{format_value(budget.acquisition, 'currency')} are planned."
    )


def _retention_return(plan: Answer) -> tuple[float, float, float, float]:
    """Believed margin per unit of money at the last step of the plan's frontier, with range; and the cost."""
    frontier, spent = plan["frontier"], float(plan["allocation"].spent)
    last = float(frontier["marginal"].iloc[-1]) + 1 if len(frontier) > 1 else np.nan
    total = plan.table[["expected_margin", "low", "high"]].sum()
    scale = last / total["expected_margin"] if total["expected_margin"] > 0 else np.nan
    return last, total["low"] * scale, total["high"] * scale, spent


def _new_value(
    values: pd.DataFrame, won: pd.Series, column: str = "expected_margin_12m"
) -> tuple[float, float, float]:
    new = values.loc[values["customer_id"].isin(won), column].astype(float)
    need(new.to_frame(), "customers won in the last 12 months with a value", ASK, rows=5)
    half = 1.96 * float(new.std()) / np.sqrt(len(new))
    return float(new.mean()), float(new.mean()) - half, float(new.mean()) + half


def _by_segment(
    purpose: str, money: float, weights: pd.Series, fixed: pd.Series, reasons: dict[str, str]
) -> pd.DataFrame:
    """Hand out money: first what is fixed, the rest by weight."""
    names = sorted(set(weights.index) | set(fixed.index))
    fixed, weights = (
        fixed.reindex(names).fillna(0.0),
        weights.reindex(names).fillna(0.0).clip(lower=0),
    )
    rest = max(money - float(fixed.sum()), 0.0)
    share = weights / weights.sum() if weights.sum() > 0 else pd.Series(1 / len(names), names)
    amount = fixed + rest * share
    return pd.DataFrame({
        "purpose": purpose, "segment": names, "amount": amount.to_numpy(float), "actions": fixed.to_numpy(float),
        "reason": [reasons.get(name, "") for name in names],
    })  # fmt: skip


@answers
def budget_split(
    budget: Any, values: pd.DataFrame, segments: pd.DataFrame, now: pd.DataFrame, channels: Answer | None = None,
    plan: Answer | None = None, strategies: pd.DataFrame | None = None,
) -> Answer:  # fmt: skip
    """Return how the budget is split between winning and keeping, and among segments, and why.

    Parameters
    ----------
    budget
        ``plan.budget``: total, acquisition, retention (currency); its ``acquisition_curve`` stands in where the months of
        spend show no response curve.
    values, segments
        Results of step 03.
    now
        Query ``customer_snapshot`` today: tenure_days tells who was won in the last 12 months.
    channels, plan, strategies
        From `acquisition_channels`, `next_best_action` and step 03, where they are there.

    Returns
    -------
    Answer
        Table purpose, segment, amount, low, high, actions (cost of this plan's contacts), reason. Extra ``returns``:
        purpose, marginal_return, low, high, basis.

    Notes
    -----
    The optimum is where the last unit of money brings the same in both (Blattberg and Deighton 1996). Money
    moves only when the intervals of those returns do not overlap; an average return says nothing about the last unit.
    ``low`` and ``high`` are the amounts if a tenth of a purpose's money moved to the other.
    """
    if budget is None:
        raise NotEnough(
            "the plan has no budget", "the budget for winning and for keeping customers"
        )
    won = now.loc[now["tenure_days"] < 365, "customer_id"]
    returns = _returns(channels, plan, values, won, budget)
    short, verdict = _verdict(returns)
    cost = (
        plan.table.groupby("segment")["cost"].sum()
        if isinstance(plan, Answer)
        else pd.Series(dtype=float)
    )
    worth = segments.merge(values, on="customer_id")
    need(worth, "customers with segment and value", "what step 03 needs")
    table = _amounts(budget, worth, strategies, won, cost)
    spent = float(cost.sum())
    return Answer(
        table=table,
        headline=f"{format_value(budget.acquisition, 'currency')} to win and {format_value(budget.retention, 'currency')} to keep: {short}",
        so_what=(
            f"{verdict}{_best_spend(budget, channels, _lifetime(worth, won))} This plan's contacts use {format_value(spent, 'currency')} of the retention money "
            f"({format_value(spent / budget.retention if budget.retention else 0, '%')}); the rest pays for initiatives and service, by value of the segment."
        ),
        kind="prescriptive",
        caption="Budget by purpose and segment; lines: a tenth moved between the purposes",
        units={"amount": "currency", "low": "currency", "high": "currency", "actions": "currency"},
        source="plan, channel_spend, customer value, next best action",
        extra={"returns": returns},
        metrics=tuple(
            Metric(f"{row.purpose.replace(' ', '_')}_return", row.marginal_return, row.low, row.high, None, "ratio", "prescriptive")
            for row in returns.dropna().itertuples()
        ),
    )  # fmt: skip


def _lifetime(worth: pd.DataFrame, won: pd.Series) -> float:
    """Mean lifetime value of the customers won in the last 12 months, 0 without any."""
    new = worth.loc[worth["customer_id"].isin(won), "clv"].astype(float)
    return float(new.mean()) if len(new) else 0.0


def _amounts(
    budget: Any, worth: pd.DataFrame, strategies: pd.DataFrame | None, won: pd.Series, cost: pd.Series,
) -> pd.DataFrame:  # fmt: skip
    """Amount by purpose and segment: new customers' value for winning, all value for keeping."""
    strategy = (
        strategies.set_index("segment")["strategy"]
        if isinstance(strategies, pd.DataFrame)
        else pd.Series(dtype="str")
    )
    worth = worth.assign(clv=worth["clv"].astype(float).clip(lower=0))
    reasons = {name: _reason(strategy.get(name)) for name in worth["segment"].unique()}
    into = worth[worth["segment"].map(lambda s: strategy.get(s, "develop") in SPENT_ON)]
    into = into if len(into) else worth
    new = into[into["customer_id"].isin(won)]
    gain, keep = (
        (part if len(part) else into).groupby("segment")["clv"].sum() for part in (new, into)
    )
    table = pd.concat([
        _by_segment("acquisition", float(budget.acquisition), gain, pd.Series(dtype=float), reasons),
        _by_segment("retention", float(budget.retention), keep, cost, reasons),
    ], ignore_index=True)  # fmt: skip
    other = table["purpose"].map(
        {"acquisition": float(budget.retention), "retention": float(budget.acquisition)}
    )
    own = table.groupby("purpose")["amount"].transform("sum")
    table["low"] = (1 - SHIFT) * table["amount"]
    table["high"] = table["amount"] * (1 + SHIFT * other / own.where(own > 0, np.inf))
    table = table[["purpose", "segment", "amount", "low", "high", "actions", "reason"]]
    return table.sort_values(
        ["amount", "purpose", "segment"], ascending=[False, True, True], ignore_index=True
    )


def _reason(strategy: str | None) -> str:
    if not isinstance(strategy, str):
        return "by value of the segment"
    if strategy in SPENT_ON:
        return f"strategy: {strategy}; share by expected value"
    return f"strategy: {strategy}; only what its actions cost"


def _returns(
    channels: Answer | None, plan: Answer | None, values: pd.DataFrame, won: pd.Series, budget: Any
) -> pd.DataFrame:
    rows = []
    if isinstance(channels, Answer):
        for purpose, column in (
            ("acquisition", "expected_margin_12m"),
            ("acquisition over the lifetime", "clv"),
        ):
            point, low, high, basis = _acquisition_return(
                channels, _new_value(values, won, column), budget
            )
            rows.append(
                {
                    "purpose": purpose,
                    "marginal_return": point,
                    "low": low,
                    "high": high,
                    "basis": basis,
                }
            )
    if isinstance(plan, Answer) and len(plan.table):
        point, low, high, _ = _retention_return(plan)
        rows.append(
            {
                "purpose": "retention",
                "marginal_return": point,
                "low": low,
                "high": high,
                "basis": "at the margin, believed",
            }
        )
    return pd.DataFrame(rows, columns=["purpose", "marginal_return", "low", "high", "basis"])


def _verdict(returns: pd.DataFrame) -> tuple[str, str]:
    """Keep, move or test, and why."""
    if not {"acquisition", "retention"} <= set(returns["purpose"]):
        return (
            "the plan's split stands",
            "Without response curves for both, there is no ground to move money; vary both on purpose next year.",
        )
    by = returns.set_index("purpose")
    a, r, life = by.loc["acquisition"], by.loc["retention"], by.loc["acquisition over the lifetime"]
    said = (
        f"Within a year a unit of money brings {a.marginal_return:.1f} of margin ({a.low:.1f} to {a.high:.1f}, {a.basis}) when spent on "
        f"winning (over the lifetime {life.marginal_return:.1f}) and {r.marginal_return:.1f} ({r.low:.1f} to {r.high:.1f}, {r.basis}) on keeping."
    )
    if a.basis == AVERAGE:
        return "keep and test", (
            f"{said} The first is an average, which says nothing about the last unit: keep the split and test a tenth of the "
            "acquisition money in two regions."
        )  # fmt: skip
    if a.low <= r.high and r.low <= a.high:
        return (
            "keep and test",
            f"{said} The intervals overlap: keep the split and test before moving money.",
        )
    better = "winning" if a.marginal_return > r.marginal_return else "keeping"
    return (
        f"move a tenth to {better}",
        f"{said} They do not overlap: move a tenth to {better} and look again after a quarter.",
    )
