"""Step 6: what campaigns add, for whom, and who will leave."""

from __future__ import annotations

from playbook.truth.increments import increment
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import Covers, Progress
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
    print(measured.assign(planted=planted)[['campaign_id','effect','low','high','planted']])
    return Found(
        planted=sum(planted) / len(planted),
        ours=float(measured["effect"].mean()),
        naive=float(measured["before_after"].mean()),
        hits=int(covers.sum()),
        trials=len(measured),
    )


@row("06.churn_auc", "who will not order within a year (AUC), no column that knows it", Progress())
def churn(study: Study) -> Found:
    """Naive: days since the last order."""
    table = study.sight.propensity.table.set_index("model")
    return Found(
        ours=float(table.loc[table["chosen"], "auc"].iloc[0]),
        naive=float(table.loc["recency only", "auc"]),
    )
