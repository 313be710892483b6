"""How able each department is to manage customers, from the employee survey."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.stats import SMALLEST_CELL

__all__ = ["capability", "capability_gaps"]

SCALE_TOP = 5.0


@answers
def capability(scores: pd.DataFrame) -> Answer:
    """Return the capability of each department with interval, its weakest point, and the change on last year.

    Parameters
    ----------
    scores
        One row per department, capability and year, as query ``capability_scores`` (1 to 5).

    Returns
    -------
    Answer
        department, score, low, high, change, weakest, weakest_score, n (answers per question);
        ``answer["grid"]`` is long: department, capability, score.

    Notes
    -----
    Answers of one employee to several questions go together, so the standard error of a department's mean is the mean
    of the standard errors of its capabilities (as if fully correlated): never too narrow. Cells with fewer
    than 5 answers are left out.
    """
    ask = "an employee survey by department: capability asked about and score from 1 to 5"
    need(scores, "answers of employees", ask)
    kept = scores[scores["answers"] >= SMALLEST_CELL]
    now = need(kept[kept["years_ago"] == 0], "answers of employees in the last 12 months", ask)
    table = _departments(now)
    before = _departments(kept[kept["years_ago"] == 1]).set_index("department")["score"]
    table["change"] = (table["score"] - table["department"].map(before)).round(2)
    table = table.sort_values(["score", "department"], ignore_index=True)
    grid, by_capability = _grid(now, list(table["department"]))
    lowest, highest = table.iloc[0], table.iloc[-1]
    overall = float(grid["score"].mean())
    gap = highest["score"] - lowest["score"]
    return Answer(
        table=table[
            ["department", "score", "low", "high", "change", "weakest", "weakest_score", "n"]
        ],
        headline=f"{lowest['department']} stands {gap:.1f} points of 5 behind {highest['department']} in managing customers"
        if len(table) > 1
        else f"{lowest['department']} rates its customer management {lowest['score']:.1f} of 5",
        so_what=_so_what(
            table, by_capability, sorted(set(scores["department"]) - set(table["department"]))
        ),
        kind="descriptive",
        caption=f"Capability by department, mean of {len(by_capability)} questions (1 to 5), 95 % interval, last 12 months; change on the year before",
        units={
            "change": "number",
            "weakest_score": "number",
            "n": "count",
        },
        source="employee survey; self-rating, cells with fewer than 5 answers left out",
        metrics=(Metric("capability", overall, n=int(table["n"].sum()), unit="points"),),
        extra={"grid": grid},
    )


@answers
def capability_gaps(departments: Answer) -> Answer:
    """Return the score of each department in each capability, weakest departments and capabilities first.

    Parameters
    ----------
    departments
        `capability`.

    Returns
    -------
    Answer
        department, capability, score (1 to 5); rows and columns in order of their mean.
    """
    grid = departments["grid"]
    worst = grid.sort_values(["score", "department", "capability"]).iloc[0]
    same = grid[grid["capability"] == worst["capability"]]
    best = same.sort_values(["score", "department"]).iloc[-1]
    return Answer(
        table=grid,
        headline=f"Weakest point: {worst['department']}, {worst['capability'].lower()} ({worst['score']:.1f} of 5)",
        so_what=f"{best['department']} rates itself {best['score']:.1f} in the same point, the best of the company: "
        f"let it show {worst['department']} how before help is bought outside.",
        kind="diagnostic",
        caption="Score by department and capability (1 to 5), last 12 months",
        units={"score": "points"},
        source="employee survey; self-rating, cells with fewer than 5 answers left out",
    )


def _grid(now: pd.DataFrame, departments: list[str]) -> tuple[pd.DataFrame, pd.Series]:
    """Scores by department and capability in the order of their means, and the mean of each capability."""
    means = now.groupby("capability")["score"].mean().reset_index()
    means = means.sort_values(["score", "capability"]).set_index("capability")["score"]
    place = {name: i for i, name in enumerate([*departments, *means.index])}
    grid = now[["department", "capability", "score"]].sort_values(
        ["department", "capability"], key=lambda names: names.map(place), ignore_index=True
    )
    return grid, means


def _departments(part: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for name, own in part.groupby("department", sort=True):
        n = int(own["answers"].min())
        error = float(np.mean(own["deviation"].astype(float) / np.sqrt(own["answers"])))
        half = float(stats.t.ppf(0.975, max(n - 1, 1))) * error
        score = float(own["score"].mean())
        low = own.sort_values(["score", "capability"]).iloc[0]
        rows.append(
            {
                "department": str(name),
                "score": score,
                "low": max(1.0, score - half),
                "high": min(SCALE_TOP, score + half),
                "weakest": low["capability"],
                "weakest_score": float(low["score"]),
                "n": n,
            }
        )
    columns = ["department", "score", "low", "high", "weakest", "weakest_score", "n"]
    return pd.DataFrame(rows, columns=columns)


def _so_what(table: pd.DataFrame, by_capability: pd.Series, hidden: list[str]) -> str:
    lowest, weakest = table.iloc[0], str(by_capability.index[0])
    behind = table[table["high"] < by_capability.mean()]
    names = ", ".join(behind["department"]) or "no department"
    text = (
        f"Clearly below the average: {names}. On average the weakest point is “{weakest}” "
        f"({format_value(float(by_capability.iloc[0]), 'points')} of 5)"
    )
    changed = table.dropna(subset=["change"])
    if len(changed):
        text += f"; the score moved by {changed['change'].mean():+.2f} on the year before".replace(
            "-", "−"
        )
    if hidden:
        text += f". Not shown, with fewer than {SMALLEST_CELL} answers: {', '.join(hidden)}"
    return (
        f"{text}. Start with {lowest['department']} and “{lowest['weakest']}”: "
        "a customer meets every department, not only customer service."
    )
