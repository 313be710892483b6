"""Customer lifetime value: what each customer's purchases to come are worth, on margin, discounted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import nbinom

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.clv import (
    GammaGamma,
    customer_lifetime_value,
    fit_gamma_gamma,
    frequency_spend_correlation,
    purchase_interval,
)
from playbook.clv.evidence import evidence_intervals, evidence_sd, split_factor
from playbook.errors import NotEnough
from playbook.segmentation.money import BASIS
from playbook.segmentation.purchase_models import (
    SEASONAL,
    TRAILING,
    PurchaseModels,
    SeasonClock,
    TrailingRates,
    comparable,
    fit_models,
)
from playbook.segmentation.signs import ContactEffect

__all__ = ["WEEKS_PER_YEAR", "lifetime_value"]

WEEKS_PER_YEAR = 365.25 / 7
LEVEL = 0.80
DRAWS = 200


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

    Expected orders come from what did best on the hold-out, be it the past rate (MBG/NBD when there was no
    hold-out); the probability of being active always from MBG/NBD, as BG/NBD calls every one-time buyer active.
    Where the hold-out shows that signs of life foretell better (`ContactEffect`), they change expected orders and values, not ``p_alive``.
    Where each purchase loses money, values are negative and the text says so.
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
        One row per tenth of customers by value; extras ``values`` (result ``customer_value``; intervals at
        80 % for single customers, of value and of orders), ``models``, ``spend``, ``margin_rate`` and ``basis``.

    References
    ----------
    Fader, Hardie & Lee (2005), RFM and CLV, Journal of Marketing Research 42(4).
    """
    return _lifetime_value(histories, customers, _Choice.of(check), discount_rate_year, horizon_months, seed)  # fmt: skip


@dataclass(frozen=True)
class _Choice:
    """What the hold-out chose: for orders ahead (``best``), for activity (``model``), its clock, its error, signs of life."""

    best: str
    model: str
    clock: SeasonClock | None
    error: float
    contacts: ContactEffect | None = None

    @classmethod
    def of(cls, check: Answer | Missing) -> _Choice:
        """Read the answer of `check_purchase_models`; without one MBG/NBD on the calendar is used."""
        if not isinstance(check, Answer):
            return cls("MBG/NBD", "MBG/NBD", None, np.nan)
        return cls(
            check["best"],
            check["model"],
            check["clock"],
            abs(float(check["total_error"])),
            check["contacts"],
        )

    @property
    def activity(self) -> str:
        """MBG/NBD on the clock of the model that predicts best: BG/NBD calls every one-time buyer active."""
        return "MBG/NBD" + (SEASONAL if self.model.endswith(SEASONAL) else "")


@answers
def _lifetime_value(
    histories: pd.DataFrame, customers: pd.DataFrame, choice: _Choice, discount_rate: float, months: int, seed: int,
) -> Answer:  # fmt: skip
    need(histories, "customers with a purchase", "orders with a customer number", rows=100)
    frame = comparable(histories)
    frame = frame.assign(monetary=frame["monetary"].astype(float))
    margin_rate = _margin_rate(customers)
    try:
        models = {
            name: fit_models(name, frame, choice.clock)
            for name in dict.fromkeys((choice.model, choice.activity))
        }
        spend = fit_gamma_gamma(frame)
        value = _valued(models[choice.model], spend, frame, margin_rate, discount_rate, months, seed, choice.contacts)  # fmt: skip
        related = frequency_spend_correlation(frame, spend, seed=seed)
    except ValueError as error_:
        raise NotEnough(f"lifetime value: {error_}", "a longer record of orders") from error_
    if choice.best == TRAILING:
        value = value.assign(
            **_going_on(frame, value["expected_spend"], margin_rate, discount_rate, months)
        )
    value["p_alive"] = models[choice.activity].p_alive(frame)
    value["p_last_order"] = models[choice.activity].p_last(frame)
    values = _values(customers, value, margin_rate)
    total = float(values["clv"].sum())
    by_tenth = _by_tenth(values)
    top = float(by_tenth["share_clv"].head(2).sum())
    low, high = _range(values, total, choice.error)
    basis = BASIS[str(customers["margin_basis"].iloc[0])]
    return Answer(
        table=by_tenth,
        headline=_headline(top, total, months),
        so_what=(
            f"The customer base is worth {format_value(total, 'currency')}"
            + ("" if low is None else f" (about {format_value(low, 'currency')} to {format_value(high, 'currency')} by chance and the error of the hold-out)")
            + f" in {basis}. {_related(related)} {_advice(total)}"
        ),
        kind="predictive",
        caption=f"Value of the next {months} months by tenth of customers (n = {len(values):,}; {format_value(discount_rate, '%')} a year discounted; {choice.best})",
        units={"customers": "count", "clv_total": "currency", "clv_mean": "currency", "share_clv": "%", "p_alive": "%", "expected_orders_12m": "ratio"},
        source=f"orders; {choice.best} and Gamma-Gamma; {basis}, {format_value(margin_rate, '%')} of purchases",
        metrics=(
            Metric("customer_equity", total, low, high, len(values), "currency", "predictive"),
            Metric("clv_mean", total / len(values), n=len(values), unit="currency", kind="predictive"),
            *((Metric("clv_share_top_fifth", top, n=len(values), unit="%", kind="predictive"),) if total > 0 else ()),
            Metric("active_share", float(values["p_alive"].mean()), n=len(frame), unit="%", kind="predictive"),
        ),
        extra={"values": values, "models": models[choice.model], "spend": spend, "margin_rate": margin_rate, "basis": basis},
    )  # fmt: skip


