"""Step 5: is a worse service channel found where there is one, and none where there is none?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook import experience
from playbook.answer import Answer
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import FalseAlarms, Share
from playbook.truth.sight import given
from playbook.truth.study import Study


def _channels(study: Study) -> list[Answer]:
    """Return the notebook's answer on channels, in the last year and in the one before (other cases)."""
    return [
        given(experience.cases_by_channel(sight.query("service_cases"), sight.as_of))
        for sight in (study.sight, study.earlier)
    ]


@row(
    "05.worse_channel",
    "the channel that answers worse is named (share of years of the worlds that have one)",
    Share(0.70, "a store desk rated 40 times a year has a standard error of 0.16 points: of the smallest effects drawn there, 0.3 points on the scale, about half can be shown, and a run has few such worlds"),
)  # fmt: skip
def worse_channel(study: Study) -> Found | NotHere:
    """Naive: the channel with the lowest plain mean, which is named in every world, whether one is worse or not."""
    if not study.settings.channel_effect:
        return NotHere("all channels answer alike in this world")
    (planted,) = study.settings.channel_effect
    found = _channels(study)
    named = [answer["worse"] == planted for answer in found]
    lowest = [answer.table.sort_values(["csat", "channel"])["channel"].iloc[0] for answer in found]
    naive = float(np.mean([name == planted for name in lowest]))
    return Found(ours=float(np.mean(named)), naive=naive, hits=sum(named), trials=len(named))


@row(
    "05.channels_alike",
    "a channel is named worse where none is planted (share of years)",
    FalseAlarms(0.10),
)
def channels_alike(study: Study) -> Found | NotHere:
    """Naive: the highest and the lowest plain mean differ by a test of two means.

    E-mail is answered later than the other channels and so pleases a little less (about a tenth of a point) in
    worlds where service has an effect; that is too little to be named.
    """
    if study.settings.channel_effect:
        return NotHere("one channel answers worse in this world")
    found = _channels(study)
    alarms = [bool(answer["worse"]) for answer in found]
    naive = float(np.mean([_plain_test(answer.table) for answer in found]))
    return Found(planted=0.0, ours=float(np.mean(alarms)), naive=naive, hits=sum(alarms), trials=len(alarms))  # fmt: skip


def _plain_test(table: pd.DataFrame) -> bool:
    ordered = table.sort_values(["csat", "channel"])
    low, high = ordered.iloc[0], ordered.iloc[-1]
    error = np.hypot(*[(c["high"] - c["low"]) / (2 * 1.96) for c in (low, high)])
    return bool(high["csat"] - low["csat"] > 1.96 * error)
