"""Budget between winning and keeping customers, and among segments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from playbook.allocation import ResponseCurve
from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.crm.acquisition import planned_return
from playbook.crm.actions import frontier
from playbook.crm.channel_response import ChannelResponse
from playbook.errors import NotEnough

__all__ = ["budget_split"]

ASK = "spend per channel, purpose and month with the customers won"
SHIFT = 0.1
OVER = 0.1
"""Part beyond the spend that pays from which too much is planned."""
AVERAGE = "on average"
CHANNELS = "by the newcomers of the channels"
POOLED = "at the margin, from all channels together"
SPENT_ON = ("grow share", "develop", "appreciate", "win back")
"""Strategies into which new money goes; the others keep what their actions cost."""


def _acquisition_return(
    reading: ChannelResponse | None, channels: Answer, new_value: tuple[float, float, float], budget: Any, seed: int,
) -> tuple[float, float, float, str]:  # fmt: skip
    """Margin of the last unit of the plan's money for winning, and what it rests on: the channels, the plan, or an average."""
    if reading is not None:
        return *planned_return(reading, float(budget.acquisition), seed), POOLED
    value, low, high = new_value
    if budget.acquisition_curve is not None:
        believed = _believed(budget.acquisition_curve, 1.0)
        point = float(believed.marginal(float(budget.acquisition)))
        return point * value, point * low, point * high, "at the margin, by the plan's curve"
    each, cheap, dear = channels["cost_each"]
    return value / each, low / dear, high / cheap, AVERAGE


def _believed(curve: Any, value: float) -> ResponseCurve:
    return ResponseCurve(curve.ceiling, curve.k, value, curve.prospects)


def _best_spend(budget: Any, channels: Answer | None, value: float) -> str:
    """Sentence on the yearly spend up to which winning pays (Blattberg and Deighton 1996)."""
    reading: ChannelResponse | None = channels["reading"] if isinstance(channels, Answer) else None
    planned = f"{format_value(budget.acquisition, 'currency')} are planned."
    if reading is not None and isinstance(channels, Answer):
        last = format_value(float(reading.usual.sum()), "currency")
        whole = channels["lifetime"]
        life = f", within their lifetime {_pays_up_to(whole)}" if whole is not None else ""
        return (
            f" Customers won pay back within a year {_pays_up_to(reading)} a year for all channels{life}; "
            f"{last} was spent in the last 12 months, {planned}{_too_much(whole, budget)}"
        )
    if budget.acquisition_curve is None or value <= 0:
        return ""
    best = _believed(budget.acquisition_curve, value).spend_at(1.0)
    return f" By the plan's curve winning pays up to {format_value(best, 'currency')} a year over the customers' lifetime; {planned}"


def _too_much(whole: ChannelResponse | None, budget: Any) -> str:
    """A warning where more is planned than comes back within the customers' lifetime, as far as the months tell."""
    if whole is None:
        return ""
    least, most = whole.seen()
    best = float(whole.spend(1.0, least, most).sum())
    more = min(float(budget.acquisition), float(most.sum())) - best
    if not more > OVER * best:
        return ""
    return f" At least {format_value(more, 'currency')} of that would not come back."


def _pays_up_to(reading: ChannelResponse) -> str:
    """The spend of all channels at which the last unit brings back itself, as far as the months tell."""
    least, most = reading.seen()
    best = reading.spend(1.0, least, most)
    beyond = " and more" if float(best.sum()) > 0.99 * float(most.sum()) else ""
    return f"up to {format_value(float(best.sum()), 'currency')}{beyond}"


