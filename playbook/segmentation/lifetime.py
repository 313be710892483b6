"""Customer lifetime value: which purchase model predicts best, and what each customer is worth ahead."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy.stats import norm

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.clv import (
    calibration_by_decile,
    customer_lifetime_value,
    fit_gamma_gamma,
    frequency_spend_correlation,
    holdout_check,
)
from playbook.errors import NotEnough
from playbook.segmentation.money import BASIS
from playbook.segmentation.purchase_models import FITS, comparable, fit_models

__all__ = ["calibration_end", "check_purchase_models", "lifetime_value"]

WEEKS_PER_YEAR = 365.25 / 7
LEVEL = 0.80
DRAWS = 200


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
def check_purchase_models(histories: pd.DataFrame, as_of: date, cut: date) -> Answer:
    """Return how well purchase models fitted before ``cut`` predict what came after, beside the baseline.

    The baseline goes on with each customer's own past rate. The model with the smaller Poisson deviance
    is used; totals and ranks are shown beside it.

    Parameters
    ----------
    histories
        Query ``purchase_histories`` with ``until = cut``.
    as_of, cut
        End of the hold-out and of the calibration.

    Returns
    -------
    Answer
        One row per model; extras ``best`` (name), ``total_error`` (share) and ``calibration`` (an `Answer`:
        predicted and actual purchases by tenth).
    """
    weeks = (as_of - cut).days / 7
    need(histories, "customers with a purchase before the hold-out", "a longer record of orders", rows=100)  # fmt: skip
    if weeks < 4:
        raise NotEnough("the record is too short for a hold-out of four weeks", "orders of two years or more")  # fmt: skip
    frame = comparable(histories)
    actual = frame["later_purchases"].astype(float)
    try:
        models = {name: fit_models(name, frame) for name in FITS}
        table = holdout_check(frame, actual, models, horizon=weeks)
    except ValueError as error:
        raise NotEnough(f"purchase models: {error}", "a longer record of orders") from error
    fitted = table[table["model"].isin(list(FITS))].sort_values(["poisson_deviance", "model"])
    best, base = fitted.iloc[0], table[~table["model"].isin(list(FITS))].iloc[0]
    total_error = float(best["predicted_total"] / max(best["actual_total"], 1e-9) - 1)
    better = bool(best["poisson_deviance"] < base["poisson_deviance"])
    by_tenth = calibration_by_decile(models[best["model"]].expected_purchases(frame, weeks), actual)
    return Answer(
        table=table,
        headline=f"{best['model']} predicts the last {weeks:.0f} weeks {'better' if better else 'no better'} than past rates",
        so_what=(
            f"It foresaw {format_value(best['predicted_total'], 'count')} purchases and {format_value(best['actual_total'], 'count')} came "
            f"({format_value(total_error, '%')}); its best tenth of customers made {format_value(best['top_decile_capture'], '%')} of them "
            f"(past rates: {format_value(base['top_decile_capture'], '%')}). "
            + ("Value below rests on it; segment totals carry this error." if better else "Rank customers by it, but plan totals on past rates.")
        ),
        kind="predictive",
        caption=f"Purchases predicted from the record up to {cut:%Y-%m-%d} against those up to {as_of:%Y-%m-%d} (n = {len(frame):,} customers)",
        units={"predicted_total": "count", "actual_total": "count", "top_decile_capture": "%", "n": "count"},
        source="orders; BG/NBD and MBG/NBD by maximum likelihood, baseline: own past rate",
        metrics=(
            Metric("holdout_error_total", total_error, n=len(frame), unit="%", kind="predictive"),
            Metric("holdout_top_tenth", float(best["top_decile_capture"]), n=len(frame), unit="%", kind="predictive"),
        ),
        extra={"best": str(best["model"]), "total_error": total_error, "calibration": _calibration(by_tenth, weeks, str(best["model"]))},
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


def lifetime_value(
    histories: pd.DataFrame,
    customers: pd.DataFrame,
    check: Answer | Missing,
    discount_rate_year: float,
    horizon_months: int = 36,
    *,
    seed: int,
) -> Answer | Missing:
    """Return the value of each customer's purchases to come, on margin, discounted.

    Expected orders come from the model that did best on the hold-out (MBG/NBD when there was none),
    the probability of being active always from MBG/NBD, as BG/NBD calls every one-time buyer active.
    Customers won before the record of orders begins have a model of their own (`comparable`).

    Parameters
    ----------
    histories
        Query ``purchase_histories`` with ``until = as_of``.
    customers
        Frame of `add_contribution`: every customer gets a row, those without a history a value of 0.
    check
        Answer of `check_purchase_models`.
    discount_rate_year
        Yearly discount rate (0.10 is 10 %).
    horizon_months
        How far ahead purchases count.
    seed
        Seed of the draws behind the intervals.

    Returns
    -------
    Answer
        One row per tenth of customers by value; extra ``values`` (result ``customer_value``; intervals at
        80 % for single customers).

    References
    ----------
    Fader, Hardie & Lee (2005), RFM and CLV, Journal of Marketing Research 42(4).
    """
    best = check["best"] if isinstance(check, Answer) else "MBG/NBD"
    error = abs(float(check["total_error"])) if isinstance(check, Answer) else np.nan
    return _lifetime_value(histories, customers, best, error, discount_rate_year, horizon_months, seed)  # fmt: skip


@answers
def _lifetime_value(
    histories: pd.DataFrame, customers: pd.DataFrame, best: str, error: float, discount_rate: float,
    months: int, seed: int,
) -> Answer:  # fmt: skip
    need(histories, "customers with a purchase", "orders with a customer number", rows=100)
    frame = comparable(histories)
    margin_rate = _margin_rate(customers)
    try:
        models = {name: fit_models(name, frame) for name in dict.fromkeys((best, "MBG/NBD"))}
        spend = fit_gamma_gamma(frame)
        value = pd.concat([
            customer_lifetime_value(
                model, spend, part, margin_rate=margin_rate, horizon=months / 12 * WEEKS_PER_YEAR, seed=seed,
                discount_rate_year=discount_rate, periods_per_year=WEEKS_PER_YEAR, level=LEVEL, draws=DRAWS,
            )
            for model, part in models[best].parts(frame)
        ]).loc[frame.index]  # fmt: skip
        value["p_alive"] = models["MBG/NBD"].p_alive(frame)
        ahead = models[best].expected_purchases(frame, WEEKS_PER_YEAR)
        related = frequency_spend_correlation(frame, spend, seed=seed)
    except ValueError as error_:
        raise NotEnough(f"lifetime value: {error_}", "a longer record of orders") from error_
    values = _values(customers, value, ahead, margin_rate)
    total = float(values["clv"].sum())
    by_tenth = _by_tenth(values)
    top = float(by_tenth["share_clv"].head(2).sum())
    low, high = _range(values, total, error)
    basis = BASIS[str(customers["margin_basis"].iloc[0])]
    return Answer(
        table=by_tenth,
        headline=f"A fifth of customers holds {format_value(top, '%')} of the value of the next {months} months",
        so_what=(
            f"The customer base is worth {format_value(total, 'currency')}"
            + ("" if low is None else f" (about {format_value(low, 'currency')} to {format_value(high, 'currency')} by chance and the error of the hold-out)")
            + f" in {basis}. {_related(related)} Protect the first two tenths by name and spend on the rest by segment."
        ),
        kind="predictive",
        caption=f"Value of the next {months} months by tenth of customers (n = {len(values):,}; {format_value(discount_rate, '%')} a year discounted; {best})",
        units={"customers": "count", "clv_total": "currency", "clv_mean": "currency", "share_clv": "%", "p_alive": "%", "expected_orders_12m": "ratio"},
        source=f"orders; {best} and Gamma-Gamma; {basis}, {format_value(margin_rate, '%')} of purchases",
        metrics=(
            Metric("customer_equity", total, low, high, len(values), "currency", "predictive"),
            Metric("clv_mean", total / len(values), n=len(values), unit="currency", kind="predictive"),
            Metric("clv_share_top_fifth", top, n=len(values), unit="%", kind="predictive"),
            Metric("active_share", float(values["p_alive"].mean()), n=len(frame), unit="%", kind="predictive"),
        ),
        extra={"values": values},
    )  # fmt: skip


def _range(values: pd.DataFrame, total: float, error: float) -> tuple[float | None, float | None]:
    """95 % range of the total: chance among customers, and the relative error seen on the hold-out."""
    if np.isnan(error):
        return None, None
    spread = (values["clv_high"] - values["clv_low"]) / (2 * norm.ppf(0.5 + LEVEL / 2))
    half = 1.96 * float(np.sqrt((spread**2).sum())) + error * total
    return max(total - half, 0.0), total + half


def _related(found: object) -> str:
    rho, usual, p_value = found.rho, found.rho_independent, found.p_value  # type: ignore[attr-defined]
    if p_value > 0.05:
        return "Frequent buyers do not spend differently per order, as the model assumes."
    more = "more" if rho > usual else "less"
    side = "too low" if rho > usual else "too high"
    return f"Frequent buyers spend {more} per order than the model assumes (rank correlation {rho:.2f}), so their value is if anything {side}."


def _margin_rate(customers: pd.DataFrame) -> float:
    """Net margin of 12 months per unit of purchases before refunds, within 0 and 1."""
    purchases = float((customers["turnover_12m"] + customers["revenue_12m"]).sum()) / 2
    if purchases <= 0:
        raise NotEnough("no purchases in 12 months", "orders of the last year")
    return float(np.clip(float(customers["margin_12m"].sum()) / purchases, 0.0, 1.0))


def _values(
    customers: pd.DataFrame, value: pd.DataFrame, ahead: pd.Series, margin_rate: float
) -> pd.DataFrame:
    columns = ["customer_id", "revenue_12m", "margin_12m", "contribution_12m"]
    table = customers[columns].sort_values("customer_id", ignore_index=True)
    table = table.astype(dict.fromkeys(columns[1:], float))
    ids = table["customer_id"]
    table["p_alive"] = ids.map(value["p_alive"])
    table["expected_orders_12m"] = ids.map(ahead).fillna(0.0)
    table["expected_margin_12m"] = ids.map(ahead * value["expected_spend"] * margin_rate).fillna(0.0)  # fmt: skip
    for column, source in (("clv", "clv"), ("clv_low", "low"), ("clv_high", "high")):
        table[column] = ids.map(value[source]).fillna(0.0)
    return table


def _by_tenth(values: pd.DataFrame) -> pd.DataFrame:
    ordered = values.sort_values(["clv", "customer_id"], ascending=[False, True])
    groups = ordered.groupby(np.arange(len(ordered)) * 10 // len(ordered) + 1)
    total = max(float(ordered["clv"].sum()), 1e-9)
    table = pd.DataFrame(
        {
            "customers": groups.size(),
            "clv_mean": groups["clv"].mean(),
            "clv_total": groups["clv"].sum(),
            "share_clv": groups["clv"].sum() / total,
            "p_alive": groups["p_alive"].mean(),
            "expected_orders_12m": groups["expected_orders_12m"].mean(),
        }
    )
    return table.rename_axis("tenth").reset_index()
