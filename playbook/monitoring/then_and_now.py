"""Then and now: every headline figure of the year before and of this year, and what the change is made of, exactly.

Glossary
--------
part
    What one cause adds to the change of a figure, averaged over all orders in which the causes could have
    moved (Shapley value); the parts add up to the change, of money to the cent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value
from playbook.errors import NotEnough
from playbook.monitoring.feedback import FEWEST, answers_of_years, score, step
from playbook.order_years import is_whole_year, margin_of
from playbook.stats import shapley_change, two_proportion_difference

__all__ = ["then_and_now"]

ASK = "orders of two whole years"
SALES = ["active customers", "orders per customer", "revenue per order", "guests' orders", "revenue per guest's order"]  # fmt: skip
RATE = "margin rate"


@dataclass(frozen=True)
class Change:
    """One headline figure in two years, the chance range of its change, and the parts of the change."""

    metric: str
    then: float
    now: float
    low: float
    high: float
    unit: str
    n: int
    parts: Mapping[str, float]


@answers
def then_and_now(
    windows: pd.DataFrame,
    kept: pd.DataFrame,
    since: date,
    before: pd.DataFrame | None = None,
    now: pd.DataFrame | None = None,
    feedback: pd.DataFrame | None = None,
    weights: pd.DataFrame | None = None,
) -> Answer:
    """Put each headline figure of the two years side by side and split its change into causes, exactly.

    Parameters
    ----------
    windows
        Query ``headline_figures``: one row per 12-month window (years_ago 0 and 1).
    kept
        Query ``kept_by_group``: customers of a base year and those who came back, by tenure.
    since
        Last day before this year.
    before, now
        Results ``customer_value`` of the year before and of this year, each by the model of its year.
    feedback, weights
        Query ``feedback_answers`` and result ``survey_weights``.

    Returns
    -------
    Answer
        In words, one row per figure: figure, then, now, change, chance_range, made_of, verdict. Extra ``parts``: metric,
        cause, then, now, change, part, share_of_then, unit, low, high (one row per figure and cause; parts sum to the change).

    Notes
    -----
    Shapley values over the factors of each figure (`shapley_change`; Shorrocks 2013). They say what moved, not why,
    and hold no error of their own: whether the change as a whole is beyond chance says the chance range (compound
    Poisson for sums, shares by Newcombe, scores with survey weights).
    """
    both = before is not None and now is not None
    changes = [
        *_sold(windows, _paired(before, now) if both else {}),
        *_retention(kept),
        *(_equity(before, now) if both else ()),
        *(_asked(feedback, weights, since) if feedback is not None and len(feedback) else ()),
    ]
    if not changes:
        raise NotEnough("no headline figure is known of two years", ASK)
    parts = pd.DataFrame([row for c in changes for row in _rows(c)])
    moved = [c for c in changes if c.low > 0 or c.high < 0]
    return Answer(
        table=pd.DataFrame([_words(c) for c in changes]),
        headline=f"{len(moved)} of {len(changes)} headline figures moved beyond chance"
        + (f": {', '.join(c.metric.lower() for c in moved[:3])}" if moved else ""),
        so_what=_so_what(changes, moved),
        kind="diagnostic",
        caption=(
            f"Headline figures of the 12 months after {since:%Y-%m-%d} against the 12 before, and what the change is made of "
            "(% of the figure then; 95 % chance range)"
        ),
        source="orders, lifetime values and answers of both years; Shapley values, which sum to the change",
        metrics=(Metric("headline_figures_moved", float(len(moved)), n=len(changes), unit="count", kind="diagnostic"),),
        extra={"parts": parts},
    )  # fmt: skip


def _split(value: Callable[[Mapping[str, float]], float], old: Mapping[str, float], new: Mapping[str, float],
           cents: bool = False) -> dict[str, float]:  # fmt: skip
    """Return the parts that are not nothing; money in cents, whose rounding goes to the largest part."""
    parts = {k: v for k, v in shapley_change(value, old, new).items() if v != 0}
    if not cents or not parts:
        return parts
    whole = round(value(new), 2) - round(value(old), 2)
    rounded = {k: round(v, 2) for k, v in parts.items()}
    largest = max(rounded, key=lambda k: (abs(rounded[k]), k))
    rounded[largest] = round(rounded[largest] + whole - sum(rounded.values()), 2)
    return rounded


def _leaves(window: pd.Series) -> dict[str, float]:
    number = {c: float(np.nan_to_num(window[c])) for c in ("active_customers", "orders", "guest_orders", "revenue", "customer_revenue")}  # fmt: skip
    guests = number["revenue"] - number["customer_revenue"]
    values = [number["active_customers"], _ratio(number["orders"], number["active_customers"]), _ratio(number["customer_revenue"], number["orders"]),
              number["guest_orders"] or float(guests != 0), _ratio(guests, number["guest_orders"] or 1.0)]  # fmt: skip
    return dict(zip(SALES, values, strict=True))


def _ratio(above: float, below: float) -> float:
    return above / below if below else 0.0


def _revenue(leaves: Mapping[str, float]) -> float:
    customers, each, value, guests, guest_value = (leaves[name] for name in SALES)
    return customers * each * value + guests * guest_value


def _paired(before: pd.DataFrame, now: pd.DataFrame) -> dict[str, float]:
    """Return the summed squares of each customer's change of revenue and of margin between the years."""
    names = ["revenue_12m", "margin_12m"]
    columns = ["customer_id", *names]
    both = before[columns].merge(now[columns], on="customer_id", how="outer").fillna(0.0)
    return {n: float(((both[f"{n}_y"] - both[f"{n}_x"]) ** 2).sum()) for n in names}


