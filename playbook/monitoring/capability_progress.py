"""Has the organisation become more able to manage customers? The employee survey of this year against last."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.stats import SMALLEST_CELL, false_discovery

__all__ = ["capability_progress"]

ASK = "the employee survey of two years, with the same questions to the same departments"
ALL = "all departments"


@answers
def capability_progress(scores: pd.DataFrame) -> Answer:
    """Test the change of each department's and each capability's score since last year.

    Parameters
    ----------
    scores
        Query ``capability_scores``: one row per department, capability and year (years_ago 0 and 1).

    Returns
    -------
    Answer
        Table: name, kind (department, capability or all), before, now, change (points of 1 to 5), low, high, q, answers_before,
        answers_now (per question), verdict; largest rise first. Only questions put in both years count.

    Notes
    -----
    Of a department the error of the mean is the mean of the errors of its questions, as if an employee's answers
    went together fully; of a capability the departments are independent. The two years count as different
    employees. Both make the range too wide rather than too narrow. q is adjusted for all changes tested.
    """
    need(scores, "answers of employees", ASK)
    kept = scores[scores["answers"] >= SMALLEST_CELL]
    wide = kept[kept["years_ago"] == 1].merge(
        kept[kept["years_ago"] == 0], on=["department", "capability"], suffixes=("_before", "_now")
    )
    need(wide, f"questions answered by {SMALLEST_CELL} employees in both years", ASK)
    for year in ("before", "now"):
        wide[f"error_{year}"] = wide[f"deviation_{year}"].astype(float) / np.sqrt(wide[f"answers_{year}"])  # fmt: skip
    rows = [_row(str(n), "department", part, together=True) for n, part in wide.groupby("department")]  # fmt: skip
    rows += [_row(str(n), "capability", part, together=False) for n, part in wide.groupby("capability")]  # fmt: skip
    table = pd.DataFrame(rows)
    table["q"] = false_discovery(table["p"].to_numpy(dtype=float))
    table["verdict"] = np.select([(table["q"] < 0.05) & (table["change"] > 0), table["q"] < 0.05], ["rose", "fell"], "within chance")  # fmt: skip
    overall = _overall(wide)
    order = table.sort_values(["kind", "change", "name"], ascending=[False, False, True])
    whole = pd.DataFrame([overall | {"q": np.nan, "verdict": _verdict(overall)}])
    shown = pd.concat([whole, order], ignore_index=True).drop(columns="p")
    return Answer(
        table=shown,
        headline=_headline(overall),
        so_what=_so_what(table, overall),
        kind="descriptive",
        caption=f"Change of the score (1 to 5) since last year by department and by capability, 95 % interval ({len(wide)} questions put in both years)",
        units={"before": "ratio", "now": "ratio", "change": "ratio", "low": "ratio", "high": "ratio", "q": "ratio",
               "answers_before": "count", "answers_now": "count"},
        source="employee survey of two years; self-rating; q is adjusted for the number of changes",
        metrics=(Metric("capability_change", overall["change"], overall["low"], overall["high"], overall["answers_now"], "points"),),
    )  # fmt: skip


def _row(name: str, kind: str, part: pd.DataFrame, together: bool) -> dict:
    """Return the change of the mean over ``part``'s questions; ``together``: their answers go together fully."""
    errors = [part[f"error_{year}"].to_numpy(float) for year in ("before", "now")]
    each = [e.mean() if together else float(np.sqrt((e**2).sum())) / len(e) for e in errors]
    answers_ = [int(part[f"answers_{year}"].min() if together else part[f"answers_{year}"].sum()) for year in ("before", "now")]  # fmt: skip
    before, now = (float(part[f"score_{year}"].mean()) for year in ("before", "now"))
    error = float(np.hypot(each[0], each[1]))
    freedom = max(min(answers_) - 1, 1)
    half = float(stats.t.ppf(0.975, freedom)) * error
    p = float(2 * stats.t.sf(abs(now - before) / error, freedom)) if error > 0 else np.nan
    return {"name": name, "kind": kind, "before": before, "now": now, "change": now - before, "low": now - before - half,
            "high": now - before + half, "p": p, "answers_before": answers_[0], "answers_now": answers_[1]}  # fmt: skip


def _overall(wide: pd.DataFrame) -> dict:
    """Return the change over all departments, each counting the same: departments are independent samples."""
    parts = [_row(str(n), "", part, together=True) for n, part in wide.groupby("department")]
    frame = pd.DataFrame(parts)
    freedom = (frame[["answers_before", "answers_now"]].min(axis=1) - 1).clip(lower=1)
    errors = (frame["high"] - frame["change"]) / stats.t.ppf(0.975, freedom)
    half = 1.96 * float(np.sqrt((errors**2).sum())) / len(frame)
    change = float(frame["change"].mean())
    sums = {c: int(frame[c].sum()) for c in ("answers_before", "answers_now")}
    return {"name": ALL, "kind": "all", "before": float(frame["before"].mean()), "now": float(frame["now"].mean()),
            "change": change, "low": change - half, "high": change + half, **sums}  # fmt: skip


def _verdict(row: dict) -> str:
    return "rose" if row["low"] > 0 else "fell" if row["high"] < 0 else "within chance"


def _headline(overall: dict) -> str:
    levels = f"{overall['before']:.2f} to {overall['now']:.2f} of 5"
    verdict = _verdict(overall)
    told = "did not move beyond chance" if verdict == "within chance" else verdict
    return f"The ability to manage customers {told}: {levels}"


def _so_what(table: pd.DataFrame, overall: dict) -> str:
    moved = table[table["verdict"] != "within chance"].sort_values(["change", "name"], ascending=[False, True])  # fmt: skip
    departments = table[table["kind"] == "department"]
    least = departments.sort_values(["change", "name"]).iloc[0]
    told = (
        "Beyond chance: " + "; ".join(f"{r.name} {_points(r.change)}" for r in moved.itertuples(index=False)) + ". "
        if len(moved)
        else f"No department and no capability moved beyond chance (all: {_points(overall['low'])} to {_points(overall['high'])}). "
    )  # fmt: skip
    return told + (
        f"{least['name']} moved least ({_points(least['change'])}): ask what the plan gave it last year, before any department "
        "is trained again."
    )


def _points(value: float) -> str:
    return ("+" if value > 0 else "") + format_value(round(value, 2), "ratio")
