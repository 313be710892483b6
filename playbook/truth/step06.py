"""Step 6: what campaigns add, for whom, and who will leave."""

from __future__ import annotations

import pandas as pd
from sklearn.metrics import roc_auc_score

from playbook import crm
from playbook.truth import benchmarks
from playbook.truth.increments import increment
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import Covers, Progress
from playbook.truth.sight import Sight
from playbook.truth.study import Study


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


def _active(sight: Sight) -> pd.DataFrame:
    """Return the rows that the propensity model is tested on."""
    days = crm.snapshot_days(sight.query("order_history_span"), sight.as_of)
    rows = sight.query("customer_snapshot", **days.test).set_index("customer_id")
    return rows[(rows["orders"] > 0) & rows["churned"].notna()]


def _more(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the figures of step 3 for the same day, with names that do not clash."""
    seen = study.seen_earlier.add_prefix("step 3: ")
    return seen, benchmarks.observed(study.twin.earlier, study.seen_earlier).add_prefix("step 3: ")
