"""Were last year's forecasts right? What was foretold, frozen, against what happened since.

Glossary
--------
frozen
    Last year's saved forecast; nothing is fitted again.
calibrated
    Of the customers given a probability of 30 %, 30 % did it.
Brier score
    Mean squared distance of a probability from what happened (0 or 1); lower is better.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.errors import NotEnough
from playbook.stats import SMALLEST_CELL, mean_interval, ratio_interval, wilson

__all__ = ["check_chances", "check_churn", "check_pipeline", "check_value", "forecasts_checked"]

ASK = "a run of the year before, whose forecasts can be judged"
GROUPS = 10
FEWEST = 100
RIGHT, HIGH, LOW, FEW = "right", "too high", "too low", "not enough data"


def _tenths(values: pd.Series) -> np.ndarray:
    """Return groups 1 (highest) to 10 by rank; equal values share a group, so numbers may be left out.

    A group too small to be shown joins the nearest one.
    """
    rank = (-values).rank(method="average")
    group = np.ceil(rank / len(values) * GROUPS).astype(int).to_numpy()
    numbers, sizes = np.unique(group, return_counts=True)
    shown = numbers[sizes >= SMALLEST_CELL]
    if shown.size:
        group = shown[np.abs(shown[None, :] - group[:, None]).argmin(axis=1)]
    return group


def _line(forecast: str, foretold: float, happened: float, low: float, high: float, unit: str, n: int) -> dict:  # fmt: skip
    """Return one line of the summary: the forecast is right when the interval of what happened holds it."""
    verdict = RIGHT if low <= foretold <= high else HIGH if foretold > high else LOW
    return {"forecast": forecast, "foretold": foretold, "happened": happened, "low": low, "high": high,
            "error": foretold / happened - 1 if happened else np.nan, "n": n, "verdict": verdict, "unit": unit}  # fmt: skip


@answers
def check_value(before: pd.DataFrame, now: pd.DataFrame) -> Answer:
    """Put last year's expected margin of each customer beside the margin that came, by tenth.

    Parameters
    ----------
    before
        Result ``customer_value`` of the year before: customer_id, expected_margin_12m, margin_12m, clv.
    now
        This year's: customer_id, margin_12m (the margin of the year that was foretold).

    Returns
    -------
    Answer
        Table: tenth (1 = highest expectation), customers, expected, actual, low, high (mean margin per customer), inside.
        Extra ``line`` for `forecasts_checked`; ``capture`` (share of margin from the best tenth by forecast and by last
        year's margin).
    """
    need(before, "expected margins of last year", ASK, rows=FEWEST, columns=["expected_margin_12m"])
    need(now, "margins of this year", "orders of this year", rows=FEWEST, columns=["margin_12m"])
    frame = before.dropna(subset=["expected_margin_12m"]).sort_values(
        "customer_id", ignore_index=True
    )
    came = now.drop_duplicates("customer_id").set_index("customer_id")["margin_12m"]
    actual = frame["customer_id"].map(came).astype(float).fillna(0.0)
    frame = frame.assign(actual=actual, tenth=_tenths(frame["expected_margin_12m"]))
    table = pd.DataFrame([_tenth(int(t), part) for t, part in frame.groupby("tenth")])
    total = ratio_interval(actual, np.ones(len(frame)))
    expected, n = float(frame["expected_margin_12m"].sum()), len(frame)
    line = _line("Margin of known customers", expected, float(actual.sum()), total.low * n, total.high * n, "currency", n)  # fmt: skip
    best = frame["tenth"] == 1
    trailing = _tenths(frame["margin_12m"].fillna(0.0)) == 1
    whole = float(actual.sum())
    capture = {"forecast": float(actual[best].sum() / whole) if whole else np.nan,
               "last_margin": float(actual[trailing].sum() / whole) if whole else np.nan}  # fmt: skip
    rank = _rank(frame["expected_margin_12m"], actual)
    inside = int(table["inside"].sum())
    return Answer(
        table=table,
        headline=f"Last year's value forecast was {_how(line)} in total and right in {inside} of {len(table)} tenths",
        so_what=(
            f"Foretold {format_value(expected, 'currency')}, came {format_value(whole, 'currency')}. The best tenth by forecast brought "
            f"{format_value(capture['forecast'], '%')} of the margin, the best tenth by past margin {format_value(capture['last_margin'], '%')}"
            f" (rank agreement {format_value(rank, 'ratio')}). "
            + ("Keep choosing customers by the forecast." if capture["forecast"] >= capture["last_margin"]
               else "Past margin ranks customers at least as well: use it for lists until the model improves.")
        ),
        kind="predictive",
        caption=f"Margin per customer in the year after the forecast, by tenth of expected margin (n = {n:,}, actual with 95 % interval)",
        units={"customers": "count", "expected": "currency", "actual": "currency", "low": "currency", "high": "currency"},
        source="value forecast of last year, unchanged; orders of this year",
        metrics=(
            Metric("value_forecast_error", line["error"], n=n, unit="%", kind="predictive"),
            Metric("value_forecast_rank", rank, n=n, unit="ratio", kind="predictive"),
        ) if whole else (),
        extra={"line": line, "capture": capture},
    )  # fmt: skip


def _rank(first: pd.Series, second: pd.Series) -> float:
    if first.nunique() < 2 or second.nunique() < 2:
        return float("nan")
    return float(spearmanr(first, second).statistic)


def _tenth(number: int, part: pd.DataFrame) -> dict:
    ends = mean_interval(part["actual"])
    expected = float(part["expected_margin_12m"].mean())
    return {"tenth": str(number), "customers": len(part), "expected": expected, "actual": ends.value, "low": ends.low,
            "high": ends.high, "inside": bool(ends.low <= expected <= ends.high)}  # fmt: skip


def _how(line: Mapping) -> str:
    if line["verdict"] == RIGHT:
        return "right"
    return f"{format_value(abs(line['error']), '%')} {line['verdict']}"


@answers
def check_churn(before: pd.DataFrame, outcome: pd.DataFrame) -> Answer:
    """Put last year's probability of leaving beside the share that left, by group of equal size.

    Parameters
    ----------
    before
        Result ``scores`` of the year before: customer_id, churn_probability.
    outcome
        Query ``customer_snapshot`` at the end of that year with this year as outcome: customer_id, churned.

    Returns
    -------
    Answer
        Table: group (1 = highest risk), customers, foretold, left, low, high, inside. Extra ``line``, ``brier``.

    References
    ----------
    Brier, G. W. (1950). Verification of forecasts expressed in terms of probability.
    """
    need(before, "last year's churn probabilities", ASK, rows=FEWEST, columns=["churn_probability"])
    need(
        outcome,
        "customers whose outcome is known",
        "orders of this year",
        rows=FEWEST,
        columns=["churned"],
    )
    frame = before[["customer_id", "churn_probability"]].merge(
        outcome[["customer_id", "churned"]], on="customer_id"
    )
    frame = frame.dropna().sort_values("customer_id", ignore_index=True)
    need(frame, "scored customers whose outcome is known", ASK, rows=FEWEST)
    p, y = frame["churn_probability"].astype(float), frame["churned"].astype(float)
    frame = frame.assign(group=_tenths(p))
    table = pd.DataFrame([_risk(int(g), part) for g, part in frame.groupby("group")])
    ends, n = wilson(float(y.sum()), len(y)), len(frame)
    line = _line("Share of customers who leave", float(p.mean()), float(y.mean()), ends.low, ends.high, "%", n)  # fmt: skip
    brier, base = float(((p - y) ** 2).mean()), float(y.mean() * (1 - y.mean()))
    inside, top = int(table["inside"].sum()), table.iloc[0]
    return Answer(
        table=table,
        headline=f"Of those most at risk {format_value(top['left'], '%')} left; {format_value(top['foretold'], '%')} was foretold",
        so_what=(
            f"The probabilities were right in {inside} of {len(table)} groups and {_how(line)} overall; the squared error is "
            f"{format_value(brier, 'ratio')} against {format_value(base, 'ratio')} for everybody's average. "
            + ("Keep the scores for choosing whom to call." if brier < base
               else "The average foretells as well: do not spend on these scores before they are mended.")
        ),
        kind="predictive",
        caption=f"Customers who left within the year by group of last year's risk, highest first (n = {n:,}, 95 % interval)",
        units={"customers": "count", "foretold": "%", "left": "%", "low": "%", "high": "%"},
        source="scores of last year, unchanged; orders of this year",
        metrics=(Metric("churn_forecast_brier", brier, n=n, unit="ratio", kind="predictive"),),
        extra={"line": line, "brier": brier, "brier_base": base},
    )  # fmt: skip


def _risk(number: int, part: pd.DataFrame) -> dict:
    ends = wilson(float(part["churned"].sum()), len(part))
    foretold = float(part["churn_probability"].mean())
    return {"group": str(number), "customers": len(part), "foretold": foretold, "left": ends.value, "low": ends.low,
            "high": ends.high, "inside": bool(ends.low <= foretold <= ends.high)}  # fmt: skip


@answers
def check_pipeline(before: pd.DataFrame, opportunities: pd.DataFrame) -> Answer:
    """Put last year's forecast of open deals beside what became of them, by stage.

    Parameters
    ----------
    before
        Result ``pipeline_forecast`` of the year before: opportunity_id, stage, amount, win_probability, expected.
    opportunities
        Table ``opportunities`` as known now: opportunity_id, is_won, closed_at.

    Returns
    -------
    Answer
        Table: stage, deals, still_open, wins_foretold, won, low, high (95 % range of the forecast, deals independent),
        amount_foretold, amount_won. Extra ``line``.
    """
    need(before, "deals that were open a year ago", ASK, rows=5, columns=["win_probability"])
    now = opportunities.drop_duplicates("opportunity_id").set_index("opportunity_id")
    frame = before.sort_values("opportunity_id", ignore_index=True)
    frame["won"] = (
        frame["opportunity_id"].map(now["is_won"]).astype("boolean").fillna(False).astype(bool)
    )
    frame["open"] = frame["opportunity_id"].map(now["closed_at"]).isna()
    table = pd.DataFrame([_stage(str(s), part) for s, part in frame.groupby("stage")])
    table = table.sort_values(["deals", "stage"], ascending=[False, True], ignore_index=True)
    all_ = _stage("all", frame)
    # the range here is the forecast's, so what happened is judged against it
    line = _line("Deals won from the open pipeline", all_["wins_foretold"], all_["won"], 0, 0, "count", len(frame))  # fmt: skip
    inside = all_["low"] <= all_["won"] <= all_["high"]
    over = all_["wins_foretold"] > all_["won"]
    line |= {
        "low": np.nan, "high": np.nan, "verdict": RIGHT if inside else HIGH if over else LOW
    }  # fmt: skip
    return Answer(
        table=table,
        headline=f"{all_['won']} of {len(frame)} open deals were won; {all_['wins_foretold']:.1f} were foretold",
        so_what=(
            f"The number of wins lies {'inside' if inside else 'outside'} the range the forecast gave ({all_['low']:.0f} to {all_['high']:.0f}). "
            f"Money won: {format_value(all_['amount_won'], 'currency')} of {format_value(all_['amount_foretold'], 'currency')} foretold. "
            + (f"{all_['still_open']} deals are still open after a year: close or qualify them." if all_["still_open"]
               else "Keep the forecast as it is." if inside else "Lower the win rates in the plan before money is promised on them." if over
               else "Raise the win rates: capacity was planned too low.")
        ),
        kind="predictive",
        caption=f"Deals open a year ago by stage: wins foretold with 95 % range and wins since (n = {len(frame):,} deals)",
        units={"deals": "count", "still_open": "count", "wins_foretold": "ratio", "won": "count", "low": "ratio", "high": "ratio",
               "amount_foretold": "currency", "amount_won": "currency"},
        source="pipeline forecast of last year, unchanged; opportunities as known now",
        metrics=(Metric("pipeline_wins_error", float(all_["wins_foretold"] - all_["won"]), n=len(frame), unit="count", kind="predictive"),),
        extra={"line": line},
    )  # fmt: skip


def _stage(stage: str, part: pd.DataFrame) -> dict:
    p = part["win_probability"].astype(float)
    half = 1.96 * float(np.sqrt((p * (1 - p)).sum()))
    return {
        "stage": stage, "deals": len(part), "still_open": int(part["open"].sum()), "wins_foretold": float(p.sum()),
        "won": int(part["won"].sum()), "low": max(float(p.sum()) - half, 0.0), "high": min(float(p.sum()) + half, len(part)),
        "amount_foretold": float(part["expected"].sum()), "amount_won": float(part.loc[part["won"], "amount"].sum()),
    }  # fmt: skip


@answers
def check_chances(before: pd.DataFrame, numbers: pd.DataFrame) -> Answer:
    """Put last year's expectation of each objective beside its figure now.

    Parameters
    ----------
    before
        Result ``objectives`` of the year before: id, name, target, unit, probability; with expected, expected_low,
        expected_high where step 1 gives them.
    numbers
        ``numbers`` of `scorecard`: id, actual.

    Returns
    -------
    Answer
        In words: objective, chance_given, expected, expected_range, happened, verdict. Extra ``line``.
    """
    need(before, "objectives with a forecast", ASK)
    frame = before.merge(numbers[["id", "actual", "unit"]], on="id", suffixes=("_before", ""))
    gap = frame["gap"].astype(float) if "gap" in frame else np.nan
    if "expected" not in frame:
        frame["expected"] = frame["target"].astype(float) - gap
    for end in ("expected_low", "expected_high"):
        if end not in frame:
            frame[end] = np.nan
    frame = frame.dropna(subset=["expected", "actual", "probability"])
    if frame.empty:
        raise NotEnough("no objective has both a forecast and a figure now", ASK)
    hit = frame["actual"] >= frame["target"]
    known = frame.dropna(subset=["expected_low", "expected_high"])
    inside = known["actual"].between(known["expected_low"], known["expected_high"])
    chance = float(frame["probability"].sum())
    table = pd.DataFrame([_chance(row) for row in frame.sort_values("id").itertuples(index=False)])
    line = _line("Targets reached without new action", chance, float(hit.sum()), 0, 0, "count", len(frame))  # fmt: skip
    line |= {"low": np.nan, "high": np.nan, "verdict": FEW}
    return Answer(
        table=table,
        headline=f"{int(inside.sum())} of {len(known)} objectives ended inside the range foretold without new action",
        so_what=(
            f"The chances given add up to {chance:.1f} targets reached without new action; {int(hit.sum())} were. With {len(frame)} objectives "
            "this judges no model, yet a figure outside its range is a reason to ask what changed. New action was taken in the "
            "year, so a figure above its range is no proof of a wrong forecast."
        ),
        kind="predictive",
        caption="Each objective: chance and expectation of last year without new action (95 % range) and the figure now",
        source="objectives of last year, unchanged; key figures of this year",
        extra={"line": line},
    )  # fmt: skip


def _chance(row) -> dict:
    known = row.expected_low == row.expected_low and row.expected_high == row.expected_high
    inside = known and row.expected_low <= row.actual <= row.expected_high
    side = "above its range" if known and row.actual > row.expected_high else "below its range"
    return {
        "objective": row.name,
        "chance_given": "under 1 %" if row.probability < 0.01 else format_value(row.probability, "%"),
        "expected": format_value(row.expected, row.unit),
        "expected_range": f"{format_value(row.expected_low, row.unit)} to {format_value(row.expected_high, row.unit)}" if known else "–",
        "happened": format_value(row.actual, row.unit),
        "verdict": "–" if not known else "inside its range" if inside else side,
    }  # fmt: skip


def forecasts_checked(*checks: Answer | Missing) -> Answer | Missing:
    """Return one line per forecast of last year: foretold, happened, error, verdict.

    Parameters
    ----------
    checks
        Answers of the checks; missing ones are left out, and without any the answer is missing.
    """
    found = [check for check in checks if isinstance(check, Answer)]
    if not found:
        return next((c for c in checks if isinstance(c, Missing)), Missing("nothing was foretold"))
    lines = pd.DataFrame([check["line"] for check in found])
    judged = lines[lines["verdict"] != FEW]
    right = int((judged["verdict"] == RIGHT).sum())
    wrong = judged[judged["verdict"] != RIGHT]
    table = pd.DataFrame(
        [
            {
                "forecast": row.forecast,
                "foretold": format_value(row.foretold, "points" if row.unit == "count" else row.unit),
                "happened": format_value(row.happened, row.unit),
                "error": format_value(row.error, "%"),
                "n": row.n,
                "verdict": row.verdict,
            }
            for row in lines.itertuples(index=False)
        ]
    )  # fmt: skip
    told = "; ".join(f"{r.forecast.lower()} {r.verdict}" for r in wrong.itertuples())
    return Answer(
        table=table,
        headline=f"{right} of {len(judged)} forecasts of last year were right within chance",
        so_what=(
            f"Off beyond chance: {told}. Correct plans that rest on them by the error shown until the model is mended."
            if len(wrong)
            else "Keep the models, and check them again next year."
        ),
        kind="predictive",
        caption="Forecasts of last year, unchanged, against what happened in the 12 months since",
        units={"n": "count"},
        source="results of the run of the period before",
        extra={"lines": lines},
    )
