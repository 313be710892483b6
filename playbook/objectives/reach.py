"""Will each target be reached without new action, how large is the gap, and what would close it."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.engagement.model import Objective
from playbook.errors import NotEnough
from playbook.objectives.forecast import AnnualForecast, annual_forecast, monthly_forecast
from playbook.stats import net_promoter_from_shares

__all__ = ["business_as_usual", "levers", "reachability"]

FLOWS = {"new_customers": "new_customers", "revenue": "revenue", "gross_margin": "margin"}
"""Figures that are sums of months, and their column in ``monthly_figures``."""

ROLLING = {
    "active_customers": ("active_customers", ""),
    "retention_rate": ("retained_customers", "previous_customers"),
    "repeat_rate": ("repeat_customers", "active_customers"),
    "orders_per_customer": ("orders", "active_customers"),
    "average_order_value": ("revenue", "orders"),
}
"""Figures of 12 months that are no sums, as numerator and denominator in ``rolling_figures``."""


def whole_months(monthly: pd.DataFrame, column: str) -> pd.Series:
    """Return one column by month: only whole months, zero for a month without rows."""
    part = monthly[~monthly["is_partial"].astype(bool)].sort_values("month")
    if len(part) and pd.Timestamp(part["first_day"].iloc[0]).day > 5:
        part = part.iloc[1:]
    if part.empty:
        return pd.Series(dtype="float64")
    values = pd.Series(
        part[column].astype("float64").to_numpy(), index=pd.PeriodIndex(part["month"], freq="M")
    )
    months = pd.period_range(values.index[0], values.index[-1], freq="M")
    return values.reindex(months, fill_value=0.0)


@answers
def business_as_usual(monthly: pd.DataFrame, as_of: date, seed: int) -> Answer:
    """Return monthly gross margin (revenue, where costs are unknown) so far and expected for 12 months.

    Parameters
    ----------
    monthly
        One row per month, as query ``monthly_figures``.

    Returns
    -------
    Answer
        month, actual, expected, low, high (80 % interval of a month, currency); ``answer["errors"]`` compares the
        models.
    """
    need(monthly, "months with orders", "orders of at least six months", rows=6)
    known = monthly["priced_revenue"].astype("float64").sum() >= 0.9 * monthly["revenue"].sum()
    measure = "gross margin" if known else "revenue"
    history = whole_months(monthly, "margin" if known else "revenue")
    forecast = _monthly(history, 12, seed, measure)
    low, high = np.quantile(forecast.paths, [0.1, 0.9], axis=0)
    ahead = pd.period_range(history.index[-1] + 1, periods=12, freq="M")
    past = pd.DataFrame({"month": history.index.to_timestamp(), "actual": history.to_numpy()})
    future = pd.DataFrame(
        {
            "month": ahead.to_timestamp(),
            "expected": forecast.paths.mean(axis=0),
            "low": low,
            "high": high,
        }
    )
    year = forecast.paths.sum(axis=1)
    last = float(history.iloc[-12:].sum()) if len(history) >= 12 else math.nan
    return Answer(
        table=pd.concat([future, past], ignore_index=True).sort_values("month", ignore_index=True)[
            ["month", "actual", "expected", "low", "high"]
        ],
        headline=f"Without new action the next 12 months bring {format_value(year.mean(), 'currency')} {measure}",
        so_what=_usual_words(forecast, year, last, len(history)),
        kind="predictive",
        caption=f"Monthly {measure} (currency), {len(history)} whole months and 12 months ahead with 80 % range",
        units={
            "actual": "currency",
            "expected": "currency",
            "low": "currency",
            "high": "currency",
            measure: "currency",
        },
        source=f"orders; model: {forecast.method}, 4,000 simulated paths",
        metrics=(
            Metric(
                f"expected_{measure.replace(' ', '_')}",
                float(year.mean()),
                *(float(q) for q in np.quantile(year, [0.025, 0.975])),
                len(history),
                "currency",
                "predictive",
            ),
        ),
        extra={"errors": forecast.errors, "measure": measure, "as_of": as_of},
    )


def _usual_words(forecast, year: np.ndarray, last: float, months: int) -> str:
    low, high = np.quantile(year, [0.025, 0.975])
    text = (
        f"The year to come lies between {format_value(low, 'currency')} and {format_value(high, 'currency')} "
        "with 95 % probability"
    )
    if last == last:
        text += f", after {format_value(last, 'currency')} in the last 12 whole months"
    if months < 24:
        text += (
            f". Only {months} whole months are known, so season and growth cannot be told apart and the range is "
            "wide: plan in quarters and forecast again each quarter."
        )
    elif forecast.errors.empty:
        text += (
            f". With {months} months no model can be compared with another, so last year's months are repeated: "
            "treat a target inside this range as reachable by luck alone."
        )
    else:
        miss = format_value(float(forecast.errors.loc[0, "error"]), "%")
        text += (
            f". The chosen model missed a month by {miss} on average when tried on the past: "
            "a target inside this range needs no strategy, one above it does."
        )
    return text


def _monthly(history: pd.Series, months: int, seed: int, name: str):
    try:
        return monthly_forecast(history.to_numpy(), months, seed + zlib.crc32(name.encode()))
    except ValueError as error:
        raise NotEnough(str(error), "monthly orders of at least two years") from None


@answers
def reachability(
    objectives: Sequence[Objective],
    figures: pd.DataFrame,
    monthly: pd.DataFrame,
    rolling: pd.DataFrame,
    waves: pd.DataFrame,
    as_of: date,
    seed: int,
) -> Answer:
    """Return for each objective what to expect without new action, the gap, and the chance of success.

    Parameters
    ----------
    objectives
        Objectives of the plan.
    figures
        ``figures`` of `baselines`.
    monthly, rolling, waves
        Queries ``monthly_figures``, ``rolling_figures``, ``wave_answers``.

    Returns
    -------
    Answer
        objective, today, target, expected, gap, probability, closes_it (what the gap means in customers, orders
        or answers), method; ``answer["forecasts"]`` holds id, value, target, expected, low, high, gap, probability,
        unit in numbers.
    """
    if len(objectives) == 0:
        raise NotEnough(
            "the plan names no objectives",
            "two to five objectives, each with metric, target, due date and owner",
        )
    known = figures.set_index("metric")
    rows = []
    for objective in objectives:
        forecast = _forecast(objective, known, monthly, rolling, waves, as_of, seed)
        rows.append(_reach_row(objective, known, forecast))
    numbers = pd.DataFrame(rows)
    if numbers["probability"].isna().all():
        raise NotEnough(
            "no objective can be forecast", "metrics the playbook computes and two years of orders"
        )
    numbers = numbers.sort_values(["probability", "id"], ignore_index=True)
    return Answer(
        table=_reach_words(numbers),
        headline=_reach_headline(numbers),
        so_what=_reach_so_what(numbers),
        kind="predictive",
        caption="Each objective without new action: expected figure (95 % range), gap to target, chance of reaching it",
        units={"probability": "%"},
        source="orders and survey waves; smoothed monthly series or drift of the 12-month figure",
        metrics=tuple(
            Metric(
                f"chance_{r.id.replace('-', '_')}", r.probability, unit="%", kind="predictive"
            )
            for r in numbers.dropna(subset=["probability"]).itertuples()
        ),
        extra={"forecasts": numbers},
    )


def _forecast(
    objective: Objective,
    known: pd.DataFrame,
    monthly: pd.DataFrame,
    rolling: pd.DataFrame,
    waves: pd.DataFrame,
    as_of: date,
    seed: int,
) -> AnnualForecast | None:
    """Distribution of the objective's figure over the 12 months to its due date."""
    id_ = objective.metric
    if id_ not in known.index or known.loc[id_, "value"] != known.loc[id_, "value"]:
        return None
    value, se = _value_and_se(known.loc[id_])
    if id_ in FLOWS:
        return _flow(whole_months(monthly, FLOWS[id_]), objective, value, se, seed)
    months = (objective.due.year - as_of.year) * 12 + objective.due.month - as_of.month
    if months < 1:
        return None
    if id_ in ROLLING:
        return annual_forecast(rolling_history(rolling, id_), months, value, se)
    points, se_each, per_year = wave_history(waves, id_)
    return annual_forecast(points, months / 12 * per_year, value, se, se_each)


