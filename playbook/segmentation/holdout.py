"""Do the purchase models predict? Fitted on the earlier part of the record, judged on the later part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy.stats import chisquare

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.clv import (
    calibration_by_decile,
    fit_gamma_gamma,
    holdout_check,
    randomised_pit,
)
from playbook.errors import NotEnough
from playbook.segmentation.purchase_models import (
    TRAILING,
    PurchaseModels,
    TrailingRates,
    candidates,
    comparable,
    fit_models,
    season_clock,
)
from playbook.segmentation.signs import ContactEffect, learn_contact_effect

__all__ = ["calibration_end", "check_purchase_models"]

WITH_CONTACTS = ", with contacts"
"""Added to the name of a purchase model whose forecasts are adjusted by signs of life."""

PIT_BINS, PIT_CUSTOMERS, PIT_DRAWS = 10, 20_000, 200
UNEVEN = 0.01
"""The share of customers in a tenth of the forecasts may miss 10 % by chance; under this probability it does not."""


def calibration_end(customers: pd.DataFrame, as_of: date, holdout_weeks: int = 52) -> date:
    """Return the day that divides the record: the hold-out has ``holdout_weeks`` or a third of the record.

    Parameters
    ----------
    customers
        Query ``customer_features`` (``days_since_first_order``).
    as_of
        End of the period.
    """
    longest = customers["days_since_first_order"].astype(float).max()
    record = float(longest) if pd.notna(longest) else 0.0
    return as_of - timedelta(days=int(min(7 * holdout_weeks, record // 3)))


@answers
def check_purchase_models(
    histories: pd.DataFrame,
    as_of: date,
    cut: date,
    months: pd.DataFrame | None = None,
    *,
    seed: int = 0,
) -> Answer:
    """Return how well purchase models fitted before ``cut`` predict what came after, beside the baseline.

    The baseline goes on with each customer's own past rate. Whatever has the smallest Poisson deviance is
    used, be it the baseline; totals and ranks are shown beside it. The best purchase model is also tried with signs of
    life (`learn_contact_effect`), customers being told by what was learned on others.

    Parameters
    ----------
    histories
        Query ``purchase_histories`` with ``until = cut``.
    as_of, cut
        End of the hold-out and of the calibration.
    months
        Query ``purchase_months``; with it each model is also tried on a season clock (`season_clock`).
    seed
        Seed of the draws behind the check of the spread.

    Returns
    -------
    Answer
        One row per model; extras ``best`` (name), ``model`` (the purchase model the probability of being active
        is taken from), ``contacts`` (`ContactEffect`, none where it does not foretell better), ``total_error`` (share), ``clock`` (season
        clock at ``as_of``), ``calibration``, ``spend`` and ``spread`` (answers) and
        ``by_customer`` (spend in the hold-out as told and as it came, with ``purchases`` and whether a customer was ``silent``:
        won before the record and without a purchase in it).
    """
    weeks = (as_of - cut).days / 7
    need(histories, "customers with a purchase before the hold-out", "a longer record of orders", rows=100)  # fmt: skip
    if weeks < 4:
        raise NotEnough("the record is too short for a hold-out of four weeks", "orders of two years or more")  # fmt: skip
    frame = comparable(histories)
    frame = frame.assign(monetary=frame["monetary"].astype(float))
    actual = frame["later_purchases"].astype(float)
    clock = None if months is None else season_clock(months, cut)
    try:
        models = {name: fit_models(name, frame, clock) for name in candidates(clock)}
        table = holdout_check(frame, actual, models, horizon=weeks)
        ranked = table.sort_values(["poisson_deviance", "model"])
        fitted = ranked[ranked["model"] != TRAILING].iloc[0]
        model = models[str(fitted["model"])]
        table, effect, ahead = _with_contacts(
            table, str(fitted["model"]), model, frame, actual, weeks, seed
        )
    except ValueError as error:
        raise NotEnough(f"purchase models: {error}", "a longer record of orders") from error
    ranked = table.sort_values(["poisson_deviance", "model"])
    best, base = ranked.iloc[0], table[table["model"] == TRAILING].iloc[0]
    shown = str(fitted["model"]) + (WITH_CONTACTS if effect else "")
    total_error = float(best["predicted_total"] / max(best["actual_total"], 1e-9) - 1)
    by_tenth = calibration_by_decile(ahead, actual)
    return Answer(
        table=table,
        headline=_headline(best, fitted, weeks),
        so_what=_words(best, base, fitted, total_error),
        kind="predictive",
        caption=f"Purchases predicted from the record up to {cut:%Y-%m-%d} against those up to {as_of:%Y-%m-%d} (n = {len(frame):,} customers; the smallest deviance is used)",
        units={"predicted_total": "count", "actual_total": "count", "top_decile_capture": "%", "n": "count"},
        source="orders; BG/NBD and MBG/NBD by maximum likelihood, on the calendar and on a season clock; contacts the customer sought in 26 weeks; baseline: own past rate",
        metrics=_metrics(best, base, total_error, len(frame)),
        extra={
            "best": str(best["model"]), "model": str(fitted["model"]), "contacts": effect, "total_error": total_error,
            "clock": None if months is None else season_clock(months, as_of),
            "calibration": _calibration(by_tenth, weeks, shown),
            "spend": _spend(frame, ahead, shown, weeks),
            "spread": _spread(model, frame, actual, weeks, str(fitted["model"]), seed),
            "by_customer": _by_customer(frame, TrailingRates().expected_purchases(frame, weeks) if best["model"] == TRAILING else ahead),
        },
    )  # fmt: skip


def _metrics(best: pd.Series, base: pd.Series, total_error: float, n: int) -> tuple[Metric, ...]:
    found = {
        "holdout_error_total": (total_error, "%"),
        "holdout_top_tenth": (float(best["top_decile_capture"]), "%"),
        "holdout_deviance_share": (float(best["poisson_deviance"] / max(base["poisson_deviance"], 1e-12)), "ratio"),
    }  # fmt: skip
    return tuple(
        Metric(name, value, n=n, unit=unit, kind="predictive")
        for name, (value, unit) in found.items()
    )


@dataclass(frozen=True)
class _Told:
    """Purchases already told for the hold-out, under the interface of a model."""

    ahead: pd.Series

    def expected_purchases(self, frame: pd.DataFrame, horizon: float) -> pd.Series:
        """Return them in the order of ``frame``; ``horizon`` is that of the hold-out."""
        return self.ahead.loc[frame.index]


def _with_contacts(
    table: pd.DataFrame, name: str, model: PurchaseModels, frame: pd.DataFrame, actual: pd.Series, weeks: float, seed: int,
) -> tuple[pd.DataFrame, ContactEffect | None, pd.Series]:  # fmt: skip
    """Return the comparison with the model adjusted by signs of life, the effect if that foretells best, and what is told then."""
    ahead = model.expected_purchases(frame, weeks)
    learned = learn_contact_effect(frame, model.chance_of_none(frame, weeks), ahead, actual, seed)
    if learned is None:
        return table, None, ahead
    effect, told = learned
    row = holdout_check(frame, actual, {name + WITH_CONTACTS: _Told(told)}, horizon=weeks).head(1)
    better = float(row["poisson_deviance"].iloc[0]) < float(table["poisson_deviance"].min())
    both = pd.concat([table[table["model"] != TRAILING], row, table[table["model"] == TRAILING]], ignore_index=True)  # fmt: skip
    return both, (effect if better else None), (told if better else ahead)


def _headline(best: pd.Series, fitted: pd.Series, weeks: float) -> str:
    if best["model"] == TRAILING:
        return f"Past rates predict the last {weeks:.0f} weeks better than {fitted['model']}: they are used"
    return f"{best['model']} predicts the last {weeks:.0f} weeks better than past rates: it is used"


def _words(best: pd.Series, base: pd.Series, fitted: pd.Series, total_error: float) -> str:
    said = (
        f"It foresaw {format_value(best['predicted_total'], 'count')} purchases and {format_value(best['actual_total'], 'count')} came "
        f"({'+' if total_error > 0 else ''}{format_value(total_error, '%')}); its best tenth of customers made {format_value(best['top_decile_capture'], '%')} of them "
    )
    if best["model"] == TRAILING:
        return said + (
            f"({fitted['model']}: {format_value(fitted['top_decile_capture'], '%')}). Values below go on with each customer's "
            "own rate; they are too high for those who have left."
        )
    return said + (
        f"(past rates: {format_value(base['top_decile_capture'], '%')}, deviance {base['poisson_deviance'] / best['poisson_deviance']:.1f} times as large). "
        "Values below rest on it; totals of segments carry this error."
    )  # fmt: skip


def _calibration(table: pd.DataFrame, weeks: float, model: str) -> Answer:
    inside = int(((table["predicted_mean"] >= table["low"]) & (table["predicted_mean"] <= table["high"])).sum())  # fmt: skip
    return Answer(
        table=table,
        headline=f"In {inside} of {len(table)} groups the forecast lies within the interval of what happened",
        so_what="Where it lies outside, trust the order of the groups more than their level.",
        kind="predictive",
        caption=f"Purchases per customer in {weeks:.0f} weeks by tenth of predicted value, 1 = highest ({model}; actual with 95 % interval)",
        units={"n": "count", "predicted_mean": "ratio", "actual_mean": "ratio", "low": "ratio", "high": "ratio"},
        source="hold-out of the customers' own orders",
    )  # fmt: skip


@answers
def _spend(frame: pd.DataFrame, ahead: pd.Series, best: str, weeks: float) -> Answer:
    """Return the same comparison in money: the model times Gamma-Gamma beside trailing spend."""
    try:
        spend = fit_gamma_gamma(frame)
        table = holdout_check(
            frame, frame["later_spend"].astype(float), {best: _Told(ahead)}, horizon=weeks, spend_model=spend
        )  # fmt: skip
    except ValueError as error:
        raise NotEnough(f"spend: {error}", "orders with their value") from error
    ours, base = table.iloc[0], table.iloc[1]
    gain = float(ours["spearman"] - base["spearman"])
    return Answer(
        table=table,
        headline=f"Spend: rank correlation {ours['spearman']:.2f} with what came, past spend {base['spearman']:.2f}",
        so_what=(
            f"The deviance of the model is {format_value(ours['poisson_deviance'] / max(base['poisson_deviance'], 1e-12), '%')} of that of past spend. "
            + ("Rank customers by the forecast, not by what they spent." if gain > 0 else "Past spend ranks customers as well; use the forecast for levels.")
        ),
        kind="predictive",
        caption=f"Spend in {weeks:.0f} weeks of hold-out, predicted against actual (n = {len(frame):,} customers)",
        units={"predicted_total": "currency", "actual_total": "currency", "rmse": "currency", "poisson_deviance": "currency", "top_decile_capture": "%", "n": "count"},
        source="orders; purchase model times Gamma-Gamma, baseline: own past spend",
    )  # fmt: skip


@answers
def _spread(
    model: PurchaseModels,
    frame: pd.DataFrame,
    actual: pd.Series,
    weeks: float,
    name: str,
    seed: int,
) -> Answer:
    """Return where each customer's outcome lies in its own forecast: a tenth in each tenth when the spread is right."""
    chosen = frame.sort_index()
    chosen = chosen.iloc[:: max(1, -(-len(chosen) // PIT_CUSTOMERS))]
    places = [
        randomised_pit(
            part_model.simulate(part, model.weeks(weeks), draws=PIT_DRAWS, seed=seed),
            actual.loc[part.index].to_numpy(), seed=seed,
        )
        for part_model, part in model.parts(chosen)
    ]  # fmt: skip
    place = np.concatenate(places)
    counts = np.histogram(place, np.linspace(0, 1, PIT_BINS + 1))[0]
    share = counts / len(place)
    chance = float(chisquare(counts).pvalue)
    error = 1.96 * float(np.sqrt(0.09 / len(place)))
    top = float(share[-1])
    worst = float(np.abs(share - 1 / PIT_BINS).max())
    even = chance >= UNEVEN
    return Answer(
        table=pd.DataFrame({"tenth": np.arange(1, PIT_BINS + 1), "share": share, "low": np.maximum(share - error, 0), "high": share + error}),
        headline=f"{'Outcomes fall evenly over the forecasts' if even else 'Outcomes do not fall evenly over the forecasts'}: at most {format_value(worst, '%')} off a tenth",
        so_what=(
            "The intervals of single customers can be taken as they stand."
            if even else
            f"{format_value(top, '%')} of customers ended in the highest tenth of their own forecast, where 10 % should: "
            + ("a few buy more than the model thinks possible." if top > 0.1 else "the model is too generous with heavy buyers.")
            + " Use single customers' intervals as a guide and decide on groups."
        ),
        kind="diagnostic",
        caption=f"Where each customer's purchases lie in their own forecast, by tenth (randomised; n = {len(place):,}; {name}; 10 % each is right; 95 % interval)",
        units={"share": "%", "low": "%", "high": "%"},
        source="hold-out; randomised probability integral transform (Czado, Gneiting & Held 2009)",
        metrics=(Metric("forecast_spread_off", worst, n=len(place), unit="%", kind="diagnostic"),),
        extra={"p_value": chance},
    )  # fmt: skip


def _by_customer(frame: pd.DataFrame, ahead: pd.Series) -> pd.DataFrame:
    """Return each customer's spend in the hold-out as told before it, and as it came (`value_by_segment` adds them up)."""
    try:
        value = fit_gamma_gamma(frame).expected_spend(frame)
    except ValueError:
        bought = frame.loc[frame["frequency"] > 0, "monetary"].astype(float)
        value = pd.Series(float(bought.mean()) if len(bought) else 1.0, frame.index)
    told = pd.DataFrame(
        {
            "silent": frame["won_before_record"].astype(bool) & (frame["frequency"] == 0),
            "told": ahead * value,
            "came": frame["later_spend"].astype(float),
            "purchases": frame["later_purchases"].astype(float),
        }
    )
    return told.rename_axis("customer_id").reset_index()
