"""What winning customers costs by channel, what the next unit of money brings there, and where it should go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.crm.channel_response import ChannelResponse, channel_response
from playbook.crm.newcomers import newcomer_values
from playbook.errors import NotEnough

__all__ = ["NEWCOMER_DAYS", "acquisition_channels", "channel_plan", "newcomers_since"]

ASK = "spend per channel, purpose and month with the customers won"
NEWCOMER_DAYS = 365
"""Days from being won whose margin counts: what a customer brings within a year."""
ENDS = [0.025, 0.975]
SURE = 0.99
FLAT = 0.02
"""Change of a channel's spend below which it stays as it is."""


def newcomers_since(span: pd.DataFrame) -> pd.Timestamp:
    """Return the first day of the month in which the orders begin (query ``order_history_span``)."""
    if span.empty or pd.isna(span["first_day"].iloc[0]):
        return pd.Timestamp(1900, 1, 1)  # no orders: nobody was won
    return pd.Timestamp(span["first_day"].iloc[0]).replace(day=1)


def _poisson(count: float) -> tuple[float, float]:
    """Exact 95 % interval of a count (Garwood 1936)."""
    low = float(chi2.ppf(0.025, 2 * count) / 2) if count > 0 else 0.0
    return low, float(chi2.ppf(0.975, 2 * (count + 1)) / 2)


def _costs(paid: pd.DataFrame) -> pd.DataFrame:
    """Cost of a customer won by channel in the last 12 months, with the 95 % interval of the count."""
    last = paid["month"].max() - pd.DateOffset(months=11)
    table = paid[paid["month"] >= last].groupby("channel", as_index=False).agg(
        spend=("spend", "sum"), new_customers=("new_customers", "sum"))  # fmt: skip
    table = table.astype({"spend": float}).fillna({"new_customers": 0})
    table = table[table["spend"] > 0].astype({"new_customers": float})
    need(table, "channels with spend in the last 12 months", ASK)
    ends = np.array([_poisson(n) for n in table["new_customers"]])
    table["cost_each"] = table["spend"] / table["new_customers"].where(table["new_customers"] > 0)
    table["low"] = table["spend"] / ends[:, 1]
    table["high"] = table["spend"] / np.where(ends[:, 0] > 0, ends[:, 0], np.nan)
    return table.sort_values(["cost_each", "channel"], ignore_index=True)


def _read(
    spend: pd.DataFrame, newcomers: pd.DataFrame | None, segments: pd.DataFrame | None
) -> tuple[ChannelResponse | None, str]:
    """The pooled reading, or why there is none."""
    if newcomers is None:
        return None, "the margin of the customers won is not known"
    try:
        return channel_response(spend, newcomers, segments), ""
    except NotEnough as error:
        return None, error.reason