def _value_and_se(row: pd.Series) -> tuple[float, float]:
    return float(row["value"]), float(row["high"] - row["low"]) / 2 / 1.96


def _flow(
    history: pd.Series, objective: Objective, value: float, se: float, seed: int
) -> AnnualForecast | None:
    if history.empty:
        return None
    months = (pd.Period(objective.due, freq="M") - history.index[-1]).n
    if months < 1 or len(history) < 12:
        return None
    forecast = _monthly(history, months, seed, objective.metric)
    past = np.tile(history.to_numpy(), (len(forecast.paths), 1))
    year = np.hstack([past, forecast.paths])[:, -12:].sum(axis=1)
    sd = max(float(year.std()), math.sqrt(2) * se * min(months, 12) / 12)
    return AnnualForecast(forecast.method, float(year.mean()), sd, 30.0)


def rolling_history(rolling: pd.DataFrame, metric: str) -> np.ndarray:
    """Return a 12-month figure month by month, without months whose span is not whole."""
    above, below = ROLLING[metric]
    part = rolling.sort_values("month")
    part = part.iloc[23 if metric == "retention_rate" else 11 :]
    values = part[above].astype("float64")
    if below:
        values = values / part[below].astype("float64")
    return values.dropna().to_numpy()


def wave_history(waves: pd.DataFrame, metric: str) -> tuple[np.ndarray, float, float]:
    """Return the score of each wave of a survey, its usual standard error, and waves per year."""
    part = waves[waves["kind"] == metric]
    points, errors, days = [], [], []
    for _, wave in part.groupby(["survey", "wave"], sort=True):
        n = float(wave["answers"].sum())
        if n < 5:
            continue
        if metric == "nps":
            promoters = float(wave.loc[wave["value"] >= 9, "answers"].sum()) / n
            detractors = float(wave.loc[wave["value"] <= 6, "answers"].sum()) / n
            score = net_promoter_from_shares(promoters, detractors, int(n))
            points.append(score.score)
            errors.append(score.se)
        else:
            top = wave["value"] >= wave["scale_max"].fillna(5) - 1
            share = float(wave.loc[top, "answers"].sum()) / n
            points.append(share)
            errors.append(math.sqrt(max(share * (1 - share), 1 / n) / n))
        days.append(pd.Timestamp(wave["first_answer"].min()))
    order = np.argsort(np.array(days, dtype="datetime64[us]"), kind="stable")
    span = (max(days) - min(days)).days / 365.25 if len(days) > 1 else 0.0
    per_year = (len(days) - 1) / span if span else 1.0
    return np.array(points)[order], float(np.mean(errors)) if errors else 0.0, per_year


