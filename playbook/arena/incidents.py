"""What goes wrong, what it costs, and so what care is worth: step 5 as a consultant reads it."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from playbook import experience
from playbook.answer import Answer, Missing
from playbook.arena.game import Client
from playbook.experience.effects import DAYS
from playbook.truth.sight import given

__all__ = ["care_pays", "kinds_mended", "saved_by_kind", "years_from_middle"]

FAILURES = "late,not solved,abandoned"
ALSO_MENDS = {"faster answers": ("slow resolution",)}
"""Pain points that a fix speaks to besides its own, as its seller would state it: the last answer is to come in time as well."""


def years_from_middle(client: Client) -> float:
    """Years that count from the middle of the coming one: what is done in the year works from there on average."""
    return client.years_left - 0.5


@lru_cache(maxsize=2)
def _incidents(client: Client) -> tuple[Answer, Answer | Missing]:
    """What went wrong for whom, and how many order less often in the year after, at equal buying."""
    sight = client.sight
    pains = given(
        experience.customer_incidents(
            sight.query("customer_years"), sight.query("failed_contacts", failures=FAILURES),
            sight.query("service_cases"), sight.engagement.service_levels, sight.as_of,
        )
    )  # fmt: skip
    effects = experience.incident_effects(
        pains, sight.query("purchase_occasions", days=DAYS),
        sight.query("occasion_contacts", days=DAYS, failures=FAILURES), sight.as_of,
    )  # fmt: skip
    return pains, effects


@lru_cache(maxsize=2)
def _kinds(client: Client) -> pd.DataFrame:
    """Kinds of incident, their names, and the margin that mending one saves until the end of the years that count."""
    pains, effects = _incidents(client)
    if isinstance(effects, Missing):
        return pd.DataFrame(columns=["kind", "names", "saved"])
    values = client.sight.values
    left = values.assign(
        clv=years_from_middle(client) * values["expected_margin_12m"].astype(float)
    )
    found = given(experience.improvements(pains, client.sight.as_of, effects, left))
    return found["by_kind"]


def saved_by_kind(client: Client) -> pd.Series:
    """Margin that last year's incidents of each kind put at risk, whatever names the incident has in step 5."""
    return _kinds(client).set_index("kind")["saved"].astype(float)


def kinds_mended(client: Client) -> dict[str, set[str]]:
    """Kinds of incident that each fix of the menu mends: those of its pain point, and of others that it speaks to."""
    kind = _kinds(client).explode("names").set_index("names")["kind"].to_dict()
    return {
        entry.fix: {kind[p] for p in (entry.pain, *ALSO_MENDS.get(entry.fix, ())) if p in kind}
        for entry in client.menu.fixes.itertuples()
    }


@lru_cache(maxsize=2)
def care_pays(client: Client) -> float:
    """Relative change of a year's orders that one standard score of satisfaction is worth; 0 where incidents do no harm.

    Surveys are too few to tell what satisfaction is worth. Incidents are many: one is taken to cost about a standard
    score, so that a standard score is worth what an incident takes from the share that orders again (expected, mean
    over incidents), for the years that count.
    """
    pains, effects = _incidents(client)
    if isinstance(effects, Missing):
        return 0.0
    known = effects["by_pain"].dropna(subset="expected")
    known = known.merge(pains.table[["pain", "incidents"]], on="pain")
    known = known[~known["pain"].isin(pains["shopping"])]
    if known.empty:
        return 0.0
    harm = -(known["expected"] * known["incidents"]).sum() / known["incidents"].sum()
    return max(float(harm / effects["base"]), 0.0) * years_from_middle(client)
