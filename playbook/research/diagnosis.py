"""Why a metric moved: what changed because of who buys (mix), and what within groups (rate).

Glossary
--------
mix effect
    Change because groups of high or low rates have become larger.
rate effect
    Change because the rate inside groups has changed.
reversal
    Every group moves one way and the total the other (Simpson 1951).
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.stats import two_proportion_difference

__all__ = ["decompose", "order_value", "retention", "windows"]

ASK = "orders of at least half a year, with country or channel"
SMALL = 0.02
"""Groups below this share of the denominator in both windows do not decide whether there is a reversal."""


def windows(days: pd.DataFrame, as_of: date) -> dict[str, date]:
    """Return ``start`` and ``cut`` (days): two windows of equal length, ]start, cut] and ]cut, as_of].

    A year each where the history holds two years, else half of the history each.

    Parameters
    ----------
    days
        day: days with orders.
    """
    if days.empty:
        return {"start": as_of - timedelta(days=2), "cut": as_of - timedelta(days=1)}
    first = days["day"].min().date()
    history = (as_of - first).days + 1
    length = 365 if history >= 729 else max(history // 2, 1)
    if length == 365:
        year = (pd.Timestamp(as_of) - pd.DateOffset(years=1)).date()
        return {"start": (pd.Timestamp(as_of) - pd.DateOffset(years=2)).date(), "cut": year}
    cut = as_of - timedelta(days=length)
    return {"start": cut - timedelta(days=length), "cut": cut}


def decompose(cells: pd.DataFrame, dimension: str, above: str, below: str) -> pd.DataFrame:
    """Return the mix and rate effect of each group on the change of a ratio; they sum exactly to it.

    With shares s of the denominator, rates r and totals R before (0) and after (1): mix = (s1 − s0) × ((r0 + r1)/2 − (R0 + R1)/2),
    rate = (r1 − r0) × (s0 + s1)/2 (Marshall–Edgeworth weights). A group that exists in one window only has no rate change.

    Parameters
    ----------
    cells
        window_name (before, after), the dimension, and the two columns summed.
    above, below
        Numerator and denominator of the ratio.

    Returns
    -------
    pandas.DataFrame
        Index group; share_before, share_after, rate_before, rate_after, mix, rate, total.

    References
    ----------
    Kitagawa, E. M. (1955). Components of a difference between two rates.
    """
    sums = (
        cells.groupby([dimension, "window_name"])[[above, below]]
        .sum()
        .astype(float)
        .unstack(fill_value=0.0)
    )
    full = sums.reindex(
        columns=pd.MultiIndex.from_product([[above, below], ["before", "after"]]), fill_value=0.0
    )
    up = {w: full[(above, w)].astype(float) for w in ("before", "after")}
    down = {w: full[(below, w)].astype(float) for w in ("before", "after")}
    total = {w: up[w].sum() / down[w].sum() for w in up}
    share = {w: down[w] / down[w].sum() for w in up}
    rate = {w: up[w] / down[w].where(down[w] != 0) for w in up}
    r0, r1 = rate["before"].fillna(rate["after"]), rate["after"].fillna(rate["before"])
    r0, r1 = r0.fillna(0.0), r1.fillna(0.0)
    middle = (total["before"] + total["after"]) / 2
    mix = (share["after"] - share["before"]) * ((r0 + r1) / 2 - middle)
    within = (r1 - r0) * (share["before"] + share["after"]) / 2
    # numerators of groups without a denominator (refunds of a closed channel) belong to no rate
    lost = {w: up[w].where(down[w] == 0, 0.0) / down[w].sum() for w in up}
    within = within + lost["after"] - lost["before"]
    return pd.DataFrame(
        {"share_before": share["before"], "share_after": share["after"], "rate_before": r0, "rate_after": r1,
         "mix": mix, "rate": within, "total": mix + within}
    )  # fmt: skip


def _reversed(parts: pd.DataFrame, change: float) -> bool:
    large = parts[(parts["share_before"] >= SMALL) & (parts["share_after"] >= SMALL)]
    move = (large["rate_after"] - large["rate_before"]).round(12)
    return len(large) > 1 and change != 0 and bool((np.sign(move) == -np.sign(change)).all())


def _attributes(cells: pd.DataFrame, *more: str) -> list[str]:
    """Return the attributes to split by; tenure only where customers won before the first window are known.

    Where the record begins with that window, everybody in it looks new.
    """
    names = [*more, "country", "acquisition_channel", "market_segment", "customer_type"]
    before = cells.loc[cells["window_name"] == "before", "tenure"]
    return [*names, "tenure"] if before.isin(["existing customer", "won earlier"]).any() else names


def _explain(
    cells: pd.DataFrame, dimensions: list[str], above: str, below: str
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return one row a dimension with its mix, rate and reversal, and the groups of each."""
    rows, details = [], {}
    for dimension in dimensions:
        known = cells.loc[cells[dimension] != "not known", below].sum() / max(cells[below].sum(), 1)
        if cells[dimension].nunique() < 2 or known < 0.5:
            continue
        parts = decompose(cells, dimension, above, below)
        change = float(parts["total"].sum())
        rows.append({"seen_by": dimension.replace("_", " "), "groups": len(parts), "mix": float(parts["mix"].sum()),
                     "rate": float(parts["rate"].sum()), "change": change, "reversal": _reversed(parts, change)})  # fmt: skip
        details[dimension.replace("_", " ")] = parts
    need(
        pd.DataFrame(rows),
        "attributes that split the metric",
        "country, channel or segment of customers",
    )
    table = pd.DataFrame(rows)
    table["size"] = table["mix"].abs().round(9)
    table = table.sort_values(
        ["reversal", "size", "seen_by"], ascending=[False, False, True], ignore_index=True
    )
    return table.drop(columns="size"), details


