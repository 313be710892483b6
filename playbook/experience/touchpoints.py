"""Every touchpoint with reach, satisfaction, effort and cost (E2)."""

from __future__ import annotations

from datetime import date

import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.experience.common import (
    FEWEST,
    INTERACTIONS,
    capital,
    in_period,
    joined,
    per_cent,
    year_to,
)
from playbook.stats import mean_interval

__all__ = ["failure_shares", "touchpoint_scores", "touchpoint_table"]

UNKNOWN = "unknown"
"""Stands for contacts that name no touchpoint."""


def touchpoint_scores(scores: pd.DataFrame, kind: str, as_of: date) -> pd.DataFrame:
    """Return mean score and interval by touchpoint: ``touchpoint``, ``score``, ``low``, ``high``, ``n``.

    Scores are rescaled to 1 to 5 (csat) or 1 to 7 (ces); each customer counts once, with the mean of
    their answers of the period. Touchpoints with fewer than five customers are left out.
    """
    top = {"csat": 5.0, "ces": 7.0}[kind]
    part = scores[(scores["kind"] == kind) & in_period(scores["answered_at"], as_of)]
    who = part["customer_id"].fillna(part["response_id"])
    means = (1 + (top - 1) * part["score"]).groupby([part["touchpoint"], who]).mean()
    rows = []
    for touchpoint, values in means.groupby(level=0):
        if len(values) >= FEWEST:
            i = mean_interval(values)
            rows.append((touchpoint, i.value, max(i.low, 1.0), min(i.high, top), i.n))
    return pd.DataFrame(rows, columns=["touchpoint", "score", "low", "high", "n"]).astype({"touchpoint": "str"})  # fmt: skip


def failure_shares(
    outcomes: pd.DataFrame, failures: str, by: tuple[str, ...] = ("touchpoint",)
) -> pd.DataFrame:
    """Return contacts, failed contacts and their share by touchpoint (or touchpoint and channel).

    ``failures`` names the outcomes that count as failures, between commas.
    """
    bad = {name.strip() for name in failures.split(",")}
    known = outcomes[outcomes["outcome"].notna()]
    known = known.assign(failed=known["contacts"].where(known["outcome"].isin(bad), 0))
    table = known.groupby(list(by), as_index=False)[["contacts", "failed"]].sum()
    return table.assign(failure_share=table["failed"] / table["contacts"])


@answers
def touchpoint_table(
    contacts: pd.DataFrame,
    scores: pd.DataFrame,
    outcomes: pd.DataFrame,
    as_of: date,
    failures: str = "late,not solved,abandoned",
) -> Answer:
    """Return the inventory of touchpoints.

    Parameters
    ----------
    contacts
        Query ``touchpoint_contacts``.
    scores
        Query ``touchpoint_answers``.
    outcomes
        Query ``contact_outcomes``.
    as_of
        Last day of the period.
    failures
        Outcomes that count as a failure, between commas, in the client's words.
    """
    need(contacts, "contacts with touchpoints", INTERACTIONS)
    table = contacts.copy()
    for kind in ("csat", "ces"):
        found = touchpoint_scores(scores, kind, as_of).rename(
            columns={"score": kind, "low": f"{kind}_low", "high": f"{kind}_high", "n": f"{kind}_n"}
        )
        table = table.merge(found, how="left", on="touchpoint")
    failed = failure_shares(outcomes, failures)
    table = table.merge(failed[failed["contacts"] >= FEWEST][["touchpoint", "failed", "failure_share"]], how="left", on="touchpoint")  # fmt: skip
    table["reach_share"] = table["reach"] / table["persons"]
    table["unit_cost"] = table["cost"] / table["volume"]
    followed = table["followable"].where(table["followable"] >= FEWEST)
    table["repeat_7d"] = table["to_service"] / followed
    is_service = (
        2 * table["service_contacts"] > table["volume"]
    )  # elsewhere nothing can be switched from
    table["switch_7d"] = (table["to_other_service"] / followed).where(is_service)
    table = table.sort_values(
        ["csat", "volume", "touchpoint"], ascending=[True, False, True], ignore_index=True
    )
    return _told(table, _remarks(table, scores, as_of), as_of)