def _half(old: pd.Series, new: pd.Series, paired: Mapping[str, float], name: str, rate: float) -> float:  # fmt: skip
    """Return half the chance range of a change of revenue or margin.

    A compound Poisson sum over customers, who are the same in both years where both are known; guests are others.
    """
    squares = "revenue_squared" if name == "revenue_12m" else "margin_squared"
    if name not in paired:
        return _chance(old, new, squares)
    guests = sum(float(np.nan_to_num(w["revenue_squared"] - w["customer_revenue_squared"])) for w in (old, new))  # fmt: skip
    return 1.96 * float(np.sqrt(paired[name] + max(guests, 0.0) * rate**2))


def _sold(windows: pd.DataFrame, paired: Mapping[str, float]) -> list[Change]:
    """Revenue, margin, orders and active customers."""
    by_year = windows.set_index("years_ago") if len(windows) else windows
    if not {0, 1} <= set(by_year.index) or not is_whole_year(by_year.loc[1]):
        return []
    old, new = by_year.loc[1], by_year.loc[0]
    before, after = _leaves(old), _leaves(new)
    found = [_change("Revenue", _revenue, before, after, _half(old, new, paired, "revenue_12m", 1.0), "currency", _orders(new))]  # fmt: skip
    rates = [_ratio(margin_of(w), float(w["revenue"])) for w in (old, new)]
    if np.isfinite(rates).all():
        spread = _half(old, new, paired, "margin_12m", max(rates))
        found.append(_change("Gross margin", lambda x: _revenue(x) * x[RATE], before | {RATE: rates[0]}, after | {RATE: rates[1]},
                             spread, "currency", _orders(new)))  # fmt: skip
    counts = SALES[0], SALES[1], SALES[3]
    guests = {SALES[3]: float(old["guest_orders"])}, {SALES[3]: float(new["guest_orders"])}
    found.append(_change("Orders", lambda x: x[SALES[0]] * x[SALES[1]] + x[SALES[3]],
                         {k: (before | guests[0])[k] for k in counts}, {k: (after | guests[1])[k] for k in counts},
                         _chance(old, new, "orders_squared"), "count", _orders(new)))  # fmt: skip
    return [*found, *_customers(old, new)]


