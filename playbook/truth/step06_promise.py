"""Step 6: does the margin promised for the chosen actions come, and does uplift say so where there is none?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook import crm, market
from playbook.answer import Answer, Missing
from playbook.engagement.model import Action
from playbook.truth.between import PooledRatio
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import FalseAlarms
from playbook.truth.sight import Sight, given
from playbook.truth.study import Study

CHANNELS = {"mail": "letter", "sales team": "none"}
"""Names of the simulator's channels that a plan calls otherwise."""
BUDGET, CALLS = 5_000.0, 20
LARGE = 4000
"""Customers from which a world is worth the time of living a year many times."""
BELIEF = 0.5
"""Standard deviation of the log error of a belief, as in the demo's plan."""
BELIEFS = 6
"""Plans with other errors of the beliefs for the same world: the mean has less luck in it."""
KNOWN, LATER = 1, 0
"""Luck of the years that the beliefs are about, and of those that judge the promise."""


@dataclass(frozen=True)
class Years:
    """What each action does to each active customer: means over years in which it came in another month.

    Attributes
    ----------
    margin, bought
        Customers × actions of the menu: change of the margin (EUR) and of having bought, against no action.
    """

    margin: pd.DataFrame
    bought: pd.DataFrame


def _months(study: Study, every: int) -> list[int]:
    return list(range(1, 13, every)) if study.customers >= LARGE else [5, 11]


def _years(study: Study, active: pd.Series, months: list[int], chance: int) -> Years:
    """Give all active customers one action after another; customers do not meet, so a plan is a choice among these lives."""
    year = study.sight.as_of.year + 1

    def lived(actions: pd.DataFrame | None) -> pd.Series:
        done = market.lived(study.world, year, market.Strategy(actions=actions), chance)
        return done.customers.set_index("customer_id")["goods"].reindex(active)

    idle = lived(None)
    menu = [a.action for a in study.settings.actions]
    margin = pd.DataFrame(0.0, index=idle.index, columns=menu)
    bought = margin.copy()
    for action in menu:
        for month in months:
            acted = lived(
                pd.DataFrame({"customer_id": active.to_numpy(), "action": action, "month": month})
            )
            margin[action] += (acted - idle) / len(months)
            bought[action] += ((acted != 0).astype(float) - (idle != 0)) / len(months)
    return Years(margin, bought)


def _believed_actions(study: Study, effects: pd.Series, draw: int) -> list[Action]:
    """The menu as a plan would hold it: effects with an error, discounts, and the past campaigns of the same kind."""
    rng = np.random.default_rng([study.seed, 6, draw])
    actions = []
    menu = market.menu(study.settings, study.customers).actions
    for entry in menu.sort_values("action").itertuples():
        believed = float(effects[entry.action] * np.exp(BELIEF * rng.standard_normal()))
        half = 1.96 * BELIEF * abs(believed)
        actions.append(
            Action.model_validate({
                "id": entry.action.replace(" ", "-"), "name": entry.action, "channel": CHANNELS.get(entry.channel, entry.channel),
                "purpose": "retention", "applies_to": "active", "unit_cost": entry.unit_cost, "discount": entry.discount,
                "measured_by": list(entry.past_campaigns), "believed_effect": believed,
                "believed_effect_low": believed - half, "believed_effect_high": believed + half,
            })
        )  # fmt: skip
    return actions


def _people(sight: Sight) -> pd.DataFrame:
    """Customers as the notebook's choice of actions sees them."""
    days = crm.snapshot_days(sight.query("order_history_span"), sight.as_of)
    return crm.candidates(
        sight.query("customer_snapshot", **days.now), sight.propensity["scores"], sight.values, sight.solution["segments"],
        Missing("no strategies", ""), crm.recent_answers(sight.query("latest_recommendation"), sight.as_of), churn_above=0.6,
    )  # fmt: skip


