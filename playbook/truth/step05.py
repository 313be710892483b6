"""Step 5: are drivers causes, and is the harm of failures found?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from playbook import experience
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import FalseAlarms, Share
from playbook.truth.sight import Sight, given
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


def _handling(sight: Sight) -> pd.DataFrame:
    """Return what the notebook says about each part of the handling of a case."""
    cases, promised = sight.query("service_cases"), sight.engagement.service_levels
    found = given(experience.case_drivers(cases, sight.as_of, promised, sight.engagement.seed))
    return found["numbers"].set_index("driver")


def _named(table: pd.DataFrame) -> Found:
    """How many of these are named; naive: whose correlation alone is not zero by its 95 % interval."""
    alone = (table["raw_low"] > 0) | (table["raw_high"] < 0)
    return Found(
        ours=float(table["is_driver"].mean()),
        naive=float(alone.mean()),
        hits=int(table["is_driver"].sum()),
        trials=len(table),
    )


@row(
    "05.case_channel",
    "channels of a case, in worlds where none has an effect: named drivers of satisfaction (share)",
    FalseAlarms(0.05),
)
def case_channel(study: Study) -> Found | NotHere:
    """Chat gets the delivery cases, which nobody likes; quick answers hide it before adjustment."""
    if study.settings.channel_effect:
        return NotHere("a channel is planted worse in this world: 05.worse_channel judges it")
    table = _handling(study.sight)
    return _named(table[table.index.str.startswith("asked by ")])


@row(
    "05.case_followers",
    "further contacts and changes of channel, which only follow a failed case: named drivers (share)",
    FalseAlarms(0.05),
)
def case_followers(study: Study) -> Found:
    """A failed case causes both them and the low rating; alone they look like drivers nearly always."""
    table = _handling(study.sight)
    return _named(table[table.index.isin(["further contacts", "change of channel"])])


@row(
    "05.case_drivers",
    "slow first answer, late solution, reopened case: named drivers where service matters (share)",
    Share(0.80, "the usual power of a test; the slow answer is planted just above the smallest effect that counts"),
)  # fmt: skip
def case_drivers(study: Study) -> Found | NotHere:
    """Planted: 1.25 points for a failed case, 0.45 for a slow answer, of a spread of one point."""
    if study.settings.service_effect == 0:
        return NotHere("service does not matter in this world")
    planted = ["first answer later than promised", "solved later than promised", "case reopened"]
    table = _handling(study.sight)
    table = table[table.index.isin(planted)]
    right = int((table["is_driver"] & (table["coefficient"] < 0)).sum())
    return replace(_named(table), planted=1.0, ours=right / len(planted), hits=right, trials=len(planted))  # fmt: skip


@row(
    "05.case_drivers_null",
    "parts of the handling of a case where service does not matter: any named a driver",
    FalseAlarms(0.05),
)
def case_drivers_null(study: Study) -> Found | NotHere:
    """One family of tests a world, controlled at 5 %; naive: any correlation alone not zero."""
    if study.settings.service_effect != 0:
        return NotHere("service matters in this world")
    found = _named(_handling(study.sight))
    alarm = int(bool(found.hits))
    return replace(found, planted=0.0, ours=float(alarm), naive=float(bool(found.naive)), hits=alarm, trials=1)  # fmt: skip
