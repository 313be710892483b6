"""Who has to come again, or to tell the story twice: by segment, topic, channel and priority (E4)."""

from __future__ import annotations

from datetime import date

import pandas as pd
from scipy.stats import fisher_exact

from playbook.answer import Answer, answers, need
from playbook.experience.adjusted import adjusted_means
from playbook.experience.common import FEWEST, TICKETS, capital, in_period, joined, per_cent, share
from playbook.stats import false_discovery

__all__ = ["repeated_contacts"]

FACTORS = ("segment", "topic", "channel", "priority")
SURE = 0.05
ROWS = 30
MOST_GROUPS = 12
"""Most groups of one factor that are compared, the largest."""


@answers
def repeated_contacts(
    cases: pd.DataFrame,
    as_of: date,
    segments: pd.DataFrame | None = None,
    smallest: float = 0.03,
) -> Answer:
    """Return the share of cases whose customer came again, or by another channel, within seven days, by group.

    Parameters
    ----------
    cases
        Query ``service_cases``; counted are those of the period that are at least seven days old.
    as_of
        Last day of the period.
    segments
        Result ``segments``: customer_id, segment; without it three factors remain.
    smallest
        Difference from all other cases (share) below which a group is not named.

    Returns
    -------
    Answer
        where (factor and group), by, cases, came_again (adjusted share) with low and high, again_raw, q_value; switched (adjusted) with
        interval and switched_q. Adjusted: the other factors held equal, clustered by customer. q-values control the
        false discovery rate over all groups and both shares together.
    """
    old = cases[in_period(cases["opened_at"], as_of) & (cases["age_hours"] >= 7 * 24)]
    need(old, "service cases at least seven days old", TICKETS, rows=ROWS)
    old = old.sort_values("ticket_id", ignore_index=True)
    old = old.assign(again=(old["further_contacts"] > 0).astype(float), moved=(old["elsewhere"] > 0).astype(float))  # fmt: skip
    if segments is not None and len(segments):
        own = segments.drop_duplicates("customer_id").set_index("customer_id")["segment"]
        old["segment"] = old["customer_id"].map(own)
    parts, small = [], 0
    for factor in FACTORS:
        found, few = _by(old, factor)
        parts.append(found)
        small += few
    table = pd.concat(parts, ignore_index=True)
    need(table, "groups of cases to compare", TICKETS, rows=2)
    q = false_discovery(table[["again_p", "moved_p"]].to_numpy().ravel()).reshape(-1, 2)
    table["q_value"], table["switched_q"] = q[:, 0], q[:, 1]
    table = table.sort_values(["came_again", "by", "group"], ascending=[False, True, True], ignore_index=True)  # fmt: skip
    return _told(table, old, smallest, small, as_of)


def _by(old: pd.DataFrame, factor: str) -> tuple[pd.DataFrame, int]:
    """Both shares by the groups of one factor, the other factors held equal; how many groups were too small."""
    if factor not in old:
        return pd.DataFrame(), 0
    sizes = old[factor].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    kept = sizes.index[sizes >= FEWEST][:MOST_GROUPS]
    few = len(sizes) - len(kept)
    shown = old[old[factor].isin(kept)].reset_index(drop=True)
    if shown[factor].nunique() < 2:
        return pd.DataFrame(), few
    again, moved = (_shares(shown, outcome, factor) for outcome in ("again", "moved"))
    moved = moved.rename(columns={"share": "switched", "low": "switched_low", "high": "switched_high", "p": "moved_p"})  # fmt: skip
    again = again.rename(columns={"share": "came_again", "p": "again_p"})
    cases = shown.groupby(factor)["again"].agg(cases="size", again_raw="mean").rename_axis("group").reset_index()  # fmt: skip
    table = cases.merge(again, on="group").merge(moved, on="group")
    table.insert(0, "by", factor)
    return table, few


