"""Every touchpoint with reach, satisfaction, effort and cost (E2)."""

from __future__ import annotations

from datetime import date

import pandas as pd

from playbook.answer import Answer, Metric, answers, need
from playbook.experience.common import FEWEST, INTERACTIONS, in_period, year_to
from playbook.stats import mean_interval

__all__ = ["failure_shares", "touchpoint_scores", "touchpoint_table"]


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
    failed = failure_shares(outcomes, failures)[["touchpoint", "failed", "failure_share"]]
    table = table.merge(failed, how="left", on="touchpoint")
    table["unit_cost"] = table["cost"] / table["volume"]
    followed = table["followable"].where(table["followable"] >= FEWEST)
    table["repeat_7d"] = table["to_service"] / followed
    table["switch_7d"] = table["to_other_service"] / followed
    table = table.sort_values(
        ["csat", "volume", "touchpoint"], ascending=[True, False, True], ignore_index=True
    )
    return _told(table, as_of)


def _told(table: pd.DataFrame, as_of: date) -> Answer:
    shown = table[
        [
            "touchpoint",
            "stage",
            "volume",
            "reach",
            "csat",
            "csat_low",
            "csat_high",
            "ces",
            "failure_share",
            "repeat_7d",
            "cost",
        ]
    ]
    rated = table.dropna(subset=["csat"])
    dear = table.loc[table["cost"].fillna(0).idxmax()]
    spent = f"{dear['touchpoint'].capitalize()} costs most ({dear['cost']:,.0f} in the year)"
    if rated.empty:
        headline = f"{len(shown)} touchpoints, none of them rated by customers"
        text = f"{spent}. Add one question on satisfaction per touchpoint to the next survey."
        metrics: tuple[Metric, ...] = ()
    else:
        worst, best = rated.iloc[0], rated.iloc[-1]
        headline = f"{worst['touchpoint'].capitalize()} is rated lowest ({worst['csat']:.1f} of 5), {best['touchpoint']} highest ({best['csat']:.1f})"
        unrated = table[table["csat"].isna() & (table["stage"] != "awareness")]["touchpoint"]
        ask = f" Nobody is asked about {len(unrated)} touchpoints after awareness, {unrated.iloc[0]} first: add them to the next survey." if len(unrated) else ""  # fmt: skip
        text = (
            f"{worst['touchpoint'].capitalize()} reaches {worst['reach']:,} people a year and {worst['csat_n']:.0f} rated it "
            f"{worst['csat_low']:.1f} to {worst['csat_high']:.1f} (95 % interval); look there first. {spent}.{ask}"
        )
        metrics = (Metric("lowest_touchpoint_csat", float(worst["csat"]), float(worst["csat_low"]), float(worst["csat_high"]), int(worst["csat_n"]), "points"),)  # fmt: skip
    return Answer(
        table=shown,
        headline=headline,
        so_what=text,
        kind="descriptive",
        caption=f"Contacts, people reached, satisfaction (1 to 5), effort (7 is easiest), failed contacts, service contact within 7 days, cost; {year_to(as_of)}",
        units={"volume": "count", "reach": "count", "failure_share": "%", "repeat_7d": "%", "switch_7d": "%", "csat": "points",
               "ces": "points", "csat_low": "points", "csat_high": "points", "cost": "currency"},
        source="interactions, survey answers on touchpoints; one customer counts once per touchpoint",
        metrics=metrics,
        extra={"inventory": table},
    )  # fmt: skip
