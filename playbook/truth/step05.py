"""Step 5: are drivers causes, and is the harm of failures found?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook import experience
from playbook.answer import Answer
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import FalseAlarms, Share
from playbook.truth.sight import Sight, given
from playbook.truth.study import Study

FAILURES = "late,not solved,abandoned"
LATE = "late at delivery"


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
    "satisfaction with cases by telephone less by chat, which gets the worse topics (points): said to differ",
    FalseAlarms(0.05),
)
def confounded(study: Study) -> Found:
    """Both answer at once, so only the topics differ; naive: the gap of the plain means."""
    sight = study.sight
    table = given(experience.cases_by_channel(sight.query("service_cases"), sight.as_of)).table
    phone, chat = (table.set_index("channel").loc[name] for name in ("phone", "chat"))
    gap = float(phone["adjusted_csat"] - chat["adjusted_csat"])
    errors = [(c["adjusted_high"] - c["adjusted_low"]) / (2 * 1.96) for c in (phone, chat)]
    return Found(
        planted=0.0,
        ours=gap,
        naive=float(phone["csat"] - chat["csat"]),
        hits=int(abs(gap) > 1.96 * np.hypot(*errors)),
        trials=1,
    )


@row(
    "05.service_failure",
    "a late delivery lowers the share that orders again: sign found",
    Share(0.90, "a sign, with the interval beside it; its size has no closed form"),
)
def service_failure(study: Study) -> Found | NotHere:
    """Naive: share ordering again of those who met it less that of the others (heavy buyers meet more)."""
    if study.settings.service_effect == 0:
        return NotHere("failures do no harm in this world")
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
