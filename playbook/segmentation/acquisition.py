"""What a new customer may cost: the value of those won lately, by channel, against what was paid."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, NotEnough, answers, format_value, need
from playbook.segmentation.money import BASIS
from playbook.stats import mean_interval

__all__ = ["acquisition_ceiling"]

YEAR = 365
LEAST = 20


@answers
def acquisition_ceiling(
    customers: pd.DataFrame,
    values: pd.DataFrame,
    spend: pd.DataFrame,
    hurdle_rate: float,
    basis: str = "margin",
) -> Answer:
    """Return the most that may be paid for a new customer in each channel, beside what is paid.

    The value of a new customer is what those won in the last 12 months have contributed so far plus their
    lifetime value. The ceiling is that value divided by one plus the hurdle rate; its interval is that of the mean.

    Parameters
    ----------
    customers
        Frame of `add_contribution` (``acquisition_channel``, ``days_since_first_order``, ``tenure_days``).
    values
        Result ``customer_value``.
    spend
        Table ``channel_spend`` of the last 12 months; may be empty.
    hurdle_rate
        Return that money must bring (0.15 is 15 %).
    basis
        What value is measured in (a text of `money.BASIS`): for revenue there is no ceiling, as what is left of it is not known.
    """
    if basis == BASIS["revenue"]:
        raise NotEnough(
            "what a new customer may cost: value is known as revenue only",
            "the cost of goods, or a margin rate in engagement.yml",
        )
    joined = customers.merge(values[["customer_id", "clv"]], on="customer_id")
    first = joined["days_since_first_order"].astype("Float64")
    age = joined["tenure_days"].astype("Float64").fillna(first).to_numpy(float, na_value=np.inf)
    won = joined[(age < YEAR)].copy()
    need(won, "customers won in 12 months", "the day each customer was won", rows=LEAST)
    won["worth"] = won["contribution_12m"].astype(float) + won["clv"].astype(float)
    won["channel"] = won["acquisition_channel"].astype("object").where(won["acquisition_channel"].notna(), "not known")  # fmt: skip
    cost = _paid(spend)
    rows = [_row("All channels", won, _all(cost), hurdle_rate)]
    parts = sorted(won.groupby("channel"), key=lambda item: str(item[0]))
    rows += [_row(str(name), part, cost.get(str(name), np.nan), hurdle_rate) for name, part in parts if len(part) >= LEAST]  # fmt: skip
    table = pd.DataFrame(rows)
    table = pd.concat([table.iloc[:1], table.iloc[1:].sort_values(["ceiling", "channel"], ascending=[False, True])], ignore_index=True)  # fmt: skip
    whole = table.iloc[0]
    dear = table[table["verdict"] == "too dear"]["channel"].tolist()
    room = table[(table["verdict"] == "room")]["channel"].tolist()
    return Answer(
        table=table,
        headline=f"A new customer may cost up to {format_value(max(whole['ceiling'], 0.0), 'currency')}" + (f"; {format_value(whole['paid'], 'currency')} was paid" if np.isfinite(whole["paid"]) else ""),
        so_what=_words(whole, dear, room),
        kind="predictive",
        caption=f"Value of customers won in 12 months ({basis} so far and to come), and what one may cost for a return of {format_value(hurdle_rate, '%')} (n = {len(won):,}; 95 % interval of the mean)",
        units={"won": "count", "value": "currency", "ceiling": "currency", "low": "currency", "high": "currency", "paid": "currency"},
        source="orders, lifetime value, channel spend; who a channel brings is described, what more money would bring is not",
        metrics=(Metric("acquisition_ceiling", float(whole["ceiling"]), float(whole["low"]), float(whole["high"]), len(won), "currency", "predictive"),),
    )  # fmt: skip


def _row(name: str, part: pd.DataFrame, paid: float, hurdle: float) -> dict[str, object]:
    found = mean_interval(part["worth"])
    ceiling, low, high = (float(v) / (1 + hurdle) for v in (found.value, found.low, found.high))
    if not np.isfinite(paid):
        verdict = "cost not known"
    elif paid > high:
        verdict = "too dear"
    elif paid < low:
        verdict = "room"
    else:
        verdict = "about right"
    return {"channel": name, "won": len(part), "value": float(found.value), "ceiling": ceiling, "low": low, "high": high, "paid": paid, "verdict": verdict}  # fmt: skip


def _paid(spend: pd.DataFrame) -> dict[str, float]:
    """Return spend per customer won of each channel (and of all, under the empty name)."""
    if spend.empty:
        return {}
    paid = spend[(spend["purpose"] == "acquisition") & spend["new_customers"].notna()]
    sums = paid.groupby("channel")[["spend", "new_customers"]].sum().astype(float)
    sums.loc[""] = sums.sum()
    sums = sums[sums["new_customers"] > 0]
    return {str(name): float(v) for name, v in (sums["spend"] / sums["new_customers"]).items()}


def _all(cost: dict[str, float]) -> float:
    return cost.get("", np.nan)


def _words(whole: pd.Series, dear: list[str], room: list[str]) -> str:
    if whole["ceiling"] <= 0:
        return (
            "New customers bring no margin: stop paying for them until prices or costs are mended."
        )
    said = f"The ceiling is {format_value(whole['low'], 'currency')} to {format_value(whole['high'], 'currency')} by chance. "
    named = [c for c in dear if c != "All channels"], [c for c in room if c != "All channels"]
    if named[0]:
        said += f"Dearer than their customers are worth: {', '.join(named[0])}. "
    if named[1]:
        said += f"Below the ceiling: {', '.join(named[1])}; the next customer costs more than the mean, so raise spend in steps and watch the cost. "
    if not np.isfinite(whole["paid"]):
        said += "What was paid is not known: ask for spend and customers won by channel and month. "
    return said.strip()
