"""Churn and purchase propensity of each customer, fitted on an earlier year and judged on a later one.

Active customers (an order within the look-back) are scored by a model. For lapsed ones the history
is mostly blank, so they get the share of lapsed customers who came back last time, by how long they are away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.propensity import Propensity, filled_in_later, fit_propensity
from playbook.stats import wilson

__all__ = [
    "Snapshots",
    "calibration",
    "lapsed_customers",
    "late_columns",
    "propensity",
    "snapshot_days",
    "what_predicts",
]

YEAR = 365
TOLERANCE = 7  # days by which a history may be short of whole years
OUTCOME = "churned"
NOT_FEATURES = ("customer_id", OUTCOME, "days_since_order")
WORDS = {
    "tenure_days": "days since the customer was won", "recency_days": "days since the last order",
    "contact_recency_days": "days since the last contact", "active_quarters": "quarters with an order",
    "orders_last_quarter": "orders in the last quarter", "contacts": "number of contacts", "visits": "visits before buying",
    "loyalty_contacts": "use of newsletter and loyalty account", "categories": "categories bought",
    "sales_channels": "sales channels used", "is_company": "being a company", "contracts": "running contracts",
    "tickets": "service cases", "largest_order": "largest order", "orders": "number of orders",
}  # fmt: skip
LEAST_KNOWN = 20  # values a feature must have
ASK = "order histories of two years or more, with customer numbers"


@dataclass(frozen=True)
class Snapshots:
    """The days on which customers are looked at to learn, to test and to score.

    Attributes
    ----------
    train, test, now
        Parameters of the query ``customer_snapshot``.
    horizon_days
        Days in which an order is looked for.
    out_of_time
        Whether the test lies a whole horizon after the training. If not, the history is too short
        and the test is on other customers of the same days.
    """

    train: dict[str, date]
    test: dict[str, date]
    now: dict[str, date]
    horizon_days: int
    out_of_time: bool


def snapshot_days(span: pd.DataFrame, as_of: date) -> Snapshots:
    """Choose the days: a year of outcome after a year of history, twice, where the orders reach back.

    Parameters
    ----------
    span
        Query ``order_history_span``: first_day.
    as_of
        Last day of the period.

    Notes
    -----
    Three years of orders: train at ``as_of`` - 2 years, test at - 1 year. Two years: both at - 1 year,
    tested on other customers. Less: a third of the history is the horizon.
    """
    first = span["first_day"].iloc[0] if len(span) else pd.NaT
    days = (as_of - first.date()).days + 1 if not pd.isna(first) else 0
    back = horizon = YEAR
    out_of_time = True
    if days < 3 * YEAR - TOLERANCE and days >= 2 * YEAR - TOLERANCE:
        out_of_time = False
    elif days < 2 * YEAR - TOLERANCE:
        back = horizon = max(days // 3, 1)

    def look(cutoff: date) -> dict[str, date]:
        return {
            "cutoff": cutoff,
            "lookback_from": cutoff - timedelta(days=back),
            "outcome_to": cutoff + timedelta(days=horizon),
        }

    test = as_of - timedelta(days=horizon)
    train = test - timedelta(days=horizon) if out_of_time else test
    return Snapshots(look(train), look(test), look(as_of), horizon, out_of_time)


def _usable(train: pd.DataFrame) -> list[str]:
    """Columns that tell customers apart (an absent table leaves a constant one)."""
    names = [c for c in train.columns if c not in NOT_FEATURES]
    return [
        c for c in names
        if train[c].notna().sum() >= LEAST_KNOWN and len(train[c].drop_duplicates()) > 1
    ]  # fmt: skip


def _other_customers(frame: pd.DataFrame, seed: int) -> pd.Series:
    """Whether each customer is held out for the test (three in ten, by hash)."""
    places = [
        int(hashlib.sha256(f"test:{seed}:{key}".encode()).hexdigest()[:8], 16) % 10
        for key in frame["customer_id"]
    ]
    return pd.Series(places, frame.index, dtype="int64") < 3


def _fit(
    train: pd.DataFrame, test: pd.DataFrame, out_of_time: bool, features: Sequence[str], seed: int
) -> Propensity:
    if not out_of_time:
        held = _other_customers(train, seed)
        train, test = train[~held], train[held]
    try:
        return fit_propensity(train, test, OUTCOME, features, seed)
    except ValueError as error:
        if "not enough data" in str(error):
            raise NotEnough(str(error), ASK) from None
        raise


def _away(frame: pd.DataFrame, horizon: int) -> pd.Series:
    """How long lapsed customers are away: up to twice the horizon, or longer (or never bought)."""
    near = frame["days_since_order"].astype("float64") <= 2 * horizon
    return near.map({True: f"up to {2 * horizon} days", False: "longer, or no order on record"})


def _lapsed_rates(test: pd.DataFrame, now: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Share of lapsed customers who came back after the test day, by how long they were away then.

    Where fewer than 20 were away that long, the rate of all lapsed customers stands in.
    """
    before, today = test[test["orders"] == 0], now[now["orders"] == 0]
    then, present = _away(before, horizon), _away(today, horizon)
    rows = []
    for away in sorted(set(then) | set(present), reverse=True):
        known = before.loc[then == away, OUTCOME].astype(float)
        known = known if len(known) >= LEAST_KNOWN else before[OUTCOME].astype(float)
        back = wilson(float((1 - known).sum()), len(known)) if len(known) else None
        rows.append({
            "away": away, "customers_then": len(known), "returned": back.value if back else np.nan,
            "low": back.low if back else np.nan, "high": back.high if back else np.nan,
            "customers_now": int((present == away).sum()),
        })  # fmt: skip
    columns = ["away", "customers_then", "returned", "low", "high", "customers_now"]
    return pd.DataFrame(rows, columns=columns)