@answers
def acquisition_channels(
    spend: pd.DataFrame, newcomers: pd.DataFrame | None = None, segments: pd.DataFrame | None = None,
    values: pd.DataFrame | None = None,
) -> Answer:  # fmt: skip
    """Return what a new customer costs and brings by channel, and how customers won answer to spend over all channels together.

    Parameters
    ----------
    spend
        Table ``channel_spend``: month, channel, purpose, spend (currency), new_customers.
    newcomers
        Query ``newcomer_margins`` of the first `NEWCOMER_DAYS` days; without it only costs are told.
    segments, values
        Results of step 03, where they are there.

    Returns
    -------
    Answer
        Table channel, spend, new_customers, cost_each, low, high (Poisson, 95 %) of the last 12 months; first_year, year_low,
        year_high (margin of a customer won in the first year, 95 %). Extra ``reading`` (`ChannelResponse`, or none) and
        ``refusal`` (why there is none); ``lifetime``, the same with the margin of the first year and all that is still
        expected; ``mix``, channel × segment shares of the newcomers' margin; ``cost_each``, all channels.

    Notes
    -----
    A channel's own months are too few to show a curve, and its cost a customer says nothing about the next unit of money.
    All channels together do: one elasticity (`allocation.fit_elasticity`). What a channel's newcomers bring leans on their mix of
    segments (`newcomer_values`).
    """
    paid = spend[(spend["purpose"] == "acquisition")]
    need(paid, "spend on winning customers", ASK)
    table = _costs(paid)
    reading, refusal = _read(spend, newcomers, segments)
    columns = {"value": "first_year", "low": "year_low", "high": "year_high"}
    own = pd.DataFrame(columns=["channel", *columns]) if reading is None else reading.values
    own = own.rename(columns=columns)[["channel", *columns.values()]]
    table = table.merge(own.astype(dict.fromkeys(columns.values(), float)), on="channel", how="left")  # fmt: skip
    total, won = float(table["spend"].sum()), float(table["new_customers"].sum())
    each, (few, many) = total / won if won else np.nan, _poisson(won)
    costs = (each, total / many, total / few if few else np.nan)
    table["new_customers"] = table["new_customers"].round().astype("int64")
    dear = table.dropna(subset=["cost_each"])
    cheap, dear = table.iloc[0], (dear if len(dear) else table).iloc[-1]
    measured = () if reading is None else (
        Metric("acquisition_elasticity", reading.response.elasticity, reading.response.low, reading.response.high, reading.response.n, "ratio", "diagnostic"),
    )  # fmt: skip
    return Answer(
        table=table,
        headline=f"A new customer costs {format_value(cheap.cost_each, 'currency')} by {cheap.channel}, {format_value(dear.cost_each, 'currency')} by {dear.channel}",
        so_what=f"{format_value(each, 'currency')} on average over paid channels. " + _answer_to_spend(reading, refusal),
        kind="diagnostic",
        caption="Spend per customer won by paid channel, last 12 months (95 % intervals of the count), and margin of one in its first year (95 %)",
        units=dict.fromkeys(["spend", "cost_each", "low", "high", "first_year", "year_low", "year_high"], "currency") | {"new_customers": "count"},
        source="channel_spend, customers, orders, segments",
        metrics=(Metric("acquisition_cost", each, costs[1], costs[2] if few else None, int(won), "currency"), *measured),
        extra={
            "reading": reading, "refusal": refusal, "lifetime": _lifetime(reading, newcomers, segments, values),
            "mix": _mix(newcomers, segments), "cost_each": costs,
        },
    )  # fmt: skip


def _answer_to_spend(reading: ChannelResponse | None, refusal: str) -> str:
    if reading is None:
        return (
            f"How customers won answer to more spend is not known: {refusal}. Average cost is no guide to the next unit of money: vary "
            "spend on purpose in some regions for two months before moving money."
        )
    found = reading.response
    several = len(found.channels) > 1
    return (
        f"{'Over all channels together ' if several else ''}10 % more spend wins {100 * (1.1**found.elasticity - 1):.1f} % more customers "
        f"({100 * (1.1**found.low - 1):.1f} to {100 * (1.1**found.high - 1):.1f} %; {found.n:,} channel months), so the next customer costs "
        f"{1 / found.elasticity:.1f} times what one costs on average. {found.held} taken out; spend that followed demand in "
        "other ways would flatter the figure."
    )


def _lifetime(
    reading: ChannelResponse | None, newcomers: pd.DataFrame | None, segments: pd.DataFrame | None, values: pd.DataFrame | None,
) -> ChannelResponse | None:  # fmt: skip
    """The reading with the margin of the first year and all that is expected after, of those whose first year just ended."""
    if reading is None or newcomers is None or values is None:
        return None
    day = pd.to_datetime(newcomers["won_on"])
    recent = newcomers[day > day.max() - pd.Timedelta(days=NEWCOMER_DAYS)]
    still = recent["customer_id"].map(values.set_index("customer_id")["clv"].astype(float)).fillna(0)  # fmt: skip
    whole = recent.assign(margin=recent["margin"].astype(float) + still)
    try:
        return replace(reading, values=newcomer_values(whole, segments))
    except NotEnough:
        return None