def _detail(
    parts: pd.DataFrame, name: str, unit: str, before: float, title: str, caption: str
) -> Answer:
    """Return the steps of the dimension that matters most for a waterfall: the mix, then the rate effect of each group."""
    order = parts["rate"].abs().round(9).sort_index().sort_values(ascending=False, kind="stable").index  # fmt: skip
    shown = 6 if len(order) == 6 else 5
    steps = [{"step": f"mix of {name}", "effect": float(parts["mix"].sum())}]
    steps += [{"step": str(group), "effect": float(parts.loc[group, "rate"])} for group in order[:shown]]  # fmt: skip
    rest = parts.loc[order[shown:], "rate"]
    if len(rest):
        steps.append({"step": f"{len(rest)} other groups", "effect": float(rest.sum())})
    after = before + float(parts["total"].sum())
    return Answer(
        table=pd.DataFrame(steps),
        headline=title,
        so_what="",
        kind="diagnostic",
        caption=f"{caption}, by {name}: first the mix (other shares of the groups), then the change within each; they sum exactly",
        units={"effect": unit},
        source="orders of two windows of equal length; midpoint decomposition (Kitagawa 1955)",
        extra={"start": before, "end": after, "groups": parts.rename_axis("group").reset_index()},
    )


def _told(first: pd.Series, unit: str, metric: str, certain: bool) -> str:
    """Return what the first row of the table says of the change."""
    mix, rate = format_value(first["mix"], unit), format_value(first["rate"], unit)
    by, way = first["seen_by"], "fell" if first["change"] < 0 else "rose"
    if first["reversal"] and not certain:
        return (
            f"In every group by {by} {metric} moved against the total (mix {mix}, within groups {rate}), but the total may have moved by chance: "
            f"read the groups by {by}, not the total."
        )
    if first["reversal"]:
        return (
            f"Beware of the total: in every group by {by} {metric} moved against it (mix {mix}, within groups {rate}). "
            "Set targets by group."
        )
    if not certain:
        return (
            "A change within chance needs no cause; keep the split for the year it leaves chance."
        )
    if first["mix"] * first["rate"] < 0 and abs(first["mix"]) > abs(first["rate"]):
        return (
            f"It {way} only because the mix by {by} shifted ({mix}); within groups it moved the other way ({rate}). Report it by "
            f"{by} from now on."
        )
    if abs(first["mix"]) >= abs(first["rate"]):
        return (
            f"It {way} mostly because the mix by {by} shifted ({mix}; within groups {rate}): look at who buys before changing "
            "what is offered."
        )
    return f"Mix explains at most {mix} (by {by}); {rate} happened within groups, so look for a cause that touches all of them."