def _orders(window: pd.Series) -> int:
    return int(np.nan_to_num(window["orders"]) + np.nan_to_num(window["guest_orders"]))


def _chance(old: pd.Series, new: pd.Series, column: str) -> float:
    """Return half the chance range of a change of two sums: each a compound Poisson sum over customers."""
    return 1.96 * float(np.sqrt(np.nan_to_num(old[column]) + np.nan_to_num(new[column])))


def _change(
    metric: str, value: Callable[[Mapping[str, float]], float], old: Mapping[str, float], new: Mapping[str, float],
    half: float, unit: str, n: int,
) -> Change:  # fmt: skip
    parts = _split(value, old, new, cents=unit == "currency")
    then, now = (round(value(x), 2) if unit == "currency" else value(x) for x in (old, new))
    return Change(metric, then, now, now - then - half, now - then + half, unit, n, parts)


def _customers(old: pd.Series, new: pd.Series) -> list[Change]:
    """Active customers: those of the year before who did not come back, and those who are new or came back."""
    if pd.isna(new["previous_customers"]) or pd.isna(new["retained_customers"]):
        return []
    then, now = float(old["active_customers"]), float(new["active_customers"])
    kept = float(new["retained_customers"])
    half = 1.96 * float(np.sqrt((then - kept) + (now - kept)))
    parts = {"won or won back": now - kept, "not come back": kept - then}
    return [Change("Active customers", then, now, now - then - half, now - then + half, "count", int(now), parts)]  # fmt: skip


def _retention(kept: pd.DataFrame) -> list[Change]:
    """Share of a year's customers who ordered in the next: more of newcomers in it, or another rate of either."""
    if kept.empty:
        return []
    young = kept["tenure"] == "won in the base year"
    sums = {}
    for name in ("before", "after"):
        mine = kept["window_name"] == name
        sums[name] = [kept.loc[mine & side, ["customers", "kept"]].astype(float).sum() for side in (young, ~young)]  # fmt: skip
    totals = {name: sum(s["customers"] for s in sides) for name, sides in sums.items()}
    if min(totals.values()) < FEWEST:
        return []

    def leaves(name: str) -> dict[str, float]:
        first = sums[name][0]
        other = "after" if name == "before" else "before"
        rates = [_ratio(s["kept"], s["customers"]) if s["customers"] else _ratio(o["kept"], o["customers"])
                 for s, o in zip(sums[name], sums[other], strict=True)]  # fmt: skip
        return {"more newcomers among them": first["customers"] / totals[name], "rate of newcomers": rates[0], "rate of older customers": rates[1]}  # fmt: skip

    def value(x: Mapping[str, float]) -> float:
        share, young_rate, old_rate = x.values()
        return share * young_rate + (1 - share) * old_rate

    old, new = leaves("before"), leaves("after")
    order = list(old)
    parts = _split(lambda x: value({k: x[k] for k in order}), old, new)
    counts = [sum(s["kept"] for s in sums[name]) for name in ("after", "before")]
    found = two_proportion_difference(int(counts[0]), int(totals["after"]), int(counts[1]), int(totals["before"]))  # fmt: skip
    return [Change("Retention rate", value(old), value(new), found.low, found.high, "%", int(totals["after"]), parts)]  # fmt: skip


def _equity(before: pd.DataFrame, now: pd.DataFrame) -> list[Change]:
    """Customer equity: customers on record, share judged active, worth of an active one."""
    leaves = []
    for frame in (before, now):
        n, alive, value = len(frame), float(frame["p_alive"].sum()), float(frame["clv"].sum())
        if not n or not alive > 0:
            return []
        leaves.append({"customers on record": float(n), "share still active": alive / n, "worth of an active one": value / alive})  # fmt: skip
    both = before[["customer_id", "clv"]].merge(now[["customer_id", "clv"]], on="customer_id", how="outer").fillna(0.0)  # fmt: skip
    half = 1.96 * float(np.sqrt(((both["clv_y"] - both["clv_x"]) ** 2).sum()))
    product = lambda x: float(np.prod([x[k] for k in leaves[0]]))  # noqa: E731 - the figure itself
    return [_change("Customer equity", product, leaves[0], leaves[1], half, "currency", len(now))]