def _scores(
    model: Propensity, now: pd.DataFrame, lapsed: pd.DataFrame, horizon: int
) -> pd.DataFrame:
    """Probability of staying away for every customer: by the model, or the rate of the lapsed."""
    modelled = model.score(_active(now))
    rate = lapsed.set_index("away")["returned"]
    overall = (
        float(np.average(rate.dropna(), weights=lapsed["customers_then"][rate.notna().to_numpy()]))
        if rate.notna().any()
        else 0.0
    )
    away = 1 - _away(now, horizon).map(rate).fillna(overall)
    churn = now["customer_id"].map(modelled).fillna(away).astype(float).round(9)
    return pd.DataFrame({
        "customer_id": now["customer_id"].astype("str"), "churn_probability": churn,
        "purchase_probability": (1 - churn).round(9), "active": now["orders"] > 0, "horizon_days": horizon,
    }).sort_values("customer_id", ignore_index=True)  # fmt: skip


def late_columns(
    train: pd.DataFrame, test: pd.DataFrame, now: pd.DataFrame, days: Snapshots
) -> list[str]:
    """Return the columns of active customers that are filled in after the day; see `filled_in_later`."""
    known, judged = (_active(frame).dropna(subset=[OUTCOME]) for frame in (train, test))
    late = filled_in_later(
        known, _active(now), _usable(known), judged if days.out_of_time else None
    )
    return late.loc[late["refused"], "feature"].tolist()