def _remarks(table: pd.DataFrame, scores: pd.DataFrame, as_of: date) -> str:
    """What a reader must know of rows that are thin, unnamed or named twice."""
    recent = scores[in_period(scores["answered_at"], as_of)]
    who = recent["customer_id"].fillna(recent["response_id"])
    raters = who.groupby([recent["touchpoint"], recent["kind"]]).nunique()
    few = sorted(set(raters[raters < FEWEST].index.get_level_values(0)))
    absent = sorted(set(recent["touchpoint"]) - set(table["touchpoint"]))
    twice = sorted(table.loc[table["stages"] > 1, "touchpoint"])
    unnamed = table.loc[table["touchpoint"] == UNKNOWN, "volume"]
    parts = [
        f"fewer than {FEWEST} people answered on {joined(few)}: not shown" if few else "",
        f"asked about without any contact: {joined(absent)}" if absent else "",
        f"under several stages, counted under the most frequent: {joined(twice)}" if twice else "",
        f"{unnamed.iloc[0]:,} contacts name no touchpoint: row {UNKNOWN}" if len(unnamed) else "",
    ]
    return "".join(f"; {part}" for part in parts if part)


SHOWN = (
    "touchpoint stage volume reach reach_share csat csat_low csat_high ces failure_share repeat_7d switch_7d "
    "cost unit_cost"
)


def _told(table: pd.DataFrame, remarks: str, as_of: date) -> Answer:
    shown = table[SHOWN.split()]
    rated = table[table["csat"].notna() & (table["touchpoint"] != UNKNOWN)]
    dear = table.loc[table["cost"].fillna(0).idxmax()]
    if dear["cost"] > 0:
        spent = f"{capital(dear['touchpoint'])} costs most ({format_value(dear['cost'], 'currency')} in the year, {format_value(dear['unit_cost'], 'currency')} a contact)"
    else:
        spent = "What a contact costs is not known: ask for it, since cheap and dear touchpoints look alike here"
    if rated.empty:
        headline = f"{len(shown)} touchpoints, none of them rated by customers"
        text = f"{spent}. Add one question on satisfaction per touchpoint to the next survey."
        metrics: tuple[Metric, ...] = ()
    else:
        worst, best = rated.iloc[0], rated.iloc[-1]
        headline = f"{capital(worst['touchpoint'])} is rated lowest ({worst['csat']:.1f} of 5), {best['touchpoint']} highest ({best['csat']:.1f})"
        unrated = table[table["csat"].isna() & (table["stage"] != "awareness")]["touchpoint"]
        ask = f" Nobody is asked about {len(unrated)} touchpoints after awareness, {unrated.iloc[0]} first: add them to the next survey." if len(unrated) else ""  # fmt: skip
        text = (
            f"{capital(worst['touchpoint'])} reaches {worst['reach']:,} people a year ({per_cent(worst['reach_share'])} of all) and {worst['csat_n']:.0f} rated it "
            f"{worst['csat_low']:.1f} to {worst['csat_high']:.1f} (95 % interval); look there first. {spent}.{_elsewhere(table)}{ask}"
        )
        metrics = (Metric("lowest_touchpoint_csat", float(worst["csat"]), float(worst["csat_low"]), float(worst["csat_high"]), int(worst["csat_n"]), "points"),)  # fmt: skip
    return Answer(
        table=shown,
        headline=headline,
        so_what=text,
        kind="descriptive",
        caption=f"Contacts, people reached and their share of all people met, satisfaction (1 to 5), effort (7 is easiest), failed contacts, service contact within 7 days "
        f"and by another channel, cost; {year_to(as_of)}{remarks}",
        units={"volume": "count", "reach": "count", "csat": "points", "ces": "points", "csat_low": "points", "csat_high": "points", "cost": "currency", "unit_cost": "currency",
               **dict.fromkeys(("reach_share", "failure_share", "repeat_7d", "switch_7d"), "%")},
        source="interactions, survey answers on touchpoints; one customer counts once per touchpoint",
        metrics=metrics,
        extra={"inventory": table},
    )  # fmt: skip


def _elsewhere(table: pd.DataFrame) -> str:
    """Sentence on the service touchpoint after which most customers turn to another one."""
    known = table.dropna(subset=["switch_7d"])
    known = known[known["switch_7d"] > 0].sort_values(["switch_7d", "touchpoint"], ascending=[False, True])  # fmt: skip
    if known.empty:
        return ""
    most = known.iloc[0]
    return f" {capital(most['touchpoint'])} is left for another service channel within 7 days most often ({per_cent(most['switch_7d'])})."
