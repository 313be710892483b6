"""Seamless across channels: is the experience the same, must customers come again or elsewhere (E4)."""

from __future__ import annotations

from datetime import date

import pandas as pd

from playbook.answer import Answer, Metric, answers, need
from playbook.experience.adjusted import Adjusted, adjusted_means
from playbook.experience.common import (
    FEWEST,
    INTERACTIONS,
    TICKETS,
    in_period,
    joined,
    per_cent,
    share,
)
from playbook.experience.touchpoints import failure_shares
from playbook.stats import mean_interval, two_proportion_difference

__all__ = ["cases_by_channel", "failures_by_channel", "named_differences"]

SURE, UNLIKELY = 0.05, 0.01


def named_differences(found: Adjusted) -> pd.DataFrame:
    """Return the pairs that are said to differ: equality of all is refuted, and theirs at a controlled rate."""
    if not found.p_value < SURE:
        return found.pairs.head(0)
    return found.pairs[found.pairs["q_value"] <= SURE].reset_index(drop=True)


@answers
def cases_by_channel(cases: pd.DataFrame, as_of: date, smallest: float = 0.1) -> Answer:
    """Return satisfaction, repeats and switches of service cases by the channel they came in by.

    Parameters
    ----------
    cases
        Query ``service_cases``. A satisfaction outside 1 to 5 counts as not given.
    as_of
        Last day of the period; repeats are counted for cases at least seven days old.
    smallest
        Difference (points of satisfaction, 1 to 5) that does not matter yet: only what surely exceeds it is named.

    Returns
    -------
    Answer
        Adjusted satisfaction is that of an equal mix of topics and priorities (`adjusted_means`, clustered by
        customer). Extra ``pairs``: all pairs of channels with difference, interval and q-value; ``named``: those that
        surely differ by more than ``smallest``; ``worse``: the channel below most others (none: empty text).
    """
    year = cases[in_period(cases["opened_at"], as_of) & cases["channel"].notna()]
    need(year, "service cases of the period", TICKETS, rows=30)
    odd = int((year["csat"].notna() & ~year["csat"].between(1, 5)).sum())
    year = year.assign(csat=year["csat"].where(year["csat"].between(1, 5)))
    followed = year[year["age_hours"] >= 7 * 24]
    rows = [_row(str(name), group, followed) for name, group in year.groupby("channel")]
    all_rows = pd.DataFrame(rows)
    seen = (all_rows["rated"] >= FEWEST) & (all_rows["old"] >= FEWEST)
    table = all_rows[seen].drop(columns="old")
    need(table, "channels with rated cases", TICKETS, rows=2)
    rated = year[year["csat"].notna() & year["channel"].isin(table["channel"])]
    rated = rated.sort_values("ticket_id", ignore_index=True)
    found = adjusted_means(rated, "csat", "channel", ("topic", "priority"), "customer_id", smallest)
    means = found.table.rename(columns={"group": "channel", "adjusted": "adjusted_csat", "low": "adjusted_low", "high": "adjusted_high"})  # fmt: skip
    table = table.merge(means[["channel", "adjusted_csat", "adjusted_low", "adjusted_high"]], on="channel")  # fmt: skip
    table = table.sort_values(["adjusted_csat", "channel"], ignore_index=True)
    left = _left_out(list(all_rows.loc[~seen, "channel"]), odd)
    return _told(table, found, named_differences(found), smallest, followed, as_of, left)


def _row(channel: str, group: pd.DataFrame, followed: pd.DataFrame) -> dict:
    rated, old = group["csat"].dropna(), followed[followed["channel"] == channel]
    row = {"channel": channel, "cases": len(group), "rated": len(rated), "old": len(old)}
    if len(rated) < FEWEST or len(old) < FEWEST:
        return row
    i = mean_interval(rated)
    again = share(int((old["further_contacts"] > 0).sum()), len(old))
    first = group["first_response_hours"]
    return row | {
        "csat": i.value, "low": max(i.low, 1.0), "high": min(i.high, 5.0),
        "came_again": again["share"], "again_low": again["low"], "again_high": again["high"],
        "switched": (old["elsewhere"] > 0).mean(), "first_hours": first[first >= 0].median(),
    }  # fmt: skip