@answers
def propensity(
    train: pd.DataFrame, test: pd.DataFrame, now: pd.DataFrame, days: Snapshots, seed: int
) -> Answer:
    """Return who is likely to leave or to buy, and how well that was foreseen last time.

    Parameters
    ----------
    train, test, now
        Query ``customer_snapshot`` at the three days of `snapshot_days`: features known at the day,
        and ``churned`` (1 when no order followed within the horizon; none for ``now``).
    days
        From `snapshot_days`.
    seed
        Of folds, samples and shuffles.

    Returns
    -------
    Answer
        Table of models of active customers on the test day: model, chosen, brier, brier_low, brier_high, auc,
        auc_low, auc_high, top_decile_lift, n. Extra ``scores`` of all customers: customer_id, churn_probability,
        purchase_probability (its complement), active, horizon_days; ``calibration``, ``effects``, ``lapsed`` and ``refused``
        (columns filled in after the day, which no model sees).
    """
    need(_active(train), "active customers with a known outcome", ASK, rows=100, columns=[OUTCOME])
    known, judged = (_active(frame).dropna(subset=[OUTCOME]) for frame in (train, test))
    refused = late_columns(train, test, now, days)
    features = [name for name in _usable(known) if name not in refused]
    need(pd.DataFrame({"feature": features}), "features of customers", ASK)
    model = _fit(known, judged, days.out_of_time, features, seed)
    lapsed = _lapsed_rates(test.dropna(subset=[OUTCOME]), now, days.horizon_days)
    scores = _scores(model, now, lapsed, days.horizon_days)
    table = model.comparison.drop(columns="log_loss")
    table.insert(1, "chosen", table["model"] == model.chosen)
    return Answer(
        table=table,
        headline=_headline(model),
        so_what=_advice(model, now, scores, days, refused),
        kind="predictive",
        caption=(
            f"Models of 'no order in {days.horizon_days} days', active customers, fitted at {days.train['cutoff']}, "
            f"judged at {days.test['cutoff']}" + ("" if days.out_of_time else " on other customers")
        ),
        units=dict.fromkeys(table.columns.drop(["model", "chosen", "n"]), "ratio") | {"n": "count"},
        source="customers, orders, tickets, interactions; calibrated classifiers",
        metrics=_metrics(model),
        extra={
            "scores": scores, "calibration": model.calibration, "effects": model.effects, "lapsed": lapsed, "model": model,
            "refused": refused,
        },
    )  # fmt: skip


def _metrics(model: Propensity) -> tuple[Metric, ...]:
    row = model.comparison.set_index("model").loc[model.chosen]
    return tuple(
        Metric(f"churn_{name}", row[name], row[f"{name}_low"], row[f"{name}_high"], model.n_test, "ratio", "predictive")
        for name in ("auc", "brier")
    )  # fmt: skip


def _active(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["orders"] > 0]


def _headline(model: Propensity) -> str:
    if not model.beats_base_rate:
        return "Nothing known about customers foretells who leaves better than the average"
    top, bottom = model.calibration.iloc[-1], model.calibration.iloc[0]
    return (
        f"{format_value(top.observed, '%')} of those most at risk did leave, "
        f"{format_value(bottom.observed, '%')} of those least"
    )


def _advice(
    model: Propensity,
    now: pd.DataFrame,
    scores: pd.DataFrame,
    days: Snapshots,
    refused: Sequence[str],
) -> str:
    active = _active(now)
    risk = scores.set_index("customer_id")["churn_probability"]
    likely = active[active["customer_id"].map(risk) >= 0.5]
    revenue = format_value(float(likely["revenue"].sum()), "currency")
    gain = model.comparison.set_index("model")["brier"]
    better = 1 - gain[model.chosen] / gain["base rate"]
    flagged = model.leakage.loc[model.leakage["suspicious"], "feature"].tolist()
    leak = (
        f" Check {', '.join(flagged)}: it foretells the outcome suspiciously well."
        if flagged
        else ""
    )
    if refused:
        leak += (
            f" {', '.join(refused)} was left out: it is filled in as time passes, so it was not known at the day. "
            "Deliver it with the date of each entry."
        )  # fmt: skip
    test = (
        "" if days.out_of_time else
        " The history is too short for a test on a later year; next year's review will be the real test."
    )  # fmt: skip
    return (
        f"Of {len(active):,} customers who ordered in the last {days.horizon_days} days, {len(likely):,} will more likely than not "
        f"stay away for the next {days.horizon_days} ({revenue} of revenue). The squared error is {format_value(better, '%')} smaller "
        f"than without a model. Use the score to choose whom to contact, never to treat people worse.{leak}{test}"
    )