def _reach_row(
    objective: Objective, known: pd.DataFrame, forecast: AnnualForecast | None
) -> dict:
    in_table = objective.metric in known.index
    unit = str(known.loc[objective.metric, "unit"]) if in_table else ""
    value = float(known.loc[objective.metric, "value"]) if in_table else math.nan
    low, high = forecast.interval() if forecast else (math.nan, math.nan)
    expected = forecast.expected if forecast else math.nan
    floor, ceiling = {"%": (0, 1), "points": (-100, 100)}.get(unit, (-math.inf, math.inf))
    return {
        "id": objective.id,
        "name": objective.name,
        "metric": objective.metric,
        "unit": unit,
        "value": value,
        "target": objective.target,
        "expected": expected,
        "low": max(low, floor) if forecast else math.nan,
        "high": min(high, ceiling) if forecast else math.nan,
        "gap": objective.target - expected,
        "probability": forecast.chance(objective.target) if forecast else math.nan,
        "method": forecast.method if forecast else "not forecast",
        "closes_it": _closes(objective, known, objective.target - expected),
    }


def _closes(objective: Objective, known: pd.DataFrame, gap: float) -> str:
    """Say what the gap is in customers, orders or answers."""
    if gap != gap:
        return "–"
    if gap <= 0:
        return "nothing: expected above target"
    count = (
        float(known.loc["active_customers", "value"]) if "active_customers" in known.index else 0
    )
    share = gap / (objective.target - gap) if objective.target != gap else math.nan
    said = {
        "new_customers": f"{gap / 12:,.0f} more new customers a month",
        "active_customers": f"{gap:,.0f} more customers with an order",
        "retention_rate": f"{gap * count:,.0f} more of {count:,.0f} customers come back",
        "repeat_rate": f"{gap * count:,.0f} more customers order twice",
        "orders_per_customer": f"{gap * count:,.0f} more orders from {count:,.0f} customers",
        "nps": f"{gap / 2:,.1f} % of customers from detractor to promoter",
        "csat": f"{100 * gap:,.1f} % more customers satisfied",
    }
    return said.get(objective.metric, f"{format_value(share, '%')} more than expected")