def _valued(
    models: PurchaseModels, spend: GammaGamma, frame: pd.DataFrame, margin_rate: float, discount_rate: float, months: int, seed: int,
    contacts: ContactEffect | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return value, orders ahead and their 80 % intervals by customer; a loss on each order makes values negative."""
    sign, year = (1.0 if margin_rate >= 0 else -1.0), models.weeks(WEEKS_PER_YEAR)
    horizon = models.weeks(months / 12 * WEEKS_PER_YEAR)
    factor = None if contacts is None else contacts.factors(
        frame, models.chance_of_none(frame, WEEKS_PER_YEAR), models.expected_purchases(frame, WEEKS_PER_YEAR)
    )  # fmt: skip
    found = []
    for model, part in models.parts(frame):
        worth = customer_lifetime_value(
            model, spend, part, margin_rate=abs(margin_rate), horizon=horizon, seed=seed,
            discount_rate_year=discount_rate, periods_per_year=WEEKS_PER_YEAR, level=LEVEL, draws=DRAWS,
        )  # fmt: skip
        orders = purchase_interval(model, part, year, level=LEVEL, draws=DRAWS, seed=seed)
        worth = worth.assign(
            ahead=model.expected_purchases(part, year), orders_low=orders["low"], orders_high=orders["high"], ahead_sd=orders["sd"],
        )  # fmt: skip
        if factor is not None:
            ends = evidence_intervals(
                model, spend, part, factor.loc[part.index], margin_rate=abs(margin_rate), horizon=horizon, year=year,
                discount=float(np.log1p(discount_rate)) / WEEKS_PER_YEAR, level=LEVEL, draws=DRAWS, seed=seed,
            )  # fmt: skip
            worth = _with_signs(worth.assign(**ends), factor.loc[part.index])
        ends = np.sort(sign * worth[["low", "high"]].to_numpy(), axis=1)
        found.append(worth.assign(clv=sign * worth["clv"], low=ends[:, 0], high=ends[:, 1]))
    value = pd.concat(found).loc[frame.index]
    p, q, _ = spend.params.to_numpy()
    unsure = 1 / np.maximum(p * frame["frequency"].astype(float) + q - 2, 0.5)
    ahead = value["ahead"]
    margin_sd = np.sqrt(value["ahead_sd"] ** 2 + ahead / p + ahead**2 * unsure)
    return value.assign(margin_sd=margin_sd * value["expected_spend"] * abs(margin_rate))


def _with_signs(worth: pd.DataFrame, factor: pd.Series) -> pd.DataFrame:
    """Return value and orders ahead with their spread after signs of life (`playbook.clv.evidence`)."""
    stays, rate = split_factor(worth["p_alive"], factor)
    return worth.assign(
        sd=evidence_sd(worth["clv"], worth["sd"], stays, rate), clv=worth["clv"] * factor,
        ahead_sd=evidence_sd(worth["ahead"], worth["ahead_sd"], stays, rate), ahead=worth["ahead"] * factor,
    )  # fmt: skip


def _going_on(
    frame: pd.DataFrame, spend: pd.Series, margin_rate: float, discount_rate: float, months: int
) -> dict[str, pd.Series]:
    """Return the value of customers who go on with their own past rate; intervals by a Gamma-Poisson of that rate."""
    weeks = months / 12 * WEEKS_PER_YEAR
    rate = float(np.log1p(discount_rate)) / WEEKS_PER_YEAR
    present = weeks if rate == 0 else float(-np.expm1(-rate * weeks) / rate)
    ahead = TrailingRates().expected_purchases(frame, 1.0)
    shape, age = frame["frequency"].astype(float) + 0.5, frame["age"].astype(float).clip(lower=1.0)
    tails = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    counts = {
        h: [nbinom.ppf(t, shape, age / (age + h)) for t in tails] for h in (WEEKS_PER_YEAR, weeks)
    }
    per_order = spend * margin_rate * present / weeks
    ends = np.sort(np.array([per_order * n for n in counts[weeks]]), axis=0)
    return {
        "ahead": ahead * WEEKS_PER_YEAR, "clv": ahead * spend * margin_rate * present,
        "low": pd.Series(ends[0], frame.index), "high": pd.Series(ends[1], frame.index),
        "sd": per_order.abs() * nbinom.std(shape, age / (age + weeks)),
        "margin_sd": (spend * margin_rate).abs() * nbinom.std(shape, age / (age + WEEKS_PER_YEAR)),
        "orders_low": pd.Series(counts[WEEKS_PER_YEAR][0], frame.index),
        "orders_high": pd.Series(counts[WEEKS_PER_YEAR][1], frame.index),
    }  # fmt: skip


def _headline(top: float, total: float, months: int) -> str:
    if total == 0:
        return f"Purchases earn nothing: no value in the next {months} months, however many orders come"
    if total < 0:
        return f"Every purchase loses money: more orders in the next {months} months cost more"
    return f"A fifth of customers holds {format_value(top, '%')} of the value of the next {months} months"


def _advice(total: float) -> str:
    if total == 0:
        return "Mend prices and cost of goods first; until then winning or keeping customers brings nothing."
    if total < 0:
        return "Mend prices and cost of goods first; until then winning or keeping customers adds to the loss."
    return "Protect the first two tenths by name and spend on the rest by segment."


def _range(values: pd.DataFrame, total: float, error: float) -> tuple[float | None, float | None]:
    """95 % range of the total: chance among customers, and the relative error seen on the hold-out."""
    if np.isnan(error):
        return None, None
    half = 1.96 * float(np.sqrt((values["clv_sd"] ** 2).sum())) + error * abs(total)
    low, high = total - half, total + half
    return (max(low, 0.0), high) if total >= 0 else (low, min(high, 0.0))


def _related(found: object) -> str:
    rho, usual, p_value = found.rho, found.rho_independent, found.p_value  # type: ignore[attr-defined]
    if p_value > 0.05:
        return "Frequent buyers do not spend differently per order, as the model assumes."
    more = "more" if rho > usual else "less"
    side = "too low" if rho > usual else "too high"
    return f"Frequent buyers spend {more} per order than the model assumes (rank correlation {rho:.2f}), so their value is if anything {side}."


def _margin_rate(customers: pd.DataFrame) -> float:
    """Net margin of 12 months per unit of purchases before refunds, at most 1 and at least −1."""
    purchases = float((customers["turnover_12m"] + customers["revenue_12m"]).sum()) / 2
    if purchases < 0.005:
        raise NotEnough("no purchases in 12 months", "orders of the last year")
    return float(np.clip(float(customers["margin_12m"].sum()) / purchases, -1.0, 1.0))


def _values(customers: pd.DataFrame, value: pd.DataFrame, margin_rate: float) -> pd.DataFrame:
    columns = ["customer_id", "revenue_12m", "margin_12m", "contribution_12m"]
    table = customers[columns].sort_values("customer_id", ignore_index=True)
    table = table.astype(dict.fromkeys(columns[1:], float))
    ids = table["customer_id"]
    table["p_alive"] = ids.map(value["p_alive"])
    table["p_last_order"] = ids.map(value["p_last_order"])
    table["expected_orders_12m"] = ids.map(value["ahead"]).fillna(0.0)
    table["expected_margin_12m"] = ids.map(value["ahead"] * value["expected_spend"] * margin_rate).fillna(0.0)  # fmt: skip
    for column, source in (("clv", "clv"), ("clv_low", "low"), ("clv_high", "high"),
                           ("clv_sd", "sd"), ("expected_margin_sd", "margin_sd"),
                           ("orders_low", "orders_low"), ("orders_high", "orders_high")):  # fmt: skip
        table[column] = ids.map(value[source]).fillna(0.0)
    return table


def _by_tenth(values: pd.DataFrame) -> pd.DataFrame:
    ordered = values.sort_values(["clv", "customer_id"], ascending=[False, True])
    groups = ordered.groupby(np.arange(len(ordered)) * 10 // len(ordered) + 1)
    total = float(ordered["clv"].sum())
    total = total if total > 0 else np.nan
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
