"""Where the client stands: the headline figures of 12 months, with the range chance alone gives them."""

from __future__ import annotations

import math

import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.order_years import is_whole_year, margin_of, tells_new_from_old
from playbook.stats import Interval, net_promoter_from_shares, wilson

__all__ = ["FIGURES", "baselines"]

FIGURES = {
    "new_customers": ("New customers", "count"),
    "active_customers": ("Active customers", "count"),
    "retention_rate": ("Customers of the year before who came back", "%"),
    "repeat_rate": ("Customers with a second order", "%"),
    "orders_per_customer": ("Orders per active customer", "ratio"),
    "average_order_value": ("Revenue per order", "currency"),
    "revenue": ("Revenue", "currency"),
    "gross_margin": ("Gross margin", "currency"),
    "nps": ("Net Promoter Score", "points"),
    "csat": ("Satisfied customers", "%"),
}
"""Metric id to name and unit; the ids that objectives may use."""


@answers
def baselines(headline: pd.DataFrame, satisfaction: pd.DataFrame) -> Answer:
    """Return each headline figure of the last 12 months, its chance range, and the year before.

    Parameters
    ----------
    headline
        One row per 12-month window, as query ``headline_figures``.
    satisfaction
        One row per window, kind and answer, as query ``satisfaction_answers``.

    Returns
    -------
    Answer
        ``table`` in words; ``answer["figures"]`` in numbers: metric, name, unit, value, low, high, n,
        before, before_low, before_high, change, beyond_chance.

    Notes
    -----
    Shares have Wilson intervals, ratios delta-method ones (Cochran 1977, eq. 6.13). A total
    is treated as a compound Poisson sum over customers, with variance sum(x²): the range that a year
    of the same conditions would give by chance.
    """
    ask = "orders of at least 12 months, with customer, day and revenue"
    need(headline, "12-month windows with orders", ask, columns=["revenue"])
    windows = headline.set_index("years_ago").sort_index()
    if 0 not in windows.index or not is_whole_year(windows.loc[0]):
        raise NotEnough("the orders do not reach back 12 months", ask)
    now = _window(windows, 0, satisfaction)
    before = _window(windows, 1, satisfaction)
    rows = [_row(id_, now.get(id_), before.get(id_)) for id_ in FIGURES]
    figures = pd.DataFrame(rows)
    known = figures.dropna(subset=["value"])
    last = pd.Timestamp(windows.loc[0, "last_day"])
    metrics = tuple(
        Metric(r.metric, r.value, r.low, r.high, int(r.n), r.unit)
        for r in known.itertuples(index=False)
    )
    return Answer(
        table=_in_words(figures),
        headline=_headline(figures),
        so_what=_so_what(figures, tells_new_from_old(windows.loc[0])),
        kind="descriptive",
        caption=f"Headline figures, 12 months to {last:%Y-%m-%d} and the year before; 95 % chance range",
        units={"n": "count"},
        source="orders, customers, survey answers; revenue net of refunds, guests only in totals",
        metrics=metrics,
        extra={"figures": figures, "last_day": last},
    )


def _window(
    windows: pd.DataFrame, years_ago: int, satisfaction: pd.DataFrame
) -> dict[str, Interval]:
    found: dict[str, Interval] = {}
    if years_ago in windows.index and is_whole_year(windows.loc[years_ago]):
        row = windows.loc[years_ago].drop(["after_day", "last_day", "first_order"])
        found |= _from_orders(pd.to_numeric(row).astype(float))
        if not tells_new_from_old(windows.loc[years_ago]):
            del found["new_customers"]
        earlier = years_ago + 1
        if earlier in windows.index and is_whole_year(windows.loc[earlier]):
            kept, of = row[["retained_customers", "previous_customers"]].fillna(0).astype(float)
            if of > 0:
                found["retention_rate"] = wilson(kept, of)
    asked = satisfaction[satisfaction["years_ago"] == years_ago] if len(satisfaction) else None
    return found | (_from_survey(asked) if asked is not None else {})


def _from_orders(row: pd.Series) -> dict[str, Interval]:
    active, orders = row["active_customers"], row["orders"]
    found = {
        "new_customers": _total(row["new_customers"], row["new_customers"], row["new_customers"]),
        "active_customers": _total(active, active, active),
        "revenue": _total(row["revenue"], row["revenue_squared"], orders + row["guest_orders"]),
    }
    margin = margin_of(row)
    if not math.isnan(margin):
        found["gross_margin"] = _total(margin, row["margin_squared"], orders + row["guest_orders"])
    if active > 1:
        found["repeat_rate"] = wilson(row["repeat_customers"], active)
        found["orders_per_customer"] = _ratio(
            orders, active, row["orders_squared"], active, orders, active
        )
        found["average_order_value"] = _ratio(
            row["customer_revenue"],
            orders,
            row["customer_revenue_squared"],
            row["orders_squared"],
            row["orders_times_revenue"],
            active,
        )
    return found


def _total(value: float, squares: float, n: float) -> Interval:
    half = 1.96 * math.sqrt(squares)
    return Interval(value, value - half, value + half, round(n))


