"""Step 5: are drivers causes, and is the harm of failures found?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from playbook import experience
from playbook.answer import Answer
from playbook.truth.rows import Found, row
from playbook.truth.rules import Share
from playbook.truth.sight import Sight, given
from playbook.truth.study import Study

FAILURES = "late,not solved,abandoned"
LATE, IDLE = "late at delivery", "abandoned at checkout"


def _pains(sight: Sight) -> Answer:
    """Return the notebook's answer on what went wrong for whom."""
    return given(
        experience.customer_incidents(
            sight.query("customer_years"), sight.query("failed_contacts", failures=FAILURES),
            sight.query("service_cases"), sight.engagement.service_levels, sight.as_of,
        )
    )  # fmt: skip


@row(
    "05.confounded_driver",
    "experience without an effect of its own that buyers meet more often: not named a driver",
    Share(0.90, "one finding in twenty may be false by design, and worlds are few"),
)
def confounded(study: Study) -> Found:
    """Naive: the rank correlation with recommendation, at five per cent."""
    sight = study.sight
    respondents = sight.query("respondents")
    failed, cases = sight.query("failed_contacts", failures=FAILURES), sight.query("service_cases")
    promised = sight.engagement.service_levels
    found = given(experience.incident_drivers(respondents, failed, cases, promised, sight.as_of))
    named = found.table.set_index("driver")["is_driver"]
    met = failed[failed["outcome"] == "abandoned"].groupby("customer_id").size()
    count = respondents["customer_id"].map(met).fillna(0.0)
    p = float(spearmanr(count, respondents["nps"]).pvalue)
    return Found(naive=float(p >= 0.05), hits=int(not named.get(IDLE, False)), trials=1)


@row(
    "05.service_failure",
    "a late delivery lowers the share that orders again: sign found",
    Share(0.90, "a sign, with the interval beside it; its size has no closed form"),
)
def service_failure(study: Study) -> Found:
    """Naive: share ordering again of those who met it less that of the others (heavy buyers meet more)."""
    pains = _pains(study.sight)
    table = given(experience.improvements(pains, study.sight.values, study.sight.as_of))["details"]
    late = table.set_index("pain").loc[LATE]
    raw = pains.table.set_index("pain").loc[LATE]
    return Found(
        ours=float(late["difference"]),
        naive=float(raw["ordered_again"] - raw["others_again"]),
        hits=int(late["difference"] < 0),
        trials=1,
        note=_interval(late),
    )


def _interval(row: pd.Series) -> str:
    if not np.isfinite(row["difference_low"]):
        return ""
    return f"{row['difference_low']:.3f} to {row['difference_high']:.3f} in one world"