def _choice(people: pd.DataFrame, actions: list[Action], outcomes: pd.DataFrame) -> pd.DataFrame:  # fmt: skip
    """The notebook's choice, all customers reachable: customers with an action."""
    everyone = people[["customer_id"]]
    reach = everyone.assign(email=True, sms=True, letter=True, phone=True)
    answer = crm.next_best_action(
        people, actions, reach, everyone.assign(holdout=False), budget=BUDGET, capacity_per_month={"phone": CALLS},
        months=12, seed=1, outcomes=outcomes,
    )  # fmt: skip
    choice = given(answer)["choice"]
    return choice[choice["action"] != "none"]


@row(
    "06.promise",
    "margin promised for the chosen actions (EUR); planted: what the next year yields beyond no action",
    PooledRatio(0.9, 1.1),
    misses="careful by about a tenth: the value model puts all leaving on orders, so that an extra order seems to cost more later ones than it does",
)
def promise(study: Study) -> Found:
    """Beliefs around the true effects; the same years are lived with and without the chosen actions.

    The quantity is the old one, with less luck in it: the years differ by the month of the actions, each world is planned
    with several errors of the beliefs, and the effects that beliefs are drawn around are means of years with other luck than
    those that judge. The discount is in both figures since an action can say it; it used to be squeezed into the
    unit cost. Naive: the promise where beliefs are taken at their word and orders rise in proportion.
    """
    sight = study.sight
    people = _people(sight)
    active = people.loc[people["active"], "customer_id"].sort_values()
    effects = _years(study, active, _months(study, 2), KNOWN).bought.mean()
    later = _years(study, active, _months(study, 1), LATER).margin
    outcomes = sight.query(
        "campaign_outcomes", days=crm.EFFECT_DAYS, since=crm.campaigns_since(sight.as_of),
        margin_rate=sight.engagement.costs.margin_rate,
    )  # fmt: skip
    came, promised, naive = [], [], []
    for draw in range(BELIEFS if study.customers >= LARGE else 2):
        actions = _believed_actions(study, effects, draw)
        names = {a.id: a.name for a in actions}
        taken = _choice(people, actions, outcomes)
        rows, columns = (
            later.index.get_indexer(taken["customer_id"]),
            later.columns.get_indexer(taken["action"].map(names)),
        )
        came.append(float(later.to_numpy()[rows, columns].sum()))
        promised.append(float(taken["expected_margin"].sum()))
        naive.append(_at_their_word(people, actions, taken))
    return Found(
        planted=float(np.mean(came)), ours=float(np.mean(promised)), naive=float(np.mean(naive))
    )


def _at_their_word(people: pd.DataFrame, actions: list[Action], taken: pd.DataFrame) -> float:
    """Margin promised if each belief held for its chosen customers, and whoever is made to buy buys as others do."""
    chosen = people.set_index("customer_id").loc[taken["customer_id"]]
    action = taken["action"].map({a.id: a for a in actions})
    effect = np.array([a.believed_effect for a in action])
    cut = np.array([a.discount for a in action]) * chosen["expected_revenue"].to_numpy() / 12
    return float((effect * chosen["margin_given_order"].to_numpy() - cut).sum())


def _uplift(study: Study) -> Answer:
    sight = study.sight
    days = crm.snapshot_days(sight.query("order_history_span"), sight.as_of)
    return given(
        crm.campaign_uplift(
            sight.outcomes, sight.query("customer_snapshot", **days.test), sight.table("customers"), sight.table("campaigns"), 1
        )
    )  # fmt: skip


@row(
    "06.uplift_null",
    "ranking said to beat everybody and nobody where no contact has an effect",
    FalseAlarms(0.05),
)
def uplift_null(study: Study) -> Found | NotHere:
    """Campaigns of the last year with a random control group, in null worlds."""
    if not study.null:
        return NotHere("contacts have effects in this world")
    verdicts = _uplift(study)["verdicts"]
    return Found(hits=int((verdicts == "target by ranking").sum()), trials=len(verdicts))
