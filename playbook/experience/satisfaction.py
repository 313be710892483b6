"""What goes with a point of satisfaction in the year after: ordering again and spend of the same customers (E7).

References
----------
Anderson, E. W. & Sullivan, M. W. (1993). The antecedents and consequences of customer satisfaction for
firms. Marketing Science 12.
Mittal, V. & Kamakura, W. A. (2001). Satisfaction, repurchase intent, and repurchase behavior. Journal of
Marketing Research 38 (who answers, and how, differs between customers).
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, format_value
from playbook.errors import NotEnough
from playbook.experience.common import varies
from playbook.experience.effects import adjusted, capped, independent, known_before
from playbook.stats import false_discovery

__all__ = ["satisfaction_effects"]

FEEDBACK = "ratings of cases (tickets) or survey answers with customer numbers, and orders of the year after"
FEWEST = 100
"""Answers followed for a year that a slope needs."""
SCALES = {"case satisfaction": "1 to 5", "survey satisfaction": "1 to 5", "recommendation": "0 to 10"}  # fmt: skip


def _slope(rows: pd.DataFrame) -> dict[str, float] | None:
    """Change per point in ordering again and in spend; none where too few answered or all alike."""
    if len(rows) < FEWEST or not varies(rows["score"]) or not varies(rows["orders_after"] > 0):
        return None
    rows = rows.sort_values(["answered_at", "answer_id"], ignore_index=True)
    controls = known_before(rows)
    if varies(rows["topic"]):
        topic = pd.get_dummies(rows["topic"].fillna("unknown").astype("str"), prefix="topic", dtype=float)  # fmt: skip
        controls = pd.concat([controls, topic.iloc[:, 1:]], axis=1)
    x = independent(rows[["score"]], controls)
    found = {
        name: adjusted(y, x, ["score"], rows["customer_id"])[0]
        for name, y in (
            ("again", rows["orders_after"] > 0),
            ("spend", capped(rows["revenue_after"])),
        )
    }
    if found["again"].empty:
        return None
    again, spend = (found[name].loc["score"] for name in ("again", "spend"))
    return {
        "again": again["estimate"], "again_low": again["low"], "again_high": again["high"],
        "spend": spend["estimate"], "spend_low": spend["low"], "spend_high": spend["high"],
        "p_value": again["p_value"], "mean": rows["score"].mean(), "n": len(rows), "customers": rows["customer_id"].nunique(),
    }  # fmt: skip


@answers
def satisfaction_effects(followed: pd.DataFrame, as_of: date) -> Answer:
    """Return what one point more of satisfaction goes with in the year after the answer.

    The same customers' orders are followed for 365 days, from 30 days after the answer, at equal buying
    before, customer, month and (cases) topic. A linear model; errors clustered by customer.

    Parameters
    ----------
    followed
        Query ``satisfaction_followed``.
    as_of
        Last day of the period.

    Returns
    -------
    Answer
        Table: measure, scale, again (change per point in the share ordering again), spend (change per point
        in revenue of the year, zeros counted) with intervals, q_value, n, customers.
    """
    found = {kind: _slope(rows) for kind, rows in followed.groupby("kind", sort=True)}
    rows = [{"measure": kind, "scale": SCALES[str(kind)]} | slope for kind, slope in found.items() if slope]  # fmt: skip
    if not rows:
        most = int(followed["kind"].value_counts().max()) if len(followed) else 0
        raise NotEnough(f"answers followed for a year: {most:,} of one kind, {FEWEST:,} that differ needed", FEEDBACK)  # fmt: skip
    table = pd.DataFrame(rows)
    table["q_value"] = false_discovery(table.pop("p_value"))
    table = table.sort_values(["again", "measure"], ascending=[False, True], ignore_index=True)
    sure = table[(table["again_low"] > 0) & (table["q_value"] <= 0.10)]
    first = (sure if len(sure) else table).iloc[0]
    said = f"each point of {first['measure']} ({first['scale']}) goes with {100 * first['again']:+.1f} points who order again in the year after ({100 * first['again_low']:+.1f} to {100 * first['again_high']:+.1f})"
    spend = f" and {format_value(first['spend'], 'currency')} of spend ({format_value(first['spend_low'], 'currency')} to {format_value(first['spend_high'], 'currency')})" if np.isfinite(first["spend"]) else ""  # fmt: skip
    return Answer(
        table=table[["measure", "scale", "again", "again_low", "again_high", "spend", "spend_low", "spend_high", "q_value", "n", "customers"]],
        headline=f"A point of {first['measure']} goes with {100 * first['again']:.1f} points more who order again" if len(sure) else "No measure of satisfaction surely goes with ordering again",
        so_what=f"At equal buying before, {said}{spend}. Only those who answered are seen, and they differ from those who did not; and a customer who is about to leave may answer lower for that reason, so raising the score need not keep anybody.".replace(" -", " −").replace("(-", "(−"),
        kind="diagnostic",
        caption=f"Change per point of the scale in the share ordering again and in spend in the year after the answer, 95 % interval; answers followed to {as_of:%Y-%m-%d}",
        units={"again": "%", "again_low": "%", "again_high": "%", "spend": "currency", "spend_low": "currency", "spend_high": "currency", "n": "count", "customers": "count"},
        source="tickets, survey answers, orders; linear models with controls, errors clustered by customer",
    )  # fmt: skip
