"""Customers under contract: how long they stay, what their contracts are still worth, and what a client with both has.

Glossary
--------
renewal
    A month of a contract that is over and was followed by another one.
residual value
    Discounted margin of the fees of contracts that run now, from the next renewal on.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy.stats import norm

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.clv import ShiftedBetaGeometric, fit_kaplan_meier, fit_sbg_spells
from playbook.errors import NotEnough

__all__ = ["add_contract_value", "contract_value"]

MONTH = 365.25 / 12
WITHIN = 0.1
"""A contract that ends three days after a renewal was not renewed: months have 28 to 31 days."""
LEAST, LEAST_LOST = 30, 5
LEVEL = 0.80


@answers
def contract_value(
    spells: pd.DataFrame,
    as_of: date,
    discount_rate_year: float,
    margin_rate: float | None = None,
    horizon_months: int = 36,
    holdout_months: int = 6,
) -> Answer:
    """Return how long contracts last and what those that run are worth, checked on a hold-out.

    A shifted-beta-geometric model and Kaplan-Meier, which needs no model, stand side by side. The hold-out asks
    how many of the contracts that ran ``holdout_months`` ago still run, beside the plain average loss of the
    months before.

    Parameters
    ----------
    spells
        Query ``contract_spells``.
    as_of
        End of the period.
    discount_rate_year
        Yearly discount rate.
    margin_rate
        Margin as a share of the fee; without it the value is in fees, and it says so.
    horizon_months
        How far ahead fees count.
    holdout_months
        Length of the hold-out.

    Returns
    -------
    Answer
        One row per months renewed: share still there by the model and by Kaplan-Meier with its interval; extras
        ``values`` (by customer: ``contract_value`` with its 80 % interval, ``contract_margin_12m``), ``model``, ``holdout``.

    References
    ----------
    Fader & Hardie (2007), How to project customer retention, J. of Interactive Marketing 21(1).
    Fader & Hardie (2010), Customer-base valuation in a contractual setting, Marketing Science 29(1).
    """
    known = spells[spells["days"] >= 0]
    need(known, "contracts", "contracts with start, end and monthly fee", rows=LEAST)
    periods = _periods(known)
    lost = int(periods["lost"].sum())
    if lost < LEAST_LOST:
        raise NotEnough(f"{lost} of {len(known):,} contracts have ended, {LEAST_LOST} are needed", "contracts that ended, with their end")  # fmt: skip
    try:
        model = fit_sbg_spells(periods)
    except ValueError as error:
        raise NotEnough(f"contracts: {error}", "a longer record of contracts") from error
    running = known[known["lost"] == 0]
    rate = 1.0 if margin_rate is None else margin_rate
    values = _running_value(model, running, rate, discount_rate_year, horizon_months)
    year = _running_value(model, running, rate, 0.0, 12).set_index("customer_id")
    values["contract_margin_12m"] = values["customer_id"].map(year["contract_value"])
    values["sd_12m"] = values["customer_id"].map(year["sd"])
    held = _holdout(known, as_of, holdout_months)
    total = float(values["contract_value"].sum())
    half = float(norm.ppf(0.5 + LEVEL / 2) * np.sqrt((values["sd"] ** 2).sum()) + abs(held["error"]) * abs(total)) if np.isfinite(held["error"]) else np.nan  # fmt: skip
    table = _survival(model, periods)
    kept = float(model.survival([12]).iloc[0])
    return Answer(
        table=table,
        headline=f"{format_value(kept, '%')} of contracts reach a year; {len(running):,} run now",
        so_what=(
            f"Those that run are worth {format_value(total, 'currency')} over {horizon_months} months"
            + (f" ({format_value(total - half, 'currency')} to {format_value(total + half, 'currency')})" if np.isfinite(half) else "")
            + (" in fees: no margin is known. " if margin_rate is None else " in margin. ")
            + _loyal(model) + _told(held)
        ),
        kind="predictive",
        caption=f"Share of contracts still there after so many months (n = {len(known):,}, {lost:,} ended; Kaplan-Meier with 95 % interval)",
        units={"model": "%", "observed": "%", "low": "%", "high": "%", "at_risk": "count"},
        source="contracts; shifted-beta-geometric by maximum likelihood, Kaplan-Meier",
        metrics=(
            Metric("contract_equity", total, total - half if np.isfinite(half) else None, total + half if np.isfinite(half) else None, len(running), "currency", "predictive"),
            Metric("contracts_kept_a_year", kept, n=len(known), unit="%", kind="predictive"),
        ),
        extra={"values": values, "model": model, "holdout": held},
    )  # fmt: skip


def _periods(spells: pd.DataFrame) -> pd.DataFrame:
    """Return whole months: the month a contract ended in (1 = the first), or months renewed so far."""
    months = spells["days"].astype(float) / MONTH
    lost = spells["lost"].astype(int) == 1
    duration = np.where(lost, np.maximum(np.ceil(months - WITHIN), 1.0), np.floor(months + WITHIN))
    return pd.DataFrame({"duration": duration, "lost": lost.to_numpy()}, index=spells.index)


def _survival(model: ShiftedBetaGeometric, periods: pd.DataFrame) -> pd.DataFrame:
    seen = fit_kaplan_meier(periods["duration"], periods["lost"]).summary()
    longest = int(min(periods["duration"].max(), 60))
    table = seen[seen["time"] <= longest].copy()
    told = model.survival(table["time"].astype(int).to_numpy())
    return pd.DataFrame(
        {
            "months": table["time"].astype(int).to_numpy(), "model": told.to_numpy(),
            "observed": table["survival"].to_numpy(), "low": table["low"].to_numpy(),
            "high": table["high"].to_numpy(), "at_risk": table["at_risk"].to_numpy(),
        }
    )  # fmt: skip


def _running_value(
    model: ShiftedBetaGeometric,
    running: pd.DataFrame,
    rate: float,
    discount_rate: float,
    months: int,
) -> pd.DataFrame:
    """Return the value of each customer's running contracts; a contract's interval comes from its own chance to end."""
    renewed = _periods(running)["duration"].astype(int).to_numpy()
    unique, where = np.unique(renewed, return_inverse=True)
    discount = (1 + discount_rate) ** (-np.arange(months) / 12)
    worth = np.cumsum(discount)
    mean, spread, ends = (np.zeros(len(unique)) for _ in range(3))
    low = np.zeros(len(unique))
    for i, n in enumerate(unique):
        there = model.survival(np.arange(n, n + months + 1)).to_numpy()
        stay = there[1:] / there[0]
        leave = np.concatenate([[1.0], stay[:-1]]) - stay
        paid = np.concatenate([[0.0], worth])  # fees paid by the number of renewals made
        chance = np.append(leave, stay[-1])
        mean[i] = chance @ paid
        spread[i] = np.sqrt(max(chance @ paid**2 - mean[i] ** 2, 0.0))
        made = np.searchsorted(np.cumsum(chance), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        low[i], ends[i] = paid[np.minimum(made, months)]
    fee = running["monthly_fee"].to_numpy(float) * rate
    frame = pd.DataFrame(
        {
            "customer_id": running["customer_id"].to_numpy(), "contract_value": fee * mean[where],
            "contract_low": fee * low[where], "contract_high": fee * ends[where], "sd": (fee * spread[where]) ** 2,
        }
    )  # fmt: skip
    by = frame.groupby("customer_id", as_index=False).sum()
    return by.assign(sd=np.sqrt(by["sd"]))


def _holdout(spells: pd.DataFrame, as_of: date, months: int) -> dict[str, float]:
    """Return contracts running ``months`` ago, how many still run, and what the model and the mean loss foretold."""
    cut = as_of - timedelta(days=round(months * MONTH))
    started = pd.to_datetime(spells["started_on"])
    before = spells[started <= pd.Timestamp(cut)]
    since = (pd.Timestamp(cut) - started.loc[before.index]).dt.days
    seen = before.assign(lost=((before["lost"] == 1) & (before["days"] <= since)).astype(int), days=np.minimum(before["days"], since))  # fmt: skip
    unknown = {
        "running": np.nan,
        "kept": np.nan,
        "model": np.nan,
        "baseline": np.nan,
        "error": np.nan,
    }
    periods = _periods(seen)
    running = seen[seen["lost"] == 0]
    if len(running) < LEAST or periods["lost"].sum() < LEAST_LOST:
        return unknown
    try:
        model = fit_sbg_spells(periods)
    except ValueError:
        return unknown
    renewed = periods.loc[running.index, "duration"].astype(int)
    told = model.survival((renewed + months).to_numpy()).to_numpy() / model.survival(renewed.to_numpy()).to_numpy()  # fmt: skip
    kept = float((before.loc[running.index, "lost"] == 0).sum())
    monthly = float(periods["lost"].sum() / max(periods["duration"].sum(), 1.0))
    return {
        "running": float(len(running)), "kept": kept, "model": float(told.sum()),
        "baseline": len(running) * (1 - monthly) ** months, "error": float(told.sum() / max(kept, 1.0) - 1),
    }  # fmt: skip


def _told(held: dict[str, float]) -> str:
    if not np.isfinite(held["kept"]):
        return "The record is too short to test this on a hold-out."
    return (
        f"Hold-out: of {held['running']:,.0f} contracts {held['kept']:,.0f} still run; the model foresaw {held['model']:,.0f}, "
        f"the mean loss of the months before {held['baseline']:,.0f}."
    )


def _loyal(model: ShiftedBetaGeometric) -> str:
    first, later = model.retention_rate([1, 13]).to_numpy()
    if later - first < 0.005:
        return "The chance to renew hardly rises with age. "
    return f"The chance to renew rises from {format_value(first, '%')} in the first month to {format_value(later, '%')} after a year: win the first months. "


def add_contract_value(
    lifetime: Answer | Missing, contracts: Answer | Missing, customers: pd.DataFrame
) -> Answer | Missing:
    """Return the lifetime value with running contracts added, from whichever of the two the data can tell.

    Purchases alone, contracts alone, or both: ``clv`` of a customer is the sum of what is there, its interval
    too (wider than needed, as the two need not go wrong together). A customer with a running contract is active.
    Orders must not repeat the fees.

    Parameters
    ----------
    lifetime, contracts
        Answers of `lifetime_value` and `contract_value`.
    customers
        Frame of `add_contribution`.
    """
    if not isinstance(contracts, Answer):
        return lifetime
    worth = contracts["values"].set_index("customer_id")
    total = float(worth["contract_value"].sum())
    told = lifetime if isinstance(lifetime, Answer) else None
    values: pd.DataFrame = _nothing(customers) if told is None else told["values"].copy()
    ids = values["customer_id"]
    for column, source in (
        ("clv", "contract_value"), ("clv_low", "contract_low"), ("clv_high", "contract_high"),
        ("expected_margin_12m", "contract_margin_12m"),
    ):  # fmt: skip
        values[column] += ids.map(worth[source]).fillna(0.0)
    for column, source in (("clv_sd", "sd"), ("expected_margin_sd", "sd_12m")):
        values[column] = np.hypot(values[column], ids.map(worth[source]).fillna(0.0))
    for column in ("contract_value", "contract_margin_12m"):
        values[column] = ids.map(worth[column]).fillna(0.0)
    values["p_alive"] = values["p_alive"].mask(values["contract_value"] > 0, 1.0)
    if told is None:
        return replace(
            contracts, extra={**contracts.extra, "values": values, "models": lifetime},
            so_what=f"{contracts.so_what} Value is that of contracts alone. {lifetime!r}",
        )  # fmt: skip
    both = float(values["clv"].sum())
    return replace(
        told, extra={**told.extra, "values": values},
        so_what=f"{told.so_what} Contracts that run add {format_value(total, 'currency')}: {format_value(both, 'currency')} in all.",
    )  # fmt: skip


def _nothing(customers: pd.DataFrame) -> pd.DataFrame:
    """Return ``customer_value`` of customers without any purchase to tell from."""
    known = ["customer_id", "revenue_12m", "margin_12m", "contribution_12m"]
    table = customers[known].sort_values("customer_id", ignore_index=True)
    table = table.astype(dict.fromkeys(known[1:], float)).assign(
        p_alive=np.nan, p_last_order=np.nan
    )
    empty = ["expected_orders_12m", "expected_margin_12m", "clv", "clv_low", "clv_high", "clv_sd",
             "expected_margin_sd", "orders_low", "orders_high"]  # fmt: skip
    return table.assign(**dict.fromkeys(empty, 0.0))
