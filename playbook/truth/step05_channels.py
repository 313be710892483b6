"""Step 5: is a worse service channel found where there is one, and none where there is none?"""

from __future__ import annotations

import numpy as np

from playbook import experience
from playbook.answer import Answer
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import FalseAlarms, Share
from playbook.truth.sight import Sight, given
from playbook.truth.study import Study


def _channels(sight: Sight) -> Answer:
    """Return the notebook's answer on channels."""
    return given(experience.cases_by_channel(sight.query("service_cases"), sight.as_of))


@row(
    "05.worse_channel",
    "the channel that answers worse is named (share of the worlds that have one)",
    Share(0.80, "a store desk rated 40 times a year has a standard error of 0.16 points: of the smallest effects drawn there, 0.3 points on the scale, about half can be shown"),
)  # fmt: skip
def worse_channel(study: Study) -> Found | NotHere:
    """Naive: the channel with the lowest plain mean."""
    if not study.settings.channel_effect:
        return NotHere("all channels answer alike in this world")
    (planted,) = study.settings.channel_effect
    found = _channels(study.sight)
    lowest = found.table.sort_values(["csat", "channel"])["channel"].iloc[0]
    hit = found["worse"] == planted
    return Found(ours=float(hit), naive=float(lowest == planted), hits=int(hit), trials=1)


@row(
    "05.channels_alike",
    "a channel is named worse where none is planted (share of worlds)",
    FalseAlarms(0.10),
)
def channels_alike(study: Study) -> Found | NotHere:
    """Naive: the highest and the lowest plain mean differ by a test of two means.

    E-mail is answered later than the other channels and so pleases a little less (about a tenth of a point) in
    worlds where service has an effect; that is too little to be named.
    """
    if study.settings.channel_effect:
        return NotHere("one channel answers worse in this world")
    found = _channels(study.sight)
    table = found.table.sort_values(["csat", "channel"])
    low, high = table.iloc[0], table.iloc[-1]
    error = np.hypot(*[(c["high"] - c["low"]) / (2 * 1.96) for c in (low, high)])
    alarm = bool(found["worse"])
    naive = bool(high["csat"] - low["csat"] > 1.96 * error)
    return Found(planted=0.0, ours=float(alarm), naive=float(naive), hits=int(alarm), trials=1)
