"""What would close the gap: each leaf of the metric tree, its worth, and how far it must move."""

from __future__ import annotations

import math

import pandas as pd

from playbook.answer import Answer, answers, format_value, need

__all__ = ["levers"]


@answers
def levers(moved: Answer, reach: Answer) -> Answer:
    """Return which change of each leaf of the metric tree alone would close the gap in the result.

    Parameters
    ----------
    moved
        `what_moved`.
    reach
        `reachability`; the objective on gross margin (or revenue) sets the gap.

    Returns
    -------
    Answer
        lever, now, change_last_year, worth_of_1_percent (currency), needed, lift (share); sorted by lift.
    """
    measure = moved["measure"].replace(" ", "_")
    forecasts = reach["forecasts"]
    wanted = forecasts[(forecasts["metric"] == measure) & forecasts["gap"].notna()]
    gap = float(wanted["gap"].iloc[0]) if len(wanted) else math.nan
    table = moved["leaves"]
    size = table.groupby("branch")["after"].transform("prod")
    frame = pd.DataFrame(
        {
            "lever": table["name"],
            "branch": table["branch"],
            "now": table["after"],
            "change_last_year": table["change"],
            "worth_of_1_percent": size / 100,
            "needed": table["after"] * (1 + gap / size),
            "lift": gap / size,
        }
    )
    frame = frame[size > 0].sort_values(
        ["worth_of_1_percent", "lever"], ascending=[False, True], ignore_index=True
    )
    need(frame, "leaves of the metric tree", "orders with revenue and cost")
    if not gap > 0:
        frame = frame.drop(columns=["needed", "lift"])
    return Answer(
        table=frame.drop(columns="branch"),
        headline=_lever_headline(frame, gap, measure.replace("_", " ")),
        so_what=_lever_words(frame, gap),
        kind="predictive",
        caption="Each lever alone: its level, last year's change, what 1 % more is worth, and the level that closes the gap",
        units={
            "now": "number",
            "change_last_year": "%",
            "worth_of_1_percent": "currency",
            "needed": "number",
            "lift": "%",
        },
        source="metric tree of the last 12 months; the result is linear in each leaf",
    )


def _lever_headline(frame: pd.DataFrame, gap: float, measure: str) -> str:
    first = frame.iloc[0]
    worth = format_value(first["worth_of_1_percent"], "currency")
    branch = first["branch"]
    if gap > 0:
        return f"{format_value(first['lift'], '%')} more in one lever of {branch} closes the {measure} gap"
    return f"One percent more in any lever of {branch} is worth {worth} of {measure}"


def _lever_words(frame: pd.DataFrame, gap: float) -> str:
    if not gap > 0:
        return (
            "No gap is left to close in the result, so spread effort by what one percent is worth and by what it costs; "
            "a higher target would make the choice of lever matter."
        )
    best = frame["change_last_year"].max()
    first = frame.iloc[0]
    judged = (
        "no lever has moved that much in the last year, so two or three must move together"
        if first["lift"] > best
        else "a change of that size has been seen in the last year"
    )
    return (
        f"The gap of {format_value(gap, 'currency')} asks for {format_value(first['lift'], '%')} more in one lever of "
        f"{first['branch']}; {judged}. Choose initiatives by the lever they move."
    )
