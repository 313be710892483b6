"""Seamless across channels: is the experience the same, must customers come again or elsewhere (E4)."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import statsmodels.api as sm

from playbook.answer import Answer, Metric, answers, need
from playbook.experience.common import FEWEST, INTERACTIONS, TICKETS, in_period, per_cent, share
from playbook.experience.touchpoints import failure_shares
from playbook.stats import mean_interval, two_proportion_difference

__all__ = ["adjusted_csat", "cases_by_channel", "failures_by_channel"]

ENTRANCE = "service channels"


def _pooled(values: pd.Series, fewest: int = FEWEST) -> pd.Series:
    """Levels with fewer than ``fewest`` rows become one level: other."""
    names = values.fillna("unknown").astype(str)
    counts = names.value_counts()
    return names.where(names.map(counts) >= fewest, "other")


def adjusted_csat(rated: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Return mean satisfaction by channel for the same mix of topics and priorities, and a p-value.

    Parameters
    ----------
    rated
        Cases with ``csat``, ``channel``, ``topic`` and ``priority``.

    Returns
    -------
    tuple
        Frame ``channel``, ``adjusted_csat``, ``low``, ``high`` (linear model, HC3 errors), and the
        p-value of all channels being equal (Wald test).
    """
    rated = rated.sort_values("ticket_id", ignore_index=True)
    channel = pd.get_dummies(rated["channel"], dtype=float)
    channel = channel[sorted(channel.columns)]
    mix = [
        pd.get_dummies(_pooled(rated[c]), prefix=c, dtype=float).iloc[:, 1:]
        for c in ("topic", "priority")
    ]
    held = pd.concat(mix, axis=1)
    held = held - held.mean()
    fit = sm.OLS(rated["csat"].astype(float), pd.concat([channel, held], axis=1)).fit(
        cov_type="HC3"
    )
    ends = fit.conf_int()
    k = channel.shape[1]
    contrast = np.hstack([-np.ones((k - 1, 1)), np.eye(k - 1), np.zeros((k - 1, held.shape[1]))])
    p_value = float(fit.wald_test(contrast, scalar=True).pvalue)
    names = list(channel.columns)
    return pd.DataFrame({
        "channel": names, "adjusted_csat": fit.params[names].to_numpy(),
        "adjusted_low": ends.loc[names, 0].to_numpy(), "adjusted_high": ends.loc[names, 1].to_numpy(),
    }), p_value  # fmt: skip


@answers
def cases_by_channel(cases: pd.DataFrame, as_of: date) -> Answer:
    """Return satisfaction, repeats and switches of service cases by the channel they came in by.

    Parameters
    ----------
    cases
        Query ``service_cases``.
    as_of
        Last day of the period; repeats are counted for cases at least seven days old.
    """
    year = cases[in_period(cases["opened_at"], as_of) & cases["channel"].notna()]
    need(year, "service cases of the period", TICKETS, rows=30)
    followed = year[year["age_hours"] >= 7 * 24]
    rows = []
    for channel, group in year.groupby("channel"):
        rated = group["csat"].dropna()
        old = followed[followed["channel"] == channel]
        if len(rated) < FEWEST or len(old) < FEWEST:
            continue
        i = mean_interval(rated)
        again = share(int((old["further_contacts"] > 0).sum()), len(old))
        rows.append({
            "channel": channel, "cases": len(group), "csat": i.value, "low": i.low, "high": i.high, "rated": i.n,
            "came_again": again["share"], "again_low": again["low"], "again_high": again["high"],
            "switched": (old["elsewhere"] > 0).mean(), "first_hours": group["first_response_hours"].median(),
        })  # fmt: skip
    need(pd.DataFrame(rows), "channels with rated cases", TICKETS, rows=2)
    table = pd.DataFrame(rows)
    adjusted, p_value = adjusted_csat(
        year[year["csat"].notna() & year["channel"].isin(table["channel"])]
    )
    table = table.merge(adjusted, on="channel").sort_values(
        ["adjusted_csat", "channel"], ignore_index=True
    )
    return _told(table, p_value, followed, as_of)