def _shares(shown: pd.DataFrame, outcome: str, factor: str) -> pd.DataFrame:
    """Adjusted share of each group: ``group``, ``share``, ``low``, ``high``, ``p`` (against all other cases).

    A group in which all or none came again is left out of the model, which knows no end for it: its plain share with
    Wilson's interval and Fisher's exact test stand instead.
    """
    mean = shown.groupby(factor)[outcome].transform("mean")
    inner = shown[(mean > 0) & (mean < 1)].reset_index(drop=True)
    others = [name for name in FACTORS if name != factor and name in shown]
    found = pd.DataFrame({"group": [], "share": [], "low": [], "high": [], "p": []})
    if len(inner[factor].unique()) > 1:
        table = adjusted_means(inner, outcome, factor, others, "customer_id").table
        found = table.rename(columns={"adjusted": "share", "rest_p": "p"})[list(found.columns)]
    plain = []
    for name in sorted(set(shown[factor]) - set(found["group"])):
        own, rest = shown.loc[shown[factor] == name, outcome], shown.loc[shown[factor] != name, outcome]  # fmt: skip
        counts = [[part.sum(), len(part) - part.sum()] for part in (own, rest)]
        plain.append({"group": name, **share(own.sum(), len(own)), "p": float(fisher_exact(counts).pvalue)})  # fmt: skip
    return pd.concat([part for part in (found, pd.DataFrame(plain)) if len(part)], ignore_index=True)  # fmt: skip


def _named(table: pd.DataFrame, share: str, q: str, usual: float, smallest: float) -> pd.DataFrame:
    """Groups surely above all other cases by ``smallest`` or more, highest first."""
    sure = (table[q] <= SURE) & (table[share] - usual >= smallest)
    return table[sure].sort_values([share, "by", "group"], ascending=[False, True, True])


def _told(table: pd.DataFrame, old: pd.DataFrame, smallest: float, small: int, as_of: date) -> Answer:  # fmt: skip
    again, moved = float(old["again"].mean()), float(old["moved"].mean())
    more = _named(table, "came_again", "q_value", again, smallest)
    elsewhere = _named(table, "switched", "switched_q", moved, smallest)
    table["where"] = table["by"] + " " + table["group"].astype("str")
    if more.empty:
        headline = f"Every group comes again about as often ({per_cent(again)} within 7 days)"
        text = f"Nobody surely comes again more often than others by {100 * smallest:.0f} points or more: mend how cases are closed for all."
    else:
        first = more.iloc[0]
        headline = f"{capital(first['by'])} {first['group']} comes again most often ({per_cent(first['came_again'])} within 7 days)"
        told = [f"{r.by} {r.group} ({per_cent(r.came_again)}, {per_cent(r.low)} to {per_cent(r.high)})" for r in more.head(3).itertuples()]  # fmt: skip
        text = f"More often than others ({per_cent(again)} overall), all else equal: {joined(told)}. Solve these at the first contact."
    if elsewhere.empty:
        text += f" Changing the channel ({per_cent(moved)}) is not tied to any group: one view of the case in every channel helps all."
    else:
        told = [f"{r.by} {r.group} ({per_cent(r.switched)})" for r in elsewhere.head(3).itertuples()]  # fmt: skip
        text += f" By another channel, and so with the whole story again, come most often: {joined(told)}."
    left = (
        f"; {small} groups of fewer than {FEWEST} cases, or beyond the {MOST_GROUPS} largest, are not shown"
        if small
        else ""
    )
    return Answer(
        table=table[["where", "by", "cases", "came_again", "low", "high", "again_raw", "q_value", "switched", "switched_low", "switched_high", "switched_q"]],
        headline=headline,
        so_what=text,
        kind="diagnostic",
        caption=f"Share of cases whose customer contacts service again within 7 days, the other factors held equal (95 % interval), and by another channel; "
        f"12 months to {as_of:%Y-%m-%d} (n = {len(old):,}){left}",
        units={"cases": "count", **dict.fromkeys(("came_again", "low", "high", "again_raw", "switched", "switched_low", "switched_high"), "%")},
        source="tickets, interactions, segments; logit models, errors clustered by customer",
        extra={"named": more, "elsewhere": elsewhere},
    )  # fmt: skip