def _reach_words(numbers: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "objective": r.name,
            "today": format_value(r.value, r.unit),
            "expected_without_action": f"{format_value(r.expected, r.unit)} "
            f"({format_value(r.low, r.unit)} to {format_value(r.high, r.unit)})"
            if r.expected == r.expected
            else "–",
            "target": format_value(r.target, r.unit),
            "probability": r.probability,
            "gap_in_practice": r.closes_it,
            "method": r.method,
        }
        for r in numbers.itertuples(index=False)
    ]
    return pd.DataFrame(rows)


def _reach_headline(numbers: pd.DataFrame) -> str:
    known = numbers.dropna(subset=["probability"])
    hard = int((known["probability"] < 0.2).sum())
    easy = int((known["probability"] > 0.8).sum())
    return (
        f"Of {len(known)} targets, {hard} will hardly be reached without new action, "
        f"{easy} almost surely"
    )


def _reach_so_what(numbers: pd.DataFrame) -> str:
    known = numbers.dropna(subset=["probability"])
    easy = known[known["probability"] > 0.8]
    hard = known[known["probability"] < 0.2]
    text = []
    if len(hard):
        first = hard.iloc[0]
        text.append(
            f"{first['name']} is the widest stretch (chance {format_value(first['probability'], '%')}): "
            f"it takes {first['closes_it']}"
        )
    if len(easy):
        names = ", ".join(easy["name"].str.lower())
        text.append(
            f"raise the target of: {names}, since business as usual is enough for "
            f"{'it' if len(easy) == 1 else 'them'}"
        )
    if not text:
        text.append("every target is open: the plan decides whether it is reached")
    said = ". ".join(part[0].upper() + part[1:] for part in text)
    weak = int(known["method"].str.startswith("level only").sum())
    tail = (
        f" For {weak} of them too little history is known, so the range holds sampling chance only."
        if weak
        else ""
    )
    return f"{said}.{tail}"


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
    table = moved.table
    size = table.groupby("branch")["after"].transform("prod")
    frame = pd.DataFrame(
        {
            "lever": table["name"],
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
        table=frame,
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
    branch = str(first["lever"]).split(":")[0]
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
        f"{str(first['lever']).split(':')[0]}; {judged}. Choose initiatives by the lever they move."
    )
