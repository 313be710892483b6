"""Step 7: what campaigns did, and silence where nothing happened."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from playbook import experience, monitoring, proposition
from playbook.answer import Answer
from playbook.monitoring.campaigns import NO_CONTROL
from playbook.truth.increments import increment
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import FalseAlarms, Share
from playbook.truth.sight import Sight, given
from playbook.truth.study import Study

BEST = 0.99


def drifted(sight: Sight) -> Answer:
    """Return the notebook's answer on drift, as of the sight's day."""
    year = timedelta(days=365)
    before, now = (
        sight.query(
            "customer_snapshot", cutoff=day, lookback_from=day - year, outcome_to=sight.as_of
        )
        for day in (sight.since, sight.as_of)
    )
    return given(
        monitoring.drift(
            before, now, sight.query("favourites_by_year"), sight.query("ratings_by_year", kind="importance"),
            sight.query("order_history_span"), sight.since, outcomes=sight.query("outcomes_by_year"),
        )
    )  # fmt: skip


@row(
    "07.best_customers",
    "campaigns to the best customers without control: called not attributable",
    Share(BEST, "a rule, not an estimate: it may not fail"),
)
def best_customers(study: Study) -> Found | NotHere:
    """Naive: margin after less margin before, which counts what the best buy anyway."""
    numbers = study.sight.effects["numbers"]
    members = study.world.tables["campaign_members"]
    blind = [
        name for name, part in members.groupby("campaign_id")
        if (part["arm"] == "treated").all() and name in set(numbers["campaign_id"])
    ]  # fmt: skip
    if not blind:
        return NotHere("no campaign without control")
    found = numbers[numbers["campaign_id"].isin(blind)]
    silent = (found["verdict"] == NO_CONTROL) & found["effect"].isna()
    return Found(
        planted=sum(increment(study, name, _treated(study, name)) for name in blind) / len(blind),
        naive=float(found["before_after"].mean()),
        hits=int(silent.sum()),
        trials=len(found),
    )


@row(
    "07.no_effect",
    "a campaign that did nothing is said to have gained or lost",
    FalseAlarms(0.05),
)
def no_effect(study: Study) -> Found | NotHere:
    """Campaigns with a control group and no planted effect, discount or care at all."""
    planted = study.truth["campaign_effects"].set_index("campaign_id")
    idle = planted[["log_lift", "care", "cut"]].abs().sum(axis=1).groupby(level=0).sum() == 0
    numbers = study.sight.effects["numbers"]
    numbers = numbers[(numbers["reason"] == "") & numbers["campaign_id"].isin(idle[idle].index)]
    if numbers.empty:
        return NotHere("every campaign has an effect")
    claims = numbers["verdict"].isin(["gained", "lost"])
    return Found(
        0.0,
        float(numbers["effect"].mean()),
        float(numbers["before_after"].mean()),
        hits=int(claims.sum()),
        trials=len(numbers),
    )


@row(
    "07.false_alarms",
    "analyses that find something in a world where nothing is there",
    FalseAlarms(0.05),
)
def false_alarms(study: Study) -> Found | NotHere:
    """Campaigns, importance ratings, incidents and tastes by segment, each family controlled at 5 %."""
    if not study.null:
        return NotHere("no null world among these seeds")
    sight = study.sight
    drift = drifted(sight).table
    ratings = drift[drift["topic"] == "importance"]
    tastes = given(proposition.preference_differences(sight.experiment)).table
    respondents, cases = sight.query("respondents"), sight.query("service_cases")
    failed = sight.query("failed_contacts", failures="late,not solved,abandoned")
    incidents = given(
        experience.incident_drivers(
            respondents, failed, cases, sight.engagement.service_levels, sight.as_of
        )
    ).table
    alarms = {
        "campaigns": sight.effects["numbers"]["verdict"].isin(["gained", "lost"]).any(),
        "importance": ratings["verdict"].isin(["shifted", "slight"]).any(),
        "incidents": incidents["is_driver"].any(),
        "tastes": tastes["differs"].any(),
    }
    said = [name for name, alarm in alarms.items() if alarm]
    return Found(
        hits=len(said), trials=len(alarms), note=f"found: {', '.join(said)}" if said else ""
    )


def _treated(study: Study, campaign_id: str) -> pd.Series:
    members = study.world.tables["campaign_members"]
    chosen = (members["campaign_id"] == campaign_id) & (members["arm"] == "treated")
    return members.loc[chosen, "customer_id"]
