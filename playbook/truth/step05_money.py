"""Step 5: is the harm of failures found in sign and size, and does the backlog name what is worth mending?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook import experience
from playbook.answer import Answer, Missing
from playbook.experience.effects import DAYS, with_incidents
from playbook.truth.planted_harm import Harm, PlantedHarm
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import Covers, FalseAlarms, Progress, Share
from playbook.truth.sight import Sight, given
from playbook.truth.study import Study

FAILURES = "late,not solved,abandoned"
LATE = "late at delivery"
CASES = ("not solved at service", "slow resolution", "case reopened")
DELIVERED = pd.Timedelta(days=13)
"""A late delivery is seen at most this long after its order."""


def _pains(sight: Sight) -> Answer:
    """Return the notebook's answer on what went wrong for whom."""
    return given(
        experience.customer_incidents(
            sight.query("customer_years"), sight.query("failed_contacts", failures=FAILURES),
            sight.query("service_cases"), sight.engagement.service_levels, sight.as_of,
        )
    )  # fmt: skip


def _queries(sight: Sight) -> tuple[pd.DataFrame, pd.DataFrame]:
    return (
        sight.query("purchase_occasions", days=DAYS),
        sight.query("occasion_contacts", days=DAYS, failures=FAILURES),
    )


def _effects(sight: Sight, pains: Answer) -> Answer:
    return given(experience.incident_effects(pains, *_queries(sight), sight.as_of))


def _seen_late(planted: PlantedHarm, events: pd.DataFrame) -> pd.DataFrame:
    """Late deliveries among the events, with customer and month of the order that was late."""
    seen = events[events["pain"] == LATE][["customer_id", "occurred_at"]]
    seen = seen.assign(
        customer=seen["customer_id"].map(planted.numbers).astype("int64"),
        occurred_at=seen["occurred_at"].astype("datetime64[us]"),
    )
    orders = planted.incidents[planted.incidents["kind"] == "late"]
    orders = orders[["customer", "time", "month"]].astype({"customer": "int64", "time": "datetime64[us]"})  # fmt: skip
    return pd.merge_asof(
        seen.sort_values("occurred_at"), orders.sort_values("time"),
        left_on="occurred_at", right_on="time", by="customer", tolerance=DELIVERED,
    ).dropna(subset=["time"])  # fmt: skip


def _late(study: Study, pains: Answer) -> Harm:
    """Planted harm of the late deliveries that the estimator sees, each as often as it counts there."""
    planted = PlantedHarm(study)
    panel = with_incidents(*_queries(study.sight), pains["events"], pains["places"])
    hit = _seen_late(planted, pains["events"])
    pairs = panel.loc[panel[LATE] > 0, ["customer_id", "ordered_at"]].merge(hit, on="customer_id")
    ends = pairs["ordered_at"].dt.normalize() + pd.Timedelta(days=DAYS + 1)
    gap = ends - pairs["occurred_at"]
    pairs = pairs[(gap > pd.Timedelta(0)) & (gap <= pd.Timedelta(days=DAYS + 1))]
    into = pairs["ordered_at"].dt.day / pairs["ordered_at"].dt.days_in_month
    return planted.of(pairs, (1 - into).to_numpy(), "late")


@row(
    "05.late_delivery",
    "a late delivery lowers the share that orders again in the year after: sign found",
    Share(0.90, "its size is judged by the row of its interval and by the design cells"),
)
def late_delivery(study: Study) -> Found | NotHere:
    """Naive: share ordering again of those who met one in a year less that of the others."""
    if study.settings.service_effect == 0:
        return NotHere("failures do no harm in this world")
    pains = _pains(study.sight)
    found = _effects(study.sight, pains)["by_pain"].set_index("pain").loc[LATE]
    raw = pains.table.set_index("pain").loc[LATE]
    return Found(
        planted=_late(study, pains).again,
        ours=float(found["difference"]),
        naive=float(raw["ordered_again"] - raw["others_again"]),
        hits=int(found["difference"] < 0),
        trials=1,
        note=f"{found['difference_low']:.3f} to {found['difference_high']:.3f} in one world",
    )


