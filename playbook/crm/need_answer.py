"""Where each action of the plan is expected to work more, by the need it speaks to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, need
from playbook.crm.effects import Effects
from playbook.crm.need_fit import EXPONENTS

__all__ = ["needs_of_actions"]

ASK = "a need in the plan's actions (need: price, style, service, ...), and survey answers on the importance of needs (kind importance)"


@answers
def needs_of_actions(plan: Answer | Missing, actions: Sequence[Any]) -> Answer | Missing:
    """Return by how much more than on average each action is expected to work in each segment.

    Parameters
    ----------
    plan
        From `next_best_action`.
    actions
        ``plan.actions``.

    Returns
    -------
    Answer
        Table action, need, segment, weight (the need's, mean one over the customers whom the action is for), expected (relative
        change of the segment's orders after all campaigns), standard_error. Actions without a need are not in it.

    Notes
    -----
    Weights are those of `need_weights` to a power between 0 and 2 that all measured campaigns share, 1 ± 0.5 before they speak.
    """
    if isinstance(plan, Missing):
        return plan
    effects: Effects = plan["effects"]
    known = {a.id: a for a in actions if a.need in effects.needs.asked}
    need(pd.DataFrame({"action": list(known)}), "actions with a need that a survey asks for", ASK)
    table = effects.table[effects.table["action_id"].isin(list(known))]
    table = pd.DataFrame({
        "action": table["action_id"].map({k: a.name for k, a in known.items()}), "need": table["action_id"].map({k: a.need for k, a in known.items()}),
        "segment": table["segment"], "weight": table["weight"], "expected": table["effect"], "standard_error": table["standard_error"],
    }).sort_values(["weight", "action", "segment"], ascending=[False, True, True], ignore_index=True)  # fmt: skip
    power, spread = _exponent(effects)
    top = table.iloc[0]
    return Answer(
        table=table,
        headline=(
            f"'{top.action}' speaks to {top.need} and is expected to work {top.weight:.1f} times as much as on average in '{top.segment}'"
            if top.weight > 1.05 else "Stated needs hardly tell segments apart: actions are expected to work alike everywhere"
        ),
        so_what=_advice(effects, known, power, spread),
        kind="predictive",
        caption=f"Weight of each action by segment, mean one over the customers it is for ({table['action'].nunique()} actions, {table['segment'].nunique()} segments)",
        units={"weight": "ratio", "expected": "%", "standard_error": "%"},
        source="survey answers on importance, plan, past campaigns with a random control",
        metrics=(Metric("need_exponent", power, max(power - 1.96 * spread, EXPONENTS[0]), min(power + 1.96 * spread, EXPONENTS[-1]), len(known), "ratio", "predictive"),),
    )  # fmt: skip


def _exponent(effects: Effects) -> tuple[float, float]:
    """Mean and standard deviation of the power that responses follow stated needs with."""
    chance, powers = effects.needs.probability, np.array(EXPONENTS)
    mean = effects.needs.exponent
    return mean, float(np.sqrt(chance @ (powers - mean) ** 2))


def _advice(effects: Effects, known: Mapping[str, Any], power: float, spread: float) -> str:
    asked = effects.table[effects.table["action_id"].isin(list(known))]
    heard = int((asked.groupby("action_id")["campaigns"].first() > 0).sum())
    source = (
        f"Campaigns of {heard} such actions tell how far responses follow what people say they need"
        if heard else "No campaign with a random control tells how far responses follow what people say they need"
    )  # fmt: skip
    half = 1.96 * spread
    verdict = "less than assumed" if power + half < 1 else "more than assumed" if power - half > 1 else "which does not contradict the assumption"  # fmt: skip
    return (
        f"{source}: power {power:.1f} (standard deviation {spread:.1f}; 0 not at all, 1 as assumed), {verdict}. "
        "Keep random controls in every segment, so that the next review knows it better."
        + effects.needs.told()
    )
