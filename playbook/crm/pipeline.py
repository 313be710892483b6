"""The sales pipeline from its history of stages: conversion, time, win rates, forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

import numpy as np
import pandas as pd
from scipy.stats import beta

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.clv import fit_kaplan_meier
from playbook.stats import wilson

__all__ = ["pipeline_forecast", "stage_conversion", "win_rates"]

PRIOR_DEALS = 10.0  # closed deals that the rate of the whole stage counts for
DRAWS = 4000
GRID = 200  # levels of the beta distribution that a stage's error is drawn from
SLOW = 0.75  # a deal is slow when three in four left the stage earlier
ASK = "opportunities with the history of their stages"


@dataclass(frozen=True)
class _Spells:
    """Stays of deals in stages, and the names of the stages.

    ``spells``: opportunity_id, stage, entered, left (none while there), days, next_stage, won (of the
    deal; none while open). ``stages`` in order of the sale.
    """

    spells: pd.DataFrame
    stages: list[str]
    lost: frozenset[str]


def _spells(history: pd.DataFrame, opportunities: pd.DataFrame, as_of: date) -> _Spells:
    need(history, "changes of stage", ASK)
    need(opportunities, "sales opportunities", ASK)
    until = datetime.combine(as_of, time(23, 59, 59))
    moves = history[history["changed_at"] <= until]
    moves = moves.sort_values(["opportunity_id", "changed_at", "to_stage"], ignore_index=True)
    deals = opportunities.set_index("opportunity_id")
    future = deals["closed_at"] > until  # closed on a day that has not come: still open
    deals = deals.assign(
        is_won=deals["is_won"].mask(future), closed_at=deals["closed_at"].mask(future)
    )
    moves = moves[moves["opportunity_id"].isin(deals.index)].reset_index(drop=True)
    after = moves.groupby("opportunity_id")
    moves["left"] = after["changed_at"].shift(-1)
    moves["next_stage"] = after["to_stage"].shift(-1)
    moves["place"] = after.cumcount()
    moves["won"] = moves["opportunity_id"].map(deals["is_won"].astype("float64"))
    moves["closed_at"] = moves["opportunity_id"].map(deals["closed_at"])
    ends = _ends(moves)
    last = moves[moves["next_stage"].isna() & moves["won"].notna()]
    lost = frozenset(ends & set(last.loc[last["won"] == 0, "to_stage"]))
    spells = moves[~moves["to_stage"].isin(ends)].rename(
        columns={"to_stage": "stage", "changed_at": "entered"}
    )
    need(spells, "stays of deals in a stage", ASK)
    spells["left"] = spells["left"].fillna(spells["closed_at"])
    spells["days"] = (
        (spells["left"].fillna(until) - spells["entered"]).dt.total_seconds() / 86_400
    ).clip(lower=0)
    order = spells.groupby("stage")["place"].mean().round(6).reset_index()
    stages = order.sort_values(["place", "stage"])["stage"].tolist()
    return _Spells(spells.reset_index(drop=True), stages, lost)


def _ends(moves: pd.DataFrame) -> set[str]:
    """Stages in which deals are closed, by whatever name: entered on the closing day and rarely left again.

    A lost deal that is taken up again leaves such a stage. A system that writes no move at closing
    leaves its deals in the last stage of the sale, entered long before they closed.
    """
    closed = moves[moves["won"].notna()]
    last = closed[closed["next_stage"].isna()]
    wait = (last["closed_at"] - last["changed_at"]).dt.total_seconds().abs() / 86_400
    days = wait.groupby(last["to_stage"]).median()
    left = closed["next_stage"].notna().groupby(closed["to_stage"]).mean()
    known = days.reindex(last["to_stage"].unique())
    return {
        stage for stage, waited in known.items()
        if left[stage] < 0.5 and not waited > 1
    }  # fmt: skip


def _time_in_stage(days: pd.Series, left: pd.Series) -> tuple[float, float]:
    """Median days and their 75 % quantile, deals still there censored."""
    if not left.any():
        return np.nan, np.nan
    curve = fit_kaplan_meier(days, left)
    return curve.quantile(0.5), curve.quantile(SLOW)


@answers
def stage_conversion(history: pd.DataFrame, opportunities: pd.DataFrame, as_of: date) -> Answer:
    """Return for each stage how many deals moved on, how many were lost, and how long they stayed.

    Parameters
    ----------
    history
        Table ``opportunity_history``.
    opportunities
        Table ``opportunities``; closed ones carry ``is_won``.
    as_of
        Last day of the period; deals still in a stage are censored there (Kaplan and Meier 1958).

    Returns
    -------
    Answer
        Table stage, entered, moved_on, lost, still_there, conversion, low, high (Wilson, of deals that
        left), median_days, slow_after_days (three in four have left).
    """
    known = _spells(history, opportunities, as_of)
    rows = []
    for stage in known.stages:
        part = known.spells[known.spells["stage"] == stage]
        gone = part["left"].notna()
        lost = int((part["next_stage"].isin(known.lost) | (gone & part["next_stage"].isna()
                    & (part["won"] == 0))).sum())  # fmt: skip
        left = int(gone.sum())
        share = wilson(left - lost, left) if left else None
        median, slow = _time_in_stage(part["days"], gone)
        rows.append({
            "stage": stage, "entered": len(part), "moved_on": left - lost, "lost": lost,
            "still_there": len(part) - left, "conversion": share.value if share else np.nan,
            "low": share.low if share else np.nan, "high": share.high if share else np.nan,
            "median_days": median, "slow_after_days": slow,
        })  # fmt: skip
    table = pd.DataFrame(rows)
    need(table.dropna(subset=["conversion"]), "stages that deals have left", ASK)
    weakest = table.loc[table["conversion"].idxmin()]
    slowest = table.loc[table["median_days"].fillna(-1).idxmax()]
    return Answer(
        table=table,
        headline=f"Most deals are lost at '{weakest.stage}': {format_value(1 - weakest.conversion, '%')} end there",
        so_what=(
            f"Of {weakest.moved_on + weakest.lost:,.0f} deals that left '{weakest.stage}', {weakest.lost:,.0f} were lost "
            f"(conversion {format_value(weakest.low, '%')} to {format_value(weakest.high, '%')}). Half of the deals stay "
            f"{format_value(slowest.median_days, 'days')} days or longer at '{slowest.stage}'. Agree what must be known before a deal "
            f"may enter the stage after '{weakest.stage}', and look at every deal older than the last column."
        ),
        kind="descriptive",
        caption=f"Deals by stage from the history of changes (n = {known.spells['opportunity_id'].nunique():,} deals); open ones censored at {as_of}",
        units={
            "entered": "count",
            "moved_on": "count",
            "lost": "count",
            "still_there": "count",
            "conversion": "%",
            "low": "%",
            "high": "%",
            "median_days": "days",
            "slow_after_days": "days",
        },
        source="opportunity_history, opportunities; Kaplan-Meier for time in stage",
    )


def _shrunken(wins: pd.Series, n: pd.Series) -> pd.DataFrame:
    """Beta-binomial rates pulled towards the common rate by moments (Kleinman 1973)."""
    total = float(n.sum())
    rate = float(wins.sum()) / total
    spread = rate * (1 - rate)
    between = float((n * (wins / n - rate) ** 2).sum()) - (len(n) - 1) * spread
    scale = total - float((n**2).sum()) / total
    variance = max(between / scale, 0.0) if scale > 0 else 0.0
    strength = float(np.clip(spread / variance - 1, 2, 1000)) if variance > 0 else 1000.0
    a, b = wins + strength * rate, n - wins + strength * (1 - rate)
    return pd.DataFrame({
        "shrunken": a / (a + b), "low": beta.ppf(0.025, a, b), "high": beta.ppf(0.975, a, b),
    })  # fmt: skip


@answers
def win_rates(opportunities: pd.DataFrame) -> Answer:
    """Return the share of closed deals won by source, owner and competitor, pulled towards the mean.

    Parameters
    ----------
    opportunities
        Table ``opportunities``: source, owner, competitor, is_won.

    Returns
    -------
    Answer
        Table by, name, closed, win_rate (raw), shrunken, low, high (beta-binomial, 95 %).
    """
    closed = opportunities[opportunities["is_won"].notna()]
    need(closed, "closed deals", ASK, rows=20)
    won = closed["is_won"].astype(bool)
    parts = []
    for column in ("source", "owner", "competitor"):
        names = closed[column].fillna("none named")
        counts = won.groupby(names).agg(["sum", "count"])
        counts = counts[counts["count"] >= 5]
        if len(counts) < 2:
            continue
        rates = _shrunken(counts["sum"].astype(float), counts["count"].astype(float))
        rates.insert(0, "win_rate", counts["sum"] / counts["count"])
        rates.insert(0, "closed", counts["count"])
        rates = rates.rename_axis("name").reset_index()
        rates.insert(0, "by", column)
        parts.append(rates.sort_values(["shrunken", "name"], ascending=[False, True]))
    if not parts:
        need(closed.head(0), "sources, owners or competitors with five closed deals", ASK)
    table = pd.concat(parts, ignore_index=True)
    table["label"] = table["by"] + ": " + table["name"]
    overall = wilson(int(won.sum()), len(won))
    clear = table[(table["low"] > overall.value) | (table["high"] < overall.value)]
    names = ", ".join(
        f"{row.label} ({format_value(row.shrunken, '%')})" for row in clear.itertuples()
    )
    return Answer(
        table=table,
        headline=(
            f"{len(clear)} of {len(table)} groups win clearly more or less than {format_value(overall.value, '%')}"
            if len(clear) else f"No source, owner or competitor stands out from {format_value(overall.value, '%')} won"
        ),
        so_what=(
            f"Outside the common rate by more than chance: {names}. Ask what they do differently before moving work to or from them."
            if len(clear) else
            "Differences between sources, owners and competitors are within what chance makes of so few deals; do not "
            "reward or drop any of them on these figures."
        ),
        kind="diagnostic",
        caption=f"Share of closed deals won, pulled to the common rate (n = {len(won):,}; 95 % intervals)",
        units={"closed": "count", "win_rate": "%", "shrunken": "%", "low": "%", "high": "%"},
        source="opportunities; beta-binomial shrinkage",
        metrics=(Metric("win_rate", overall.value, overall.low, overall.high, len(won), "%"),),
    )  # fmt: skip


def _deal_odds(spells: pd.DataFrame, stages: pd.Series, days: pd.Series) -> np.ndarray:
    """Wins and losses of closed deals that were in each deal's stage, and of those there at least as long."""
    past = spells[spells["won"].notna()].sort_values("days", kind="stable")
    past = past.drop_duplicates(["stage", "opportunity_id"], keep="last")
    odds = np.zeros((len(stages), 4))
    for stage in stages.unique():
        known = past[past["stage"] == stage]
        stayed, won = known["days"].to_numpy(), known["won"].to_numpy() == 1
        later = np.append(np.cumsum(won[::-1])[::-1], 0), np.arange(len(won), -1, -1)
        here = (stages == stage).to_numpy()
        place = np.searchsorted(stayed, days[here].to_numpy(), side="left")
        wins = later[0][place]
        odds[here] = np.column_stack([
            np.full(len(place), won.sum()), np.full(len(place), (~won).sum()), wins, later[1][place] - wins,
        ])  # fmt: skip
    return odds