def _ratio(a: float, b: float, aa: float, bb: float, ab: float, n: float) -> Interval:
    """Ratio of two sums from their sums of squares and products; equals `stats.ratio_interval`."""
    ratio = a / b
    spread = max(aa - 2 * ratio * ab + ratio**2 * bb, 0.0)
    half = 1.96 * math.sqrt(n / (n - 1) * spread) / b
    return Interval(ratio, ratio - half, ratio + half, round(n))


def _from_survey(asked: pd.DataFrame) -> dict[str, Interval]:
    found = {}
    nps, csat = asked[asked["kind"] == "nps"], asked[asked["kind"] == "csat"]
    n = int(nps["answers"].sum())
    if n >= 5:
        promoters = nps.loc[nps["value"] >= 9, "answers"].sum() / n
        detractors = nps.loc[nps["value"] <= 6, "answers"].sum() / n
        score = net_promoter_from_shares(promoters, detractors, n)
        found["nps"] = Interval(score.score, score.low, score.high, n)
    n = int(csat["answers"].sum())
    if n >= 5:
        top = csat["value"] >= csat["scale_max"].fillna(5) - 1
        found["csat"] = wilson(float(csat.loc[top, "answers"].sum()), n)
    return found


def _row(id_: str, now: Interval | None, before: Interval | None) -> dict:
    name, unit = FIGURES[id_]
    row: dict = {"metric": id_, "name": name, "unit": unit}
    for prefix, figure in (("", now), ("before_", before)):
        row[prefix + "value"] = figure.value if figure else math.nan
        row[prefix + "low"] = figure.low if figure else math.nan
        row[prefix + "high"] = figure.high if figure else math.nan
    row["n"] = now.n if now else 0
    change = row["value"] - row["before_value"]
    chance = math.hypot(row["high"] - row["low"], row["before_high"] - row["before_low"]) / 2
    return row | {"change": change, "beyond_chance": bool(abs(change) > chance)}


def _in_words(figures: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for r in figures.itertuples(index=False):
        known, compared = r.value == r.value, r.change == r.change
        rows.append(
            {
                "figure": r.name,
                "now": format_value(r.value, r.unit),
                "chance_range": f"{format_value(r.low, r.unit)} to {format_value(r.high, r.unit)}"
                if known
                else "–",
                "year_before": format_value(r.before_value, r.unit),
                "change": _signed(r.change, r.unit) if compared else "–",
                "beyond_chance": ("yes" if r.beyond_chance else "no") if compared else "–",
                "n": r.n if known else None,
            }
        )
    return pd.DataFrame(rows).astype({"n": "Int64"})


def _signed(value: float, unit: str) -> str:
    text = f"{abs(100 * value):.1f} points" if unit == "%" else format_value(abs(value), unit)
    return ("" if value == 0 else "+" if value > 0 else "−") + text


def _headline(figures: pd.DataFrame) -> str:
    by_id = figures.set_index("metric")
    main = "gross_margin" if by_id.loc["gross_margin", "value"] > 0 else "revenue"
    row = by_id.loc[main]
    name = str(row["name"])
    if row["change"] != row["change"]:
        return (
            f"{name} is {format_value(row['value'], 'currency')}; there is no whole year before it"
        )
    way = "rose" if row["change"] >= 0 else "fell"
    share = (
        format_value(abs(row["change"] / row["before_value"]), "%")
        if row["before_value"] > 0
        else f"by {format_value(abs(row['change']), 'currency')}"
    )
    sure = "more than chance" if row["beyond_chance"] else "within what chance does"
    return f"{name} {way} {share} to {format_value(row['value'], 'currency')}, {sure}"


def _so_what(figures: pd.DataFrame, new_known: bool) -> str:
    moved = figures[figures["beyond_chance"]]
    missing = figures[figures["value"].isna()]
    compared = int(figures["change"].notna().sum())
    if not compared:
        text = "Without a whole year before, no change can be read from these figures; treat them as the starting line."
    elif moved.empty:
        text = (
            f"None of the {compared} figures moved more than chance would move it, so no target "
            "should be justified by last year's movement alone; set targets outside the chance range."
        )
    else:
        said = "; ".join(
            f"{r.name.lower()} {_signed(r.change, r.unit)}" for r in moved.itertuples()
        )
        text = f"Beyond chance moved only: {said}. Explain these before planning; the other changes need no story."
    if len(missing):
        names = ", ".join(missing["name"].str.lower().str.replace("net promoter score", "Net Promoter Score"))  # fmt: skip
        text += f" Not known yet: {names}; ask for the data behind them."
    if not new_known:
        text += (
            " The orders begin with these 12 months and no day of winning was delivered, so old customers cannot be told "
            "from new ones: ask when each customer was won, or for earlier orders."
        )
    each = figures.set_index("metric").loc["orders_per_customer"]
    if each["value"] == 1 and each["n"] >= 30:
        text += " Every customer has exactly one order here, so coming back cannot be learned from these data."
    return text