def _asked(feedback: pd.DataFrame, weights: pd.DataFrame | None, since: date) -> list[Change]:
    """Recommendation and satisfaction, by the shares that make them, with survey weights."""
    year, old = answers_of_years(feedback, weights, since)
    found = []
    for kind, name, unit in (("nps", "Net Promoter Score", "points"), ("csat", "Satisfied customers", "%")):  # fmt: skip
        now, then = (part[part["kind"] == kind] for part in (year, old))
        if min(len(now), len(then)) < FEWEST:
            continue
        new, before = _shares(kind, now), _shares(kind, then)
        parts = {k: new[k] - before[k] for k in new if new[k] != before[k]}
        test = step(kind, now, then)
        found.append(Change(name, score(kind, then)[0], score(kind, now)[0], test.low, test.high, unit, len(now), parts))  # fmt: skip
    return found


def _shares(kind: str, part: pd.DataFrame) -> dict[str, float]:
    """Return what adds up to the score: promoters less detractors in points, or the two best grades."""
    weight = part["weight"] / part["weight"].sum()
    if kind == "nps":
        return {"promoters": 100 * float(weight[part["value"] >= 9].sum()), "detractors": -100 * float(weight[part["value"] <= 6].sum())}  # fmt: skip
    top = part["scale_max"].fillna(5.0)
    best = part["value"] >= top
    return {"best grade": float(weight[best].sum()), "second best grade": float(weight[~best & (part["value"] >= top - 1)].sum())}  # fmt: skip


def _rows(change: Change) -> list[dict]:
    size = abs(change.then)
    return [
        {"metric": change.metric, "cause": cause, "then": change.then, "now": change.now, "change": change.now - change.then,
         "part": part, "share_of_then": part / size if size else np.nan, "unit": change.unit, "low": change.low, "high": change.high}
        for cause, part in sorted(change.parts.items(), key=lambda p: (-abs(p[1]), p[0]))
    ]  # fmt: skip


def _signed(value: float, unit: str) -> str:
    size, shown = (100 * value, "points") if unit == "%" else (value, unit)
    return ("+" if size > 0 else "") + format_value(size, shown)


def _verdict(change: Change) -> str:
    return "rose" if change.low > 0 else "fell" if change.high < 0 else "within chance"


def _words(change: Change) -> dict[str, str]:
    parts = sorted(change.parts.items(), key=lambda p: (-abs(p[1]), p[0]))
    return {
        "figure": change.metric,
        "then": format_value(change.then, change.unit),
        "now": format_value(change.now, change.unit),
        "change": _signed(change.now - change.then, change.unit),
        "chance_range": f"{_signed(change.low, change.unit)} to {_signed(change.high, change.unit)}",
        "made_of": "; ".join(f"{cause} {_signed(part, change.unit)}" for cause, part in parts) or "nothing moved",
        "verdict": _verdict(change),
    }  # fmt: skip


def _so_what(changes: list[Change], moved: list[Change]) -> str:
    told = []
    for change in moved[:3] or changes[:1]:
        cause, part = max(change.parts.items(), key=lambda p: (abs(p[1]), p[0]), default=("nothing", 0.0))  # fmt: skip
        told.append(
            f"{change.metric} {format_value(change.then, change.unit)} to {format_value(change.now, change.unit)}: "
            f"most of it {cause} ({_signed(part, change.unit)})."
        )
    advice = (
        "Ask for the cause of these parts, in this order, before any new action."
        if moved
        else "Nothing moved beyond chance: parts of such changes are noise as well, so explain none of them."
    )
    return " ".join([*told, advice])