def _left_out(small: list[str], odd: int) -> str:
    parts = []
    if small:
        parts.append(f"not shown for fewer than {FEWEST} rated cases: {joined(small)}")
    if odd:
        parts.append(f"{odd:,} ratings outside 1 to 5 do not count")
    return "".join(f"; {part}" for part in parts)


def _told(
    table: pd.DataFrame, found: Adjusted, named: pd.DataFrame, smallest: float, followed: pd.DataFrame, as_of: date,
    left: str,
) -> Answer:  # fmt: skip
    again = share(int((followed["further_contacts"] > 0).sum()), len(followed))
    moved = share(int((followed["elsewhere"] > 0).sum()), len(followed))
    worse, headline, verdict = _verdict(table, found, named, smallest)
    return Answer(
        table=table[["channel", "cases", "csat", "low", "high", "rated", "adjusted_csat", "adjusted_low", "adjusted_high",
                     "came_again", "again_low", "again_high", "switched", "first_hours"]],
        headline=headline,
        so_what=f"{verdict} {per_cent(again['share'])} of customers come again within 7 days of opening a case and {per_cent(moved['share'])} do so by another channel, "
        "where they must tell their story again: show the case to every channel.",
        kind="diagnostic",
        caption=f"Satisfaction with the case (1 to 5, 95 % interval), raw and for an equal mix of topics and priorities; share coming again within 7 days; 12 months to {as_of:%Y-%m-%d}{left}",
        units={"cases": "count", "rated": "count", "came_again": "%", "again_low": "%", "again_high": "%", "switched": "%", "first_hours": "hours",
               **dict.fromkeys(("csat", "low", "high", "adjusted_csat", "adjusted_low", "adjusted_high"), "points")},
        source=f"tickets, interactions; {found.method} model with topic and priority, errors clustered by customer",
        metrics=(
            Metric("cases_come_again", again["share"], again["low"], again["high"], len(followed), "%"),
            Metric("cases_switch_channel", moved["share"], moved["low"], moved["high"], len(followed), "%"),
        ),
        extra={"p_value": found.p_value, "pairs": found.pairs, "named": named, "worse": worse, "method": found.method, "parallel_p": found.parallel_p},
    )  # fmt: skip


def _verdict(
    table: pd.DataFrame, found: Adjusted, named: pd.DataFrame, smallest: float
) -> tuple[str, str, str]:
    """Worse channel (or empty), headline and verdict."""
    note = f" {found.note}" if found.note else ""
    if found.parallel_p < UNLIKELY:
        note += f" The gaps are not the same along the scale (p = {found.parallel_p:.3f}): the means are averages, so look at the share of 1s and 2s of each channel as well."
    widest = float(table["adjusted_csat"].max() - table["adjusted_csat"].min())
    if named.empty:
        headline = f"Service is rated alike in every channel (widest gap {widest:.1f} of 5 points)"
        if found.p_value < SURE:
            verdict = (
                f"With the same mix of topics and priorities the channels are not quite equal (p = {found.p_value:.3f}), "
                f"but no two of them surely differ by more than {smallest:.1f} points: do not reorganise channels for it."
            )
        else:
            verdict = f"With the same mix of topics and priorities no difference between channels is shown (p = {found.p_value:.2f}): do not reorganise channels for satisfaction's sake."
        return "", headline, verdict + note
    order = dict(zip(table["channel"], table["adjusted_csat"], strict=True))
    times = named["lower"].value_counts()
    worse = str(min(times.index, key=lambda name: (-times[name], order[name], name)))
    below = named[named["lower"] == worse].sort_values("difference", ascending=False)
    first = below.iloc[0]
    headline = f"Not the same in each channel: {worse} is rated {first['difference']:.1f} points below {first['upper']}"
    others = joined(sorted(below["upper"].iloc[1:]))
    more = f" and is surely below {others} as well" if others else ""
    verdict = (
        f"With the same mix of topics and priorities {worse} falls {first['difference']:.1f} points ({first['low']:.1f} to {first['high']:.1f}) behind {first['upper']}{more}: "
        f"listen to its cases and bring it up to {first['upper']}."
    )
    return worse, headline, verdict + note


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