def _open_deals(known: _Spells, opportunities: pd.DataFrame, as_of: date) -> pd.DataFrame:
    spells = known.spells
    now = spells[spells["left"].isna() & spells["won"].isna()]
    now = now.sort_values(["opportunity_id", "entered"]).drop_duplicates(
        "opportunity_id", keep="last"
    )
    columns = ["opportunity_id", "customer_id", "owner", "amount", "expected_close", "created_at"]
    deals = now[["opportunity_id", "stage", "days"]].merge(
        opportunities[columns], on="opportunity_id"
    )
    need(deals, "open deals", ASK)
    odds = _deal_odds(spells, deals["stage"], deals["days"])
    deals[["wins", "losses", "older_wins", "older_losses"]] = odds
    slow = {}
    for stage in known.stages:
        part = spells[spells["stage"] == stage]
        slow[stage] = _time_in_stage(part["days"], part["left"].notna())[1]
    deals["slow"] = deals["days"] > deals["stage"].map(slow)
    deals["slipped"] = deals["expected_close"] < pd.Timestamp(as_of)
    deals["age"] = (pd.Timestamp(as_of) - deals["created_at"]).dt.days.clip(lower=0)
    return deals.sort_values("opportunity_id", ignore_index=True)


def _simulate(deals: pd.DataFrame, seed: int) -> tuple[pd.Series, np.ndarray]:
    """Win probability per deal and simulated totals; the error of the rates is the same for all deals of a stage."""
    rng = np.random.default_rng(seed)
    wins, losses = deals["wins"] + 0.5, deals["losses"] + 0.5
    stage_rate = wins / (wins + losses)
    a = deals["older_wins"] + PRIOR_DEALS * stage_rate
    b = deals["older_losses"] + PRIOR_DEALS * (1 - stage_rate)
    levels = (np.arange(GRID) + 0.5) / GRID
    chances = beta.ppf(levels, a.to_numpy()[:, None], b.to_numpy()[:, None])
    stage, names = pd.factorize(deals["stage"], sort=True)
    drawn = rng.integers(0, GRID, (len(names), DRAWS))[stage]
    won = rng.random((len(deals), DRAWS)) < np.take_along_axis(chances, drawn, axis=1)
    return a / (a + b), deals["amount"].fillna(0.0).to_numpy() @ won