def _retention_return(plan: Answer) -> tuple[float, float, float, float]:
    """Believed margin per unit of money at the last step of the plan's frontier, with range; and the cost."""
    steps, spent = frontier(plan, (0.75,)), float(plan["allocation"].spent)
    last = float(steps["marginal"].iloc[-1]) + 1 if len(steps) > 1 else np.nan
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
    plan: Answer | None = None, strategies: pd.DataFrame | None = None, *, seed: int,
) -> Answer:  # fmt: skip
    """Return how the budget is split between winning and keeping, and among segments, and why.

    Parameters
    ----------
    budget
        ``plan.budget``: total, acquisition, retention (currency); its ``acquisition_curve`` stands in where the months of
        spend do not tell how customers won answer to it.
    values, segments
        Results of step 03.
    now
        Query ``customer_snapshot`` today: tenure_days tells who was won in the last 12 months.
    channels, plan, strategies
        From `acquisition_channels`, `next_best_action` and step 03, where they are there.
    seed
        Of the draws of what is not known for certain about channels.

    Returns
    -------
    Answer
        Table purpose, segment, amount, low, high, actions (cost of this plan's contacts), reason. Extra ``returns``:
        purpose, marginal_return, low, high, basis.

    Notes
    -----
    The optimum is where the last unit of money brings the same in both (Blattberg and Deighton 1996). The last unit of
    the plan's money for winning is that of all channels where it is placed best. Money moves only when the intervals of
    those returns do not overlap; an average return says nothing about the last unit. Money for winning falls on segments by
    the channels' newcomers where they are known, else by the value of those won, in segments that the strategy invests in.
    ``low`` and ``high`` are the amounts if a tenth of a purpose's money moved to the other.
    """
    if budget is None:
        raise NotEnough(
            "the plan has no budget", "the budget for winning and for keeping customers"
        )
    won = now.loc[now["tenure_days"] < 365, "customer_id"]
    returns = _returns(channels, plan, values, won, budget, seed)
    short, verdict = _verdict(returns)
    cost = (
        plan.table.groupby("segment")["cost"].sum()
        if isinstance(plan, Answer)
        else pd.Series(dtype=float)
    )
    worth = segments.merge(values, on="customer_id")
    need(worth, "customers with segment and value", "what step 03 needs")
    table = _amounts(budget, worth, strategies, won, cost, _through_channels(channels, budget))
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
    budget: Any, worth: pd.DataFrame, strategies: pd.DataFrame | None, won: pd.Series, cost: pd.Series, through: pd.Series | None,
) -> pd.DataFrame:  # fmt: skip
    """Amount by purpose and segment: where the channels' newcomers belong or new customers' value for winning, all value for keeping."""
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
    to_win = reasons if through is None else dict.fromkeys(through.index, CHANNELS)
    table = pd.concat([
        _by_segment("acquisition", float(budget.acquisition), gain if through is None else through, pd.Series(dtype=float), to_win),
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


def _through_channels(channels: Answer | None, budget: Any) -> pd.Series | None:
    """Share of the money for winning by segment: the plan's spend by channel times the segments of its newcomers' margin."""
    if not isinstance(channels, Answer) or channels["reading"] is None or channels["mix"].empty:
        return None
    reading, mix = channels["reading"], channels["mix"]
    spend, _ = reading.spend_of(float(budget.acquisition), *reading.seen())
    share = mix.mul(spend.reindex(mix.index).fillna(0.0), axis=0).sum()
    return share[share > 0] / share.sum() if share.sum() > 0 else None


def _reason(strategy: str | None) -> str:
    if not isinstance(strategy, str):
        return "by value of the segment"
    if strategy in SPENT_ON:
        return f"strategy: {strategy}; share by expected value"
    return f"strategy: {strategy}; only what its actions cost"


def _returns(
    channels: Answer | None, plan: Answer | None, values: pd.DataFrame, won: pd.Series, budget: Any, seed: int
) -> pd.DataFrame:  # fmt: skip
    rows = []
    for purpose, column, name in (
        ("acquisition", "expected_margin_12m", "reading"), ("acquisition over the lifetime", "clv", "lifetime"),
    ):  # fmt: skip
        if not isinstance(channels, Answer) or (
            channels["reading"] is not None and channels[name] is None
        ):
            continue  # fmt: skip
        reading = channels[name]
        worth = (np.nan,) * 3 if reading is not None else _new_value(values, won, column)
        point, low, high, basis = _acquisition_return(reading, channels, worth, budget, seed)
        rows.append(
            {"purpose": purpose, "marginal_return": point, "low": low, "high": high, "basis": basis}
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
    a, r = by.loc["acquisition"], by.loc["retention"]
    life = by["marginal_return"].get("acquisition over the lifetime")
    longer = "" if life is None else f" (over the lifetime {life:.1f})"
    said = (
        f"Within a year a unit of money brings {a.marginal_return:.1f} of margin ({a.low:.1f} to {a.high:.1f}, {a.basis}) when spent on "
        f"winning{longer} and {r.marginal_return:.1f} ({r.low:.1f} to {r.high:.1f}, {r.basis}) on keeping."
    ).replace("-", "−")
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
