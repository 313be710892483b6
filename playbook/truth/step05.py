"""Step 5: are drivers causes, and is the harm of failures found?"""

from __future__ import annotations

import numpy as np

from playbook import experience
from playbook.truth.rows import Found, row
from playbook.truth.rules import FalseAlarms
from playbook.truth.sight import given
from playbook.truth.study import Study


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