@row(
    "05.late_delivery_size",
    "95 % interval of what a late delivery changes in the share ordering again: holds the planted change",
    Covers(0.95),
)
def late_delivery_size(study: Study) -> Found:
    """In every world, those without harm included; a size far off in either direction fails here."""
    pains = _pains(study.sight)
    found = _effects(study.sight, pains)["by_pain"].set_index("pain").loc[LATE]
    raw = pains.table.set_index("pain").loc[LATE]
    planted = _late(study, pains).again
    return Found(
        planted=planted,
        ours=float(found["difference"]),
        naive=float(raw["ordered_again"] - raw["others_again"]),
        hits=int(found["difference_low"] <= planted <= found["difference_high"]),
        trials=1,
    )


def _at_risk(study: Study, pains: Answer) -> pd.Series:
    """Planted margin that last year's incidents put at risk in the year after, by pain.

    Overlaps are shared out as the playbook says it does: the harm of a failed case falls in equal parts to the names
    it goes by (not solved, slow, reopened). What did no harm has nothing at risk.
    """
    planted = PlantedHarm(study)
    events = pains["events"]
    events = events[events["occurred_at"] >= pd.Timestamp(study.sight.since) + pd.Timedelta(days=1)]
    late = _seen_late(planted, events)[["customer", "month"]].assign(pain=LATE, part=1.0)
    names = events[events["pain"].isin(CASES)]
    names = names.assign(customer=names["customer_id"].map(planted.numbers), opened=names["occurred_at"].dt.floor("s"))  # fmt: skip
    failed = planted.incidents[planted.incidents["kind"] == "failed"]
    failed = failed.assign(opened=failed["opened"].dt.floor("s"))[["customer", "month", "opened"]]
    failed = failed.merge(names[["customer", "opened", "pain"]], on=["customer", "opened"])
    failed["part"] = 1 / failed.groupby(["customer", "opened"])["pain"].transform("size")
    total = []
    for kind, rows in (("late", late), ("failed", failed)):
        lost = -planted.of(rows, np.zeros(len(rows)), kind).orders
        margin = _margin(study, planted.crowd.customer_id[rows["customer"].to_numpy(dtype=int)])
        total.append((lost * margin * rows["part"]).groupby(rows["pain"]).sum())
    return pd.concat(total).reindex(pains.table["pain"], fill_value=0.0)


def _margin(study: Study, customers: np.ndarray) -> np.ndarray:
    """Mean margin of an order of each customer's latent segment."""
    people = study.people["segment"]
    orders = study.world.tables["orders"].dropna(subset="customer_id")
    sums = orders.assign(margin=orders["revenue"] - orders["cost"]).groupby(orders["customer_id"].map(people))  # fmt: skip
    margin = sums["margin"].sum() / sums["revenue"].agg(lambda r: (r > 0).sum())
    return margin.loc[people.loc[customers]].to_numpy(dtype=float)


@row(
    "05.backlog_top_three",
    "margin a year that the first three pain points of the backlog put at risk (currency)",
    Progress(),
)
def backlog_top_three(study: Study) -> Found | NotHere:
    """Naive: the three most frequent; benchmark: the three that together put most at risk."""
    if study.settings.service_effect == 0:
        return NotHere("failures do no harm in this world")
    sight, pains = study.sight, _pains(study.sight)
    found = given(experience.improvements(pains, sight.as_of, _effects(sight, pains), sight.values))
    ranked = found["details"].dropna(subset=["pain"])["pain"]
    frequent = pains.table.sort_values(["incidents", "pain"], ascending=[False, True])["pain"]
    value = _at_risk(study, pains)
    return Found(
        ours=float(value[list(ranked.head(3))].sum()),
        naive=float(value[list(frequent.head(3))].sum()),
        bayes=float(value.nlargest(3).sum()),
        note=", ".join(ranked.head(3)),
    )


@row(
    "05.harmless_failures",
    "pain points called a loss with high or medium confidence where failures do no harm",
    FalseAlarms(0.05),
)
def harmless_failures(study: Study) -> Found | NotHere:
    """Counted by kind of incident: names that share one estimate are called together."""
    if study.settings.service_effect != 0:
        return NotHere("failures do harm in this world")
    pains = _pains(study.sight)
    effects = _effects(study.sight, pains)
    found = experience.improvements(pains, study.sight.as_of, effects, study.sight.values)
    if isinstance(found, Missing):
        return NotHere(repr(found))
    table = found["details"].dropna(subset=["difference"]).drop_duplicates("kind")
    sure = table["confidence"].isin(["high", "medium"])
    return Found(planted=0.0, ours=float(sure.sum()), hits=int(sure.sum()), trials=len(table))