def _mix(newcomers: pd.DataFrame | None, segments: pd.DataFrame | None) -> pd.DataFrame:
    """Channel × segment: share of the newcomers' margin."""
    if newcomers is None or segments is None or newcomers.empty:
        return pd.DataFrame()
    placed = newcomers.merge(segments[["customer_id", "segment"]], on="customer_id")
    sums = placed.assign(margin=placed["margin"].astype(float).clip(lower=0)).pivot_table(
        index="channel", columns="segment", values="margin", aggfunc="sum", fill_value=0.0
    )  # fmt: skip
    return sums[sums.sum(axis=1) > 0].pipe(lambda t: t.div(t.sum(axis=1), axis=0))


@answers
def channel_plan(channels: Answer, budget: Any, seed: int) -> Answer:
    """Return from what to what spend each channel should go, what that brings, and how sure that is.

    Parameters
    ----------
    channels
        From `acquisition_channels`.
    budget
        ``plan.budget``, if the plan has one: its yearly money for winning customers.
    seed
        Of the draws of what is not known for certain: elasticity, customers won, margin of one.

    Returns
    -------
    Answer
        Table channel, spend (last 12 months), marginal_return, low, high (margin within a year of one more unit of money now,
        95 %), at_same_money (spend at equal marginal return, as much in all), brings, brings_low, brings_high (margin within a year
        more than now, 95 %), at_planned_money (spend at equal marginal return of the plan's money). Extra ``total`` (gain of the same
        money: point, low, high, probability above zero), ``unplaced`` (money of the plan beyond what the months tell of).

    Notes
    -----
    Equal marginal return (Dorfman & Steiner 1954), within the smallest and largest month that each channel has seen: beyond
    them nothing is known. Choosing the best of estimates flatters them a little; the values are shrunken for that reason.
    """
    reading: ChannelResponse | None = channels["reading"]
    if reading is None:
        raise NotEnough(
            channels["refusal"], "spend varied on purpose between channels and months, and the channel by which each customer was won"
        )  # fmt: skip
    now, (least, most) = reading.usual, reading.seen()
    best, _ = reading.spend_of(float(now.sum()), least, most)
    planned, unplaced, money = None, 0.0, float(budget.acquisition) if budget else None
    if money:
        planned, _ = reading.spend_of(money, least, most)
        unplaced = max(money - float(planned.sum()), 0.0)
    table = _moves(reading, now, best, planned, seed)
    draws = np.nansum(reading.drawn_gain(best, seed), axis=1)
    low, high = np.quantile(draws, ENDS)
    total = (float(reading.gain(best).sum()), float(low), float(high), float((draws > 0).mean()))
    return Answer(
        table=table,
        headline=_headline(table),
        so_what=_so_what(table, total, money, unplaced) + _further(reading, best, most),
        kind="prescriptive",
        caption=(
            f"Margin within a year that one more unit of money brings by channel at the spend of the last 12 months (95 %), and spend at equal "
            f"marginal return (n = {reading.response.n:,} channel months, {int(reading.values['customers'].sum()):,} customers won)"
        ),
        units={"marginal_return": "ratio", "low": "ratio", "high": "ratio"}
        | dict.fromkeys(["spend", "at_same_money", "brings", "brings_low", "brings_high", "at_planned_money"], "currency"),
        source="channel_spend, customers, orders, segments; one elasticity over all channels",
        metrics=(Metric("channel_plan_gain", *total[:3], reading.response.n, "currency", "prescriptive"),),
        extra={"total": total, "unplaced": unplaced},
    )  # fmt: skip