@answers
def pipeline_forecast(
    history: pd.DataFrame, opportunities: pd.DataFrame, as_of: date, seed: int
) -> Answer:
    """Return what the open deals are expected to bring, with an interval by simulation.

    Parameters
    ----------
    history, opportunities
        The tables.
    as_of
        Last day of the period.
    seed
        Of the simulation.

    Returns
    -------
    Answer
        Table by stage: stage, deals, amount, expected, share. Extra ``deals``: opportunity_id, stage,
        amount, win_probability, expected, days, age, slow, slipped (its closing date has passed), owner, customer_id; ``total``: level,
        low, high (80 % and 95 %); ``draws``: simulated totals.

    Notes
    -----
    A deal's chance is the share won of closed deals that stayed in its stage at least as long, pulled
    towards the stage's rate as if by ten deals. It is drawn from its beta posterior, at the same level for all deals
    of a stage, as they learn from the same closed deals.
    """
    known = _spells(history, opportunities, as_of)
    deals = _open_deals(known, opportunities, as_of)
    closed = int(known.spells.loc[known.spells["won"].notna(), "opportunity_id"].nunique())
    need(known.spells[known.spells["won"].notna()], "closed deals to learn from", ASK, rows=10)
    deals["win_probability"], totals = _simulate(deals, seed)
    deals["expected"] = deals["win_probability"] * deals["amount"].fillna(0.0)
    low, least, most, high = (float(v) for v in np.quantile(totals, [0.025, 0.1, 0.9, 0.975]))
    expected, amount = float(deals["expected"].sum()), float(deals["amount"].sum())
    table = deals.groupby("stage").agg(
        deals=("opportunity_id", "size"), amount=("amount", "sum"), expected=("expected", "sum")
    )
    table = table.reindex([s for s in known.stages if s in table.index]).reset_index()
    table["share"] = table["expected"] / table["amount"].where(table["amount"] > 0)
    return Answer(
        table=table,
        headline=f"Open deals of {format_value(amount, 'currency')} should bring {format_value(expected, 'currency')}",
        so_what=(
            f"In four of five cases between {format_value(least, 'currency')} and {format_value(most, 'currency')} (95 %: {format_value(low, 'currency')} "
            f"to {format_value(high, 'currency')}) of the {format_value(amount, 'currency')} in {len(deals):,} open deals, if they close as the {closed:,} "
            "deals before them did. Plan with the lower figure and treat the rest as a chance."
        ),
        kind="predictive",
        caption=f"Open deals by stage at {as_of}: amount and expected wins (n = {len(deals):,}, learned from {closed:,} closed deals)",
        units={"deals": "count", "amount": "currency", "expected": "currency", "share": "%"},
        source="opportunity_history, opportunities; beta-binomial, 4,000 simulated outcomes",
        metrics=(
            Metric("pipeline_open", amount, n=len(deals), unit="currency"),
            Metric("pipeline_expected", expected, low, high, len(deals), "currency", "predictive"),
        ),
        extra={
            "deals": deals.drop(columns=["wins", "losses", "older_wins", "older_losses"]),
            "total": pd.DataFrame(
                {"level": [0.8, 0.95], "low": [least, low], "high": [most, high]}
            ),
            "draws": totals,
        },
    )