@answers
def lapsed_customers(predicted: Answer) -> Answer:
    """Return how many lapsed customers come back by themselves, by how long they are away.

    Parameters
    ----------
    predicted
        From `propensity`.
    """
    table = predicted["lapsed"]
    need(table[table["customers_then"] > 0], "customers who had lapsed at the test day", ASK)
    now = int(table["customers_now"].sum())
    expected = float((table["returned"].fillna(0) * table["customers_now"]).sum())
    return Answer(
        table=table,
        headline=f"Of {now:,} lapsed customers about {expected:,.0f} will come back by themselves",
        so_what=(
            "A win-back offer is worth only what it adds to that: keep a random part without the offer, or their return will be "
            "counted as its success."
        ),
        kind="predictive",
        caption="Customers without an order in the look-back: share who ordered within the horizon last time (95 % intervals), and how many there are now",
        units={"customers_then": "count", "returned": "%", "low": "%", "high": "%", "customers_now": "count"},
        source="orders, customers",
        metrics=(Metric("lapsed_customers", float(now), n=now, unit="count"),),
    )  # fmt: skip


@answers
def calibration(predicted: Answer) -> Answer:
    """Return whether predicted and observed shares agree, group by group, on the test day.

    Parameters
    ----------
    predicted
        From `propensity`.
    """
    table = predicted["calibration"]
    inside = int(
        ((table["predicted"] >= table["low"]) & (table["predicted"] <= table["high"])).sum()
    )
    off = (table["observed"] - table["predicted"]) * table["n"]
    bias = float(off.sum() / table["n"].sum())
    direction = "more" if bias > 0 else "fewer"
    return Answer(
        table=table,
        headline=f"In {inside} of {len(table)} groups the predicted share of leavers held",
        so_what=(
            f"On average {format_value(abs(bias), '%')} {direction} customers left than predicted. "
            + (
                "The probabilities can be multiplied with money as they are."
                if abs(bias) < 0.03 and inside >= 0.6 * len(table)
                else "Use the order of customers, and read sums of probabilities with that error in mind."
            )
        ),
        kind="predictive",
        caption=f"Predicted and observed share without an order, by group of equal size (n = {int(table['n'].sum()):,}; 95 % intervals)",
        units={"predicted": "%", "observed": "%", "low": "%", "high": "%", "n": "count"},
        source="test day of the propensity model",
        metrics=(Metric("churn_bias", bias, n=int(table["n"].sum()), unit="%", kind="predictive"),),
    )  # fmt: skip


@answers
def what_predicts(predicted: Answer) -> Answer:
    """Return which features the chosen model leans on; they describe the model, not causes."""
    table = predicted["effects"]
    table = table[table["low"] > 0].reset_index(drop=True)
    need(table, "features that help to foretell", ASK)
    table["feature"] = table["feature"].map(lambda name: WORDS.get(name, name.replace("_", " ")))
    names = ", ".join(table["feature"].head(2))
    return Answer(
        table=table[["feature", "importance", "low", "high", "standardised_effect"]],
        headline=f"The score leans most on {names}"[:90],
        so_what=(
            f"{len(table)} features help; without '{table['feature'].iloc[0]}' the forecast would lose most. These are "
            "signs, not causes: changing them does not by itself keep a customer. Watch them as early warnings."
        ),
        kind="diagnostic",
        caption="Rise of the forecast's error (log loss) when a feature is shuffled, on the test day; 95 % intervals",
        units={"importance": "ratio", "low": "ratio", "high": "ratio", "standardised_effect": "ratio"},
        source="test day of the propensity model; permutation importance",
    )  # fmt: skip