@answers
def order_value(cells: pd.DataFrame, start: date, cut: date, as_of: date) -> Answer:
    """Return why revenue per order changed between two windows, split into mix and rate by each attribute.

    Parameters
    ----------
    cells
        window_name, channel, country, acquisition_channel, market_segment, customer_type, tenure, orders, revenue, order_revenue (without
        refunds) and squares (sum of squared revenue).
    start, cut, as_of
        The windows ]start, cut] and ]cut, as_of].

    Returns
    -------
    Answer
        Table: seen_by, groups, mix, rate, change (currency), reversal; reversals and the largest mix first.
        ``extra["detail"]`` is an answer with the groups of its first row.
    """
    need(cells, "orders in two windows", ASK)
    sums = cells.groupby("window_name")[["orders", "revenue", "order_revenue", "squares"]].sum()
    if set(sums.index) != {"before", "after"} or sums["orders"].min() < 30:
        raise NotEnough("fewer than 30 orders in one of the two windows", ASK)
    value = sums["revenue"] / sums["orders"]
    spread = sums["squares"] / sums["orders"] - value**2
    if float(spread.max()) < 1e-9 * float((value**2).max()):
        raise NotEnough(f"revenue per order: {format_value(value['after'], 'currency')} in every order of both windows", "the value of each order")  # fmt: skip
    table, details = _explain(cells, _attributes(cells, "channel"), "revenue", "orders")
    variance = (
        sums["squares"] - 2 * value * sums["order_revenue"] + value**2 * sums["orders"]
    ) / sums["orders"] ** 2
    change, half = float(value["after"] - value["before"]), 1.96 * float(np.sqrt(variance.sum()))
    span = f"{format_value(change - half, 'currency')} to {format_value(change + half, 'currency')}"
    certain, first = abs(change) > half, table.iloc[0]
    way = "fell" if change < 0 else "rose"
    title = f"Revenue per order {way} from {value['before']:,.2f} to {value['after']:,.2f}"
    seasonal = (as_of - cut).days < 360
    caption = f"Change of net revenue per order, {cut} to {as_of} against {start} to {cut}"
    return Answer(
        table=table,
        headline=title + ("" if certain else ", within chance"),
        so_what=f"The change is {format_value(change, 'currency')} ({span}). {_told(first, 'currency', 'revenue per order', certain)}"
        + (" The windows are shorter than a year, so season is part of the change." if seasonal else ""),
        kind="diagnostic",
        caption=caption + "; mix and rate sum exactly to the change",
        units={"groups": "count", "mix": "currency", "rate": "currency", "change": "currency"},
        source="orders net of refunds; interval treats orders as independent",
        metrics=(Metric("order_value_change", change, change - half, change + half, int(sums["orders"].sum()), "currency", "diagnostic"),),
        extra={"detail": _detail(details[first["seen_by"]], first["seen_by"], "currency", float(value["before"]), title + ("" if certain else ", within chance"), caption)},
    )  # fmt: skip


@answers
def retention(cells: pd.DataFrame) -> Answer:
    """Return why the share of last year's customers who order again changed, split into mix and rate.

    Parameters
    ----------
    cells
        window_name (before, after), country, acquisition_channel, market_segment, customer_type, tenure, customers, kept.

    Returns
    -------
    Answer
        As for `order_value`, in points (hundredths of the customers).
    """
    ask = "orders of three years: two pairs of years are compared"
    need(cells, "customers in two base years", ask)
    sums = cells.groupby("window_name")[["customers", "kept"]].sum()
    if set(sums.index) != {"before", "after"} or sums["customers"].min() < 50:
        raise NotEnough("fewer than 50 customers in one of the two base years", ask)
    table, details = _explain(
        cells.assign(kept=100.0 * cells["kept"]), _attributes(cells), "kept", "customers"
    )
    now, before = sums.loc["after"], sums.loc["before"]
    change = two_proportion_difference(
        now["kept"], int(now["customers"]), before["kept"], int(before["customers"])
    )
    rate = sums["kept"] / sums["customers"]
    way, first = ("fell" if change.value < 0 else "rose"), table.iloc[0]
    title = f"Retention {way} from {format_value(rate['before'], '%')} to {format_value(rate['after'], '%')}"
    said = [format_value(100 * v, "points") for v in (change.low, change.value, change.high)]
    certain = change.p_value < 0.05
    caption = (
        "Share of customers of a year who order in the next year, this year against the year before"
    )
    return Answer(
        table=table,
        headline=title + ("" if certain else ", within chance"),
        so_what=f"The change is {said[1]} points ({said[0]} to {said[2]}). "
        + _told(first, "points", "retention", certain),
        kind="diagnostic",
        caption=caption + "; mix and rate sum exactly to the change",
        units={"groups": "count", "mix": "points", "rate": "points", "change": "points"},
        source="orders with a customer number",
        metrics=(Metric("retention_change", change.value, change.low, change.high, int(now["customers"]), "%", "diagnostic"),),
        extra={"detail": _detail(details[first["seen_by"]], first["seen_by"], "points", 100 * float(rate["before"]), title + ("" if certain else ", within chance"), caption)},
    )  # fmt: skip
