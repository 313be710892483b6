"""Step 6: what campaigns add, for whom, and who will leave."""

from __future__ import annotations

import numpy as np
import pandas as pd
import statsmodels.api as sm
from sklearn.metrics import roc_auc_score

from playbook import crm, monitoring
from playbook.propensity import leakage_check
from playbook.truth import benchmarks
from playbook.truth.between import Between
from playbook.truth.increments import increment
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import Covers, FalseAlarms, Progress, Share
from playbook.truth.sight import Sight, given
from playbook.truth.study import Study

NEGATIVE = "C2501"
"""The clearance by SMS, which drives one segment away."""


@row("06.uplift_random", "margin added per treated customer (EUR): interval covers", Covers())
def uplift_random(study: Study) -> Found | NotHere:
    """Campaigns of the last year with a random control group; naive: after less before."""
    numbers = study.sight.effects["numbers"]
    measured = numbers[numbers["reason"] == ""]
    if measured.empty:
        return NotHere("no campaign with a control group")
    members = study.world.tables["campaign_members"]
    treated = members[members["arm"] == "treated"].groupby("campaign_id")["customer_id"]
    planted = [increment(study, name, treated.get_group(name)) for name in measured["campaign_id"]]
    covers = (measured["low"] <= planted) & (planted <= measured["high"])
    return Found(
        planted=sum(planted) / len(planted),
        ours=float(measured["effect"].mean()),
        naive=float(measured["before_after"].mean()),
        hits=int(covers.sum()),
        trials=len(measured),
    )


@row(
    "06.uplift_negative_group",
    "margin added by a campaign in the group that it drives away (EUR): interval covers",
    Covers(),
)
def negative_group(study: Study) -> Found | NotHere:
    """Customers of the market segment in which the harmed segment is most; naive: the campaign's mean."""
    planted = study.truth["campaign_effects"].set_index("campaign_id").loc[NEGATIVE]
    if planted["log_lift"].min() >= 0:
        return NotHere("no group is driven away")
    harmed = planted.set_index("segment")["log_lift"].idxmin()
    customers = study.world.tables["customers"].set_index("customer_id")["market_segment"]
    market = customers[study.people["segment"].reindex(customers.index) == harmed].mode().iloc[0]
    outcomes = study.sight.outcomes
    group = outcomes[outcomes["customer_id"].map(customers) == market]
    group = group[group["campaign_id"] == NEGATIVE]
    found = given(monitoring.campaign_effects(group, study.sight.table("campaigns")))["numbers"]
    effect = found.iloc[0]
    truth = increment(study, NEGATIVE, group.loc[group["arm"] == "treated", "customer_id"])
    whole = study.sight.effects["numbers"].set_index("campaign_id").loc[NEGATIVE, "effect"]
    return Found(
        planted=truth,
        ours=float(effect["effect"]),
        naive=float(whole),
        hits=int(effect["low"] <= truth <= effect["high"]),
        trials=1,
    )


@row(
    "06.leak",
    "a column that was filled in after customers left: refused",
    Share(0.95, "no model may see it"),
)
def leak(study: Study) -> Found:
    """The column beside the usual features of all three snapshots; naive: its AUC alone, which raises no suspicion."""
    desk = study.world.extra["crm_contacts"].set_index("customer_id")["retention_status"]
    sight = study.sight
    days = crm.snapshot_days(sight.query("order_history_span"), sight.as_of)
    train, test, now = (
        frame.assign(retention_status=desk.reindex(frame["customer_id"]).to_numpy())
        for frame in (sight.query("customer_snapshot", **part) for part in (days.train, days.test, days.now))
    )  # fmt: skip
    refused = crm.late_columns(train, test, now, days)
    active = train[(train["orders"] > 0) & train["churned"].notna()]
    alone = leakage_check(
        active.assign(churned=active["churned"].astype(int)), "churned", ["retention_status"]
    )
    return Found(
        naive=float(alone["auc"].iloc[0]),
        hits=int("retention_status" in refused),
        trials=1,
    )


@row(
    "06.leak_false_alarm",
    "a column that was known at the day: refused as if filled in later",
    FalseAlarms(0.01),
)
def leak_false_alarm(study: Study) -> Found:
    """All columns of the snapshots, which are as of their day."""
    answer = study.sight.propensity
    columns = len(_active(study.sight, "train").columns) - 1
    return Found(hits=len(answer["refused"]), trials=columns)


@row(
    "06.churn_slope",
    "slope of what happened on the predicted log odds of leaving (mean over worlds)",
    Between(0.9, 1.1),
)
def churn_slope(study: Study) -> Found:
    """Logistic regression of the outcome on the log odds predicted a year before; 1: neither too bold nor too timid."""
    test = _active(study.sight)
    chance = study.sight.propensity["model"].score(test).reindex(test.index).clip(1e-6, 1 - 1e-6)
    odds = np.log(chance / (1 - chance)).to_numpy()
    fit = sm.Logit(test["churned"].astype(int).to_numpy(), sm.add_constant(odds)).fit(disp=0)
    return Found(planted=1.0, ours=float(fit.params[1]))


@row("06.churn_auc", "who will not order within a year (AUC)", Progress())
def churn(study: Study) -> Found:
    """Active customers a year before the end; naive: days since the last order."""
    table = study.sight.propensity.table.set_index("model")
    tests = [_active(s) for s in (study.sight, study.twin.sight)]
    seen, twin = (
        frame.drop(columns="churned").select_dtypes("number").astype(float).join(more, how="inner")
        for frame, more in zip(tests, _more(study), strict=True)
    )
    best = benchmarks.chances(seen, twin, tests[1]["churned"])[1]
    return Found(
        ours=float(table.loc[table["chosen"], "auc"].iloc[0]),
        naive=float(table.loc["recency only", "auc"]),
        bayes=float(roc_auc_score(tests[0]["churned"].loc[seen.index].astype(int), best)),
    )


def _active(sight: Sight, which: str = "test") -> pd.DataFrame:
    """Return the rows that the propensity model is tested on, or learns from (``train``)."""
    days = crm.snapshot_days(sight.query("order_history_span"), sight.as_of)
    rows = sight.query("customer_snapshot", **getattr(days, which)).set_index("customer_id")
    return rows[(rows["orders"] > 0) & rows["churned"].notna()]


def _more(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the figures of step 3 for the same day, with names that do not clash."""
    seen = study.seen_earlier.add_prefix("step 3: ")
    return seen, benchmarks.observed(study.twin.earlier, study.seen_earlier).add_prefix("step 3: ")
