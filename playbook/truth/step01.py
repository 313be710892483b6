"""Step 1: the year that came against what was expected of it a year before."""

from __future__ import annotations

from datetime import date

from playbook import objectives
from playbook.engagement.model import Objective
from playbook.truth.rows import Found, row
from playbook.truth.rules import Covers
from playbook.truth.sight import given
from playbook.truth.study import Study

FIGURES = (
    *("new_customers", "active_customers", "gross_margin", "revenue"),
    *("orders_per_customer", "average_order_value", "repeat_rate"),
)


@row(
    "01.business_as_usual",
    "figures of the world's next year inside the 95 % range forecast without new action",
    Covers(0.95),
)
def next_year(study: Study) -> Found:
    """From two years of history; naive: the year before and the range that sampling alone gives it."""
    sight, rate = study.earlier, study.sight.engagement.costs.margin_rate
    now, later = (
        given(
            objectives.baselines(
                seen.query("headline_figures", margin_rate=rate), seen.query("satisfaction_answers")
            )
        )["figures"].set_index("metric")
        for seen in (sight, study.sight)
    )
    asked = [_asked(metric, float(now.loc[metric, "value"]), study) for metric in FIGURES]
    reach = given(
        objectives.reachability(
            asked,
            now.reset_index(),
            sight.query("monthly_figures", margin_rate=rate),
            sight.query("rolling_figures"),
            sight.query("wave_answers"),
            as_of=sight.as_of,
            seed=sight.engagement.seed,
        )
    )["forecasts"].set_index("metric")
    came = later.loc[list(FIGURES), "value"]
    frames = (reach.loc[came.index], now.loc[came.index])
    ours, naive = (((f["low"] <= came) & (came <= f["high"])).to_numpy() for f in frames)
    return Found(
        0.95, float(ours.mean()), float(naive.mean()), hits=int(ours.sum()), trials=len(ours)
    )


def _asked(metric: str, target: float, study: Study) -> Objective:
    day: date = study.sight.as_of
    return Objective(
        id=metric.replace("_", "-"), name=metric, area="value", metric=metric, target=target, due=day,
        owner="board", serves="purpose", because="the year that came is known",
    )  # fmt: skip