def _moves(
    reading: ChannelResponse, now: pd.Series, best: pd.Series, planned: pd.Series | None, seed: int
) -> pd.DataFrame:
    last, gains = reading.drawn_marginal(now, seed), reading.drawn_gain(best, seed)
    table = pd.DataFrame({
        "spend": now, "marginal_return": reading.marginal(now), "low": np.quantile(last, ENDS[0], axis=0), "high": np.quantile(last, ENDS[1], axis=0),
        "at_same_money": best, "brings": reading.gain(best), "brings_low": np.quantile(gains, ENDS[0], axis=0), "brings_high": np.quantile(gains, ENDS[1], axis=0),
        "at_planned_money": np.nan if planned is None else planned,
    })  # fmt: skip
    still = (table["at_same_money"] / table["spend"] - 1).abs() < FLAT
    table.loc[still, "at_same_money"] = table["spend"]
    return table.rename_axis("channel").reset_index().sort_values(
        ["marginal_return", "channel"], ascending=[False, True], ignore_index=True)  # fmt: skip


def _headline(table: pd.DataFrame) -> str:
    known = table.dropna(subset=["marginal_return"])
    first, last = known.iloc[0], known.iloc[-1]
    if len(known) == 1:
        return f"One more unit of money for {first.channel} brings {first.marginal_return:.1f} of margin in a year"
    return f"The next unit of money brings {first.marginal_return:.1f} in a year by {first.channel}, {last.marginal_return:.1f} by {last.channel}"


def _so_what(
    table: pd.DataFrame, total: tuple[float, float, float, float], money: float | None, unplaced: float,
) -> str:  # fmt: skip
    moved = table.assign(change=table["at_same_money"] - table["spend"])
    up = moved[moved["change"] > 0].nlargest(2, "change")
    down = moved[moved["change"] < 0].nsmallest(2, "change")
    amount = float(moved["change"].clip(lower=0).sum())
    if len(up) == 0 or len(down) == 0:
        said = "With the same money the channels stay as they are."
    else:
        sure = "above 99 %" if total[3] > SURE else format_value(total[3], "%")
        said = (
            f"With the same money move {format_value(amount, 'currency')}, most of it from {_named(down)} to {_named(up)}: "
            f"{format_value(total[0], 'currency')} more margin within a year ({format_value(total[1], 'currency')} to "
            f"{format_value(total[2], 'currency')}; chance that it is a gain {sure}). Look again after a quarter."
        )
    if unplaced > 0.01 * (money or 0):
        said += (
            f" Of the plan's {format_value(money, 'currency')} the months tell where to put {format_value((money or 0) - unplaced, 'currency')}; "
            f"the other {format_value(unplaced, 'currency')} would go beyond any spend seen so far."
        )
    return said


def _further(reading: ChannelResponse, best: pd.Series, most: pd.Series) -> str:
    """Channels that stop at the largest spend seen although their last unit still brings more than itself."""
    back = reading.marginal(best)
    held = back[(best > most * 0.999) & (back > 1)].sort_values(ascending=False)
    if held.empty:
        return ""
    named = " and ".join(f"{name} ({value:.1f})" for name, value in held.head(2).items())
    stop = "stops at its largest month" if len(held) == 1 else "stop at their largest month"
    return f" {named} {stop}; what the last unit brings there (in brackets) is still more than it costs: go on in steps."


def _named(rows: pd.DataFrame) -> str:
    return " and ".join(f"{r.channel} ({r.spend:,.0f} to {r.at_same_money:,.0f})" for r in rows.itertuples())  # fmt: skip


def planned_return(reading: ChannelResponse, money: float, seed: int) -> tuple[float, float, float]:
    """Return the margin that the last unit of the plan's money brings where it is placed best, with 95 % interval."""
    least, most = reading.seen()
    spend, _ = reading.spend_of(money, least, most)
    inner = ((spend > least * 1.001) & (spend < most * 0.999) & reading.marginal(spend).notna()).to_numpy()  # fmt: skip
    inner = inner if inner.any() else reading.marginal(spend).notna().to_numpy()
    weight = spend.to_numpy(float) * inner
    weight = weight / weight.sum()
    draws = np.nan_to_num(reading.drawn_marginal(spend, seed)) @ weight
    low, high = np.quantile(draws, ENDS)
    point = float(np.nan_to_num(reading.marginal(spend).to_numpy(float)) @ weight)
    return point, float(low), float(high)