def _told(table: pd.DataFrame, p_value: float, followed: pd.DataFrame, as_of: date) -> Answer:
    worst, best = table.iloc[0], table.iloc[-1]
    again = share(int((followed["further_contacts"] > 0).sum()), len(followed))
    moved = share(int((followed["elsewhere"] > 0).sum()), len(followed))
    gap = best["adjusted_csat"] - worst["adjusted_csat"]
    if p_value < 0.05:
        headline = f"Not the same in each channel: {worst['channel']} is rated {gap:.1f} points below {best['channel']}"
        verdict = f"With the same mix of topics and priorities the channels differ (p = {p_value:.3f}): bring {worst['channel']} up to {best['channel']}."
    else:
        headline = f"Service is rated alike in every channel (widest gap {gap:.1f} of 5 points)"
        verdict = f"With the same mix of topics and priorities no difference between channels is shown (p = {p_value:.2f}): do not reorganise channels for satisfaction's sake."
    return Answer(
        table=table[["channel", "cases", "csat", "low", "high", "rated", "adjusted_csat", "adjusted_low", "adjusted_high",
                     "came_again", "again_low", "again_high", "switched", "first_hours"]],
        headline=headline,
        so_what=f"{verdict} {per_cent(again['share'])} of customers come again within 7 days of opening a case and {per_cent(moved['share'])} do so by another channel, "
        "where they must tell their story again: show the case to every channel.",
        kind="diagnostic",
        caption=f"Satisfaction with the case (1 to 5, 95 % interval), raw and for an equal mix of topics and priorities; share coming again within 7 days; 12 months to {as_of:%Y-%m-%d}",
        units={"cases": "count", "rated": "count", "came_again": "%", "again_low": "%", "again_high": "%", "switched": "%", "first_hours": "hours",
               **dict.fromkeys(("csat", "low", "high", "adjusted_csat", "adjusted_low", "adjusted_high"), "points")},
        source="tickets, interactions; linear model with topic and priority, robust errors",
        metrics=(
            Metric("cases_come_again", again["share"], again["low"], again["high"], len(followed), "%"),
            Metric("cases_switch_channel", moved["share"], moved["low"], moved["high"], len(followed), "%"),
        ),
        extra={"p_value": p_value},
    )  # fmt: skip


@answers
def failures_by_channel(
    outcomes: pd.DataFrame, as_of: date, failures: str = "late,not solved,abandoned"
) -> Answer:
    """Return the share of failed contacts of each touchpoint in each channel it exists in.

    Parameters
    ----------
    outcomes
        Query ``contact_outcomes``.
    as_of, failures
        Last day of the period; outcomes that count as failures, between commas.
    """
    need(outcomes, "contacts with outcomes", INTERACTIONS)
    rows = failure_shares(outcomes, failures, ("stage", "touchpoint", "channel"))
    rows = rows[(rows["failed"] > 0) & (rows["contacts"] >= 30)]
    need(rows, "contacts whose outcome counts as a failure", INTERACTIONS)
    ends = [share(r.failed, r.contacts) for r in rows.itertuples()]
    table = rows.assign(low=[e["low"] for e in ends], high=[e["high"] for e in ends])
    table = table.assign(where=table["touchpoint"] + ", " + table["channel"].fillna("no channel"))
    table = table.sort_values(
        ["failure_share", "where"], ascending=[False, True], ignore_index=True
    )
    worst = table.iloc[0]
    most = table.sort_values(["failed", "where"], ascending=[False, True]).iloc[0]
    return Answer(
        table=table[["where", "stage", "touchpoint", "channel", "contacts", "failed", "failure_share", "low", "high"]],
        headline=f"Contacts fail most often at {worst['where']} ({per_cent(worst['failure_share'])})",
        so_what=f"{_compared(table)} In number, most failures happen at {most['where']} ({most['failed']:,.0f} in the year): weigh rate and number before choosing where to begin.",
        kind="descriptive",
        caption=f"Share of contacts that ended as a failure ({failures.replace(',', ', ')}), 95 % interval; 12 months to {as_of:%Y-%m-%d}",
        units={"contacts": "count", "failed": "count", "failure_share": "%", "low": "%", "high": "%"},
        source="interactions; Wilson intervals",
    )  # fmt: skip


def _compared(table: pd.DataFrame) -> str:
    """Sentence on the touchpoint that exists in several channels and differs most between them."""
    several = [g for _, g in table.groupby("touchpoint") if len(g) > 1]
    if not several:
        return "No failing touchpoint exists in more than one channel."
    group = max(
        several,
        key=lambda g: (
            g["failure_share"].max() - g["failure_share"].min(),
            g["touchpoint"].iloc[0],
        ),
    )
    first, last = group.iloc[0], group.iloc[-1]
    gap = two_proportion_difference(
        first["failed"], first["contacts"], last["failed"], last["contacts"]
    )
    words = "differs" if gap.low > 0 else "does not surely differ"
    return (
        f"{first['touchpoint'].capitalize()} {words} between {first['channel']} ({per_cent(first['failure_share'])}) and "
        f"{last['channel']} ({per_cent(last['failure_share'])}): {100 * gap.value:.1f} points, {100 * gap.low:.1f} to {100 * gap.high:.1f}."
    ).replace(" -", " −")
