"""Step 6: does moving money between acquisition channels bring what it could?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook import crm
from playbook.market import catalogue
from playbook.market.settings import SATURATION
from playbook.truth.rows import Found, row
from playbook.truth.rules import Progress
from playbook.truth.sight import Sight, given
from playbook.truth.study import START, Study

TENTH = 0.1
STEPS = 4000


def _newcomers(sight: Sight) -> pd.DataFrame:
    start = crm.newcomers_since(sight.query("order_history_span"))
    return sight.query("newcomer_margins", days=crm.NEWCOMER_DAYS, start=start, margin_rate=sight.engagement.costs.margin_rate)  # fmt: skip


def _yearly(study: Study, usual: pd.Series) -> pd.Series:
    """Planted margin within a year of all that the usual spend wins, by channel; what one is worth comes from the twin."""
    spend = study.sight.table("channel_spend")
    spend = spend[spend["purpose"] == "acquisition"].reset_index(drop=True)
    month = 12 * (spend["month"].dt.year - START) + spend["month"].dt.month - 1
    expected = catalogue.expected_wins(study.settings, spend.assign(month=month), study.customers)
    expected *= float(spend["new_customers"].sum()) / expected.sum()
    last = spend["month"] > spend["month"].max() - pd.DateOffset(months=12)
    won = pd.Series(expected)[last].groupby(spend.loc[last, "channel"]).sum()
    worth = _newcomers(study.twin.sight).groupby("channel")["margin"].mean()
    return (won * worth).reindex(usual.index)


def _gain(yearly: pd.Series, usual: pd.Series, spend: pd.Series) -> float:
    return float((yearly * ((spend.reindex(usual.index) / usual) ** SATURATION - 1)).sum())


def _best(yearly: pd.Series, usual: pd.Series, least: pd.Series, most: pd.Series) -> pd.Series:
    """The same money where it brings most: handed out in small steps, each where the last unit brings most."""
    money, low, top = float(usual.sum()), least.to_numpy(float), most.to_numpy(float)
    step = (money - low.sum()) / STEPS
    now, each, per = low.copy(), yearly.to_numpy(float), usual.to_numpy(float)
    for _ in range(STEPS):
        back = np.where(now + step <= top + 1e-9, each / per * (now / per) ** (SATURATION - 1), -np.inf)  # fmt: skip
        now[back.argmax()] += step
    return pd.Series(now, usual.index)


@row(
    "06.channel_money",
    "margin within a year that the same money brings more when moved between channels, each within its months' range (EUR)",
    Progress(),
)
def channel_money(study: Study) -> Found:
    """Planted wins by channel; naive: a tenth of the money from where a customer costs most to where one costs least.

    Nobody goes beyond the smallest and the largest month of a channel, a whole year long: what lies there was never seen.
    """
    sight = study.sight
    channels = given(
        crm.acquisition_channels(
            sight.table("channel_spend"), _newcomers(sight), sight.solution["segments"]
        )
    )
    plan = given(crm.channel_plan(channels, None, sight.engagement.seed))
    ours = plan.table.set_index("channel")["at_same_money"]
    reading = channels["reading"]
    usual = reading.usual
    yearly = _yearly(study, usual)
    cost = channels.table.set_index("channel")["cost_each"].reindex(usual.index)
    naive, (least, most) = usual.copy(), reading.seen()
    dear, cheap = cost.idxmax(), cost.idxmin()
    moved = min(TENTH * usual.sum(), usual[dear] - least[dear], most[cheap] - usual[cheap])
    naive[dear], naive[cheap] = usual[dear] - moved, usual[cheap] + moved
    return Found(
        planted=_gain(yearly, usual, ours),
        ours=_gain(yearly, usual, ours),
        naive=_gain(yearly, usual, naive),
        bayes=_gain(yearly, usual, _best(yearly, usual, least, most)),
        note=f"promised {plan['total'][0]:,.0f} ({plan['total'][1]:,.0f} to {plan['total'][2]:,.0f})",
    )
