"""Will each target be reached without new action and how large is the gap?"""

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
from playbook.forecast import (
    FEWEST_MONTHS,
    AnnualForecast,
    MonthlyForecast,
    annual_forecast,
    monthly_forecast,
    year_total,
)
from playbook.objectives.histories import (
    FLOWS,
    ROLLING,
    rolling_history,
    wave_history,
    whole_months,
)

__all__ = ["business_as_usual", "reachability"]


@answers
def business_as_usual(monthly: pd.DataFrame, figures: pd.DataFrame, seed: int) -> Answer:
    """Return what gross margin (revenue, where costs are unknown) will be in 12 months without new action.

    Parameters
    ----------
    monthly
        One row per month, as query ``monthly_figures``.
    figures
        ``figures`` of `baselines`.
    seed
        Seed of the simulated paths.

    Returns
    -------
    Answer
        span (three months each, then the year), last_year, expected, low, high (95 %, currency);
        ``answer["series"]`` is monthly: month, actual, expected, low, high; ``answer["errors"]`` compares the models.
    """
    ask = "orders of at least 12 months"
    need(monthly, "months with orders", ask, rows=6)
    metric = (
        "gross_margin"
        if figures.set_index("metric")["value"].notna()["gross_margin"]
        else "revenue"
    )
    history = whole_months(monthly, FLOWS[metric])
    if len(history) < 12:
        raise NotEnough(f"only {len(history)} whole months of orders", ask)
    forecast = _monthly(history, 12, seed, metric)
    _, se = _value_and_se(figures.set_index("metric").loc[metric])
    year = year_total(history.to_numpy(), forecast, 12, se)
    name = metric.replace("_", " ")
    return Answer(
        table=_by_quarter(history, forecast, year),
        headline=f"Without new action the next 12 months bring {format_value(year.expected, 'currency')} {name}",
        so_what=_usual_words(forecast, year, float(history.iloc[-12:].sum()), len(history)),
        kind="predictive",
        caption=f"{name.capitalize()} of the last {len(history)} whole months and the next 12, with 95 % range",
        units=dict.fromkeys(("last_year", "expected", "low", "high"), "currency"),
        source=f"orders; {forecast.method}, simulated paths",
        metrics=(
            Metric(
                f"expected_{metric}",
                year.expected,
                *year.interval(),
                len(history),
                "currency",
                "predictive",
            ),
        ),
        extra={"errors": forecast.errors, "measure": name, "series": _series(history, forecast)},
    )


def _series(history: pd.Series, forecast: MonthlyForecast) -> pd.DataFrame:
    ahead = pd.period_range(history.index[-1] + 1, periods=forecast.paths.shape[1], freq="M")
    low, high = np.maximum(np.quantile(forecast.paths, [0.025, 0.975], axis=0), _least(history))
    past = pd.DataFrame({"month": history.index.to_timestamp(), "actual": history.to_numpy()})
    future = pd.DataFrame(
        {
            "month": ahead.to_timestamp(),
            "expected": forecast.paths.mean(axis=0),
            "low": low,
            "high": high,
        }
    )
    return past.merge(future, on="month", how="outer").sort_values("month", ignore_index=True)


def _least(history: pd.Series) -> float:
    """The least a month can be: nothing, unless refunds have made months negative before."""
    return 0.0 if history.min() >= 0 else -math.inf


def _by_quarter(
    history: pd.Series, forecast: MonthlyForecast, year: AnnualForecast
) -> pd.DataFrame:
    first = history.index[-1] + 1
    rows = []
    for start in range(0, 12, 3):
        paths = forecast.paths[:, start : start + 3].sum(axis=1)
        low, high = np.maximum(np.quantile(paths, [0.025, 0.975]), _least(history))
        rows.append(
            {
                "span": f"{(first + start).strftime('%b %Y')} to {(first + start + 2).strftime('%b %Y')}",
                "last_year": float(history.iloc[-12:].iloc[start : start + 3].sum()),
                "expected": float(paths.mean()),
                "low": float(low),
                "high": float(high),
            }
        )
    low, high = year.interval()
    last = float(history.iloc[-12:].sum())
    total = {
        "span": "the year",
        "last_year": last,
        "expected": year.expected,
        "low": low,
        "high": high,
    }
    return pd.DataFrame([*rows, total])


def _usual_words(forecast: MonthlyForecast, year: AnnualForecast, last: float, months: int) -> str:
    low, high = year.interval()
    text = (
        f"The year to come lies between {format_value(low, 'currency')} and {format_value(high, 'currency')} "
        f"with 95 % probability, after {format_value(last, 'currency')} in the last 12 whole months"
    )
    if months < FEWEST_MONTHS:
        return text + (
            f". Only {months} whole months are known, so season and growth cannot be told apart and the range is "
            "wide: plan in quarters and forecast again each quarter."
        )
    if forecast.errors.empty:
        return text + (
            f". With {months} months no model can be compared with another, so last year's months are repeated: "
            "treat a target inside this range as reachable by luck alone."
        )
    miss = format_value(float(forecast.errors.loc[0, "error"]), "%")
    return text + (
        f". The chosen model missed a month by {miss} on average when tried on the past: "
        "a target inside this range needs no strategy, one above it does."
    )


def _monthly(history: pd.Series, months: int, seed: int, metric: str) -> MonthlyForecast:
    try:
        return monthly_forecast(history.to_numpy(), months, seed + zlib.crc32(metric.encode()))
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
        objective, today, expected_without_action, target, chance, gap_in_practice (what the gap means in customers,
        orders or answers), method; ``answer["forecasts"]`` holds id, value, target, expected, low, high, gap, probability,
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
        source="orders and survey waves; smoothed monthly series or drift of the 12-month figure",
        metrics=tuple(
            Metric(f"chance_{r.id.replace('-', '_')}", r.probability, unit="%", kind="predictive")
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
        return _flow(whole_months(monthly, FLOWS[id_]), objective, se, seed)
    months = (objective.due.year - as_of.year) * 12 + objective.due.month - as_of.month
    if months < 1:
        return None
    if id_ in ROLLING:
        return annual_forecast(rolling_history(rolling, id_), months, value, se)
    points, se_each, per_year = wave_history(waves, id_)
    return annual_forecast(points, months / 12 * per_year, value, se, se_each)


def _value_and_se(row: pd.Series) -> tuple[float, float]:
    return float(row["value"]), float(row["high"] - row["low"]) / 2 / 1.96


def _flow(history: pd.Series, objective: Objective, se: float, seed: int) -> AnnualForecast | None:
    if history.empty:
        return None
    months = (pd.Period(objective.due, freq="M") - history.index[-1]).n
    if months < 1 or len(history) < 12:
        return None
    forecast = _monthly(history, months, seed, objective.metric)
    return year_total(history.to_numpy(), forecast, months, se)


def _reach_row(objective: Objective, known: pd.DataFrame, forecast: AnnualForecast | None) -> dict:
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
            "chance": _chance(r.probability),
            "gap_in_practice": r.closes_it,
            "method": r.method,
        }
        for r in numbers.itertuples(index=False)
    ]
    return pd.DataFrame(rows)


def _chance(probability: float) -> str:
    """Return a chance in words that claim no more than is known."""
    if probability != probability:
        return "–"
    if probability < 0.01:
        return "under 1 %"
    return "over 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"


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
            f"{first['name']} is the widest stretch (chance {_chance(first['probability'])}): "
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
