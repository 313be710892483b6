"""This year's journeys against last year's: which step moved, and is it who comes or how they fare?"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, need
from playbook.errors import NotEnough
from playbook.experience.common import FEWEST, joined, per_cent, year_to
from playbook.experience.stages import DAY, Step, cohort, people_of, step, steps_of
from playbook.stats import false_discovery, two_proportion_difference

__all__ = ["entry_mix", "journey_change"]

TWO_YEARS = "contacts and orders of two years and the time a journey is followed"
LATE = 31
"""Days by which the record may begin after the earlier cohort should."""
SURE = 0.05


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def _earlier_is_whole(people: pd.DataFrame, window: int, as_of: date) -> None:
    """Raise `NotEnough` where the record begins after the earlier cohort."""
    begins = pd.Timestamp(as_of) + DAY - (window + 730) * DAY
    first = people["awareness_at"].min()
    if first > begins + LATE * DAY:
        raise NotEnough(
            f"first contacts are recorded from {first:%Y-%m-%d}, last year's journeys begin {begins:%Y-%m-%d}",
            TWO_YEARS,
        )


@answers
def journey_change(
    journeys: pd.DataFrame, as_of: date, follow_days: int = 60, loyalty_days: int = 180
) -> Answer:
    """Return the conversion of every step this year and last year, and which step moved.

    Parameters as in `journey`. Both cohorts are followed for the same window.

    Notes
    -----
    Newcombe's interval of each difference; a step *moved* when its q-value (Benjamini-Hochberg over the
    steps) is at most 5 %. The steps follow one another, so the same people take part in several.
    """
    people = people_of(journeys)
    _earlier_is_whole(people, follow_days, as_of)
    steps: list[Step] = [*steps_of(people, follow_days, loyalty_days), ("purchase", "awareness", follow_days)]  # fmt: skip
    rows = []
    for after, before, window in dict.fromkeys(steps):
        now, then = (step(people, before, after, window, as_of, years_ago) for years_ago in (0, 1))
        if min(now["entered"], then["entered"]) < 30:
            continue
        change = two_proportion_difference(now["moved_on"], int(now["entered"]), then["moved_on"], int(then["entered"]))  # fmt: skip
        whole = (after, before) == ("purchase", "awareness")
        rows.append({
            "step": "first contact to order (all)" if whole else f"{before} to {after}",
            "entered_before": then["entered"], "entered_now": now["entered"], "before": then["share"], "now": now["share"],
            "difference": change.value, "low": change.low, "high": change.high, "p_value": change.p_value,
        })  # fmt: skip
    need(pd.DataFrame(rows), "steps that 30 people entered in both years", TWO_YEARS)
    table = pd.DataFrame(rows)
    table["q"] = false_discovery(table["p_value"])
    table["moved"] = table["q"] <= SURE
    return _told(table, as_of)


def _told(table: pd.DataFrame, as_of: date) -> Answer:
    moved = table[table["moved"]]
    parts = moved[~moved["step"].str.endswith("(all)")]
    if moved.empty:
        widest = (table["high"] - table["low"]).max() / 2
        headline = "No step of the journey moved for sure against last year"
        text = (
            f"With {len(table)} comparisons made at once all differences lie within chance; changes smaller than about {100 * widest:.1f} points could not "
            "have been seen at the step least known. "
            "Do not credit or blame last year's projects by this table."
        )
    else:
        first = (parts if len(parts) else moved).loc[lambda t: t["difference"].abs().idxmax()]
        word = "rose" if first["difference"] > 0 else "fell"
        headline = f"{first['step'].capitalize()} {word} by {100 * abs(first['difference']):.1f} points against last year"
        names = joined(list(moved["step"]))
        text = (
            f"Moved beyond chance: {names}. {first['step'].capitalize()} went from {per_cent(first['before'])} to {per_cent(first['now'])} "
            f"(difference {_points(first['low'])} to {_points(first['high'])} points, 95 % interval). A comparison of years is no experiment: "
            "look at what else changed before naming a reason."
        )
    last = table.iloc[-1]
    return Answer(
        table=table.drop(columns="p_value"),
        headline=headline,
        so_what=text,
        kind="diagnostic",
        caption=f"Difference of the share that moves on, this year less last year, 95 % interval; people who entered in the {year_to(as_of)} less the "
        f"window of the step, and a year before (n = {table['entered_before'].min():,} to {table['entered_now'].max():,})",
        units=dict.fromkeys(("before", "now", "difference", "low", "high"), "%")
        | {"entered_before": "count", "entered_now": "count", "q": ""},
        source="interactions, orders; Newcombe intervals, Benjamini–Hochberg over the steps",
        metrics=(Metric("order_rate_change", float(last["difference"]), float(last["low"]), float(last["high"]), int(last["entered_now"]), "%", "diagnostic"),)
        if last["step"].endswith("(all)") else (),
    )  # fmt: skip


@answers
def entry_mix(
    journeys: pd.DataFrame, as_of: date, seed: int, follow_days: int = 60, draws: int = 1000
) -> Answer:
    """Return what of the change of orders per first contact is owed to the channels people come by, and what to their rates.

    Parameters
    ----------
    journeys, as_of, follow_days
        As in `journey`.
    seed, draws
        Of the interval: people are drawn anew in both years.

    References
    ----------
    Kitagawa, E. M. (1955). Components of a difference between two rates. JASA 50.
    """
    people = people_of(journeys)
    steps_of(people, follow_days, follow_days)
    _earlier_is_whole(people, follow_days, as_of)
    cells = _cells(people, as_of, follow_days)
    sizes = cells.groupby("window_name")["people"].sum()
    if len(sizes) < 2 or sizes.min() < 30:
        raise NotEnough("fewer than 30 first contacts in one of the two years", TWO_YEARS)
    channels = _by_channel(cells)
    drawn = _redrawn(cells, seed, draws)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    mix, rate = float(channels["mix"].sum()), float(channels["rate"].sum())
    whole = pd.DataFrame({
        "part": ["who comes (mix of channels)", "how they fare (rates within channels)", "change of the order rate"],
        "effect": [mix, rate, mix + rate], "low": low, "high": high,
    })  # fmt: skip
    whole["sure"] = (
        np.prod(np.quantile(drawn, [SURE / 4, 1 - SURE / 4], axis=0), axis=0) > 0
    )  # of two parts
    return _told_mix(whole, channels, sizes, as_of, follow_days)


def _cells(people: pd.DataFrame, as_of: date, follow_days: int) -> pd.DataFrame:
    """People and those who ordered in time, by channel of the first contact and year."""
    found = []
    for name, years_ago in (("before", 1), ("after", 0)):
        entered = cohort(people, "awareness", follow_days, as_of, years_ago)
        days = (entered["purchase_at"] - entered["awareness_at"]) / DAY
        ordered = ((days >= 0) & (days <= follow_days)).astype(int)
        channel = entered["entry_channel"].astype("str").fillna("not known")
        counts = ordered.groupby(channel).agg(["size", "sum"]).reset_index()
        counts.columns = ["channel", "people", "orders"]
        found.append(counts.assign(window_name=name))
    return pd.concat(found, ignore_index=True)


def _wide(cells: pd.DataFrame) -> pd.DataFrame:
    return cells.pivot_table(index="channel", columns="window_name", values=["people", "orders"], aggfunc="sum", fill_value=0)  # fmt: skip


def _split(people: dict[str, np.ndarray], orders: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Kitagawa's mix and rate effect of each channel (last axis); they sum exactly to the change of the rate.

    A channel that exists in one year only has no change of rate.
    """
    share = {year: n / n.sum(axis=-1, keepdims=True) for year, n in people.items()}
    rate = {
        year: np.divide(orders[year], n, out=np.full(n.shape, np.nan), where=n > 0)
        for year, n in people.items()
    }
    before = np.nan_to_num(np.where(np.isnan(rate["before"]), rate["after"], rate["before"]))
    after = np.nan_to_num(np.where(np.isnan(rate["after"]), rate["before"], rate["after"]))
    middle = sum(orders[y].sum(axis=-1, keepdims=True) / people[y].sum(axis=-1, keepdims=True) for y in people) / 2  # fmt: skip
    mix = (share["after"] - share["before"]) * ((before + after) / 2 - middle)
    within = (after - before) * (share["before"] + share["after"]) / 2
    return {
        "share_before": share["before"], "share_after": share["after"], "rate_before": before, "rate_after": after,
        "mix": mix, "rate": within, "total": mix + within,
    }  # fmt: skip


def _by_channel(cells: pd.DataFrame) -> pd.DataFrame:
    wide = _wide(cells)
    people, orders = (
        {year: wide[(name, year)].to_numpy(dtype=float) for year in ("before", "after")}
        for name in ("people", "orders")
    )
    return pd.DataFrame({"channel": wide.index.astype("str"), **_split(people, orders)})


def _redrawn(cells: pd.DataFrame, seed: int, draws: int) -> np.ndarray:
    """Mix, rate and total of people drawn anew with replacement within each year, shape (draws, 3)."""
    rng = np.random.default_rng(seed)
    wide = _wide(cells)
    people, orders = {}, {}
    for year in ("before", "after"):
        ordered = wide[("orders", year)].to_numpy()
        each = np.concatenate([ordered, wide[("people", year)].to_numpy() - ordered])
        counts = rng.multinomial(each.sum(), each / each.sum(), size=draws).astype(float)
        orders[year] = counts[:, : len(wide)]
        people[year] = orders[year] + counts[:, len(wide) :]
    found = _split(people, orders)
    return np.column_stack([found[name].sum(axis=1) for name in ("mix", "rate", "total")])


def _told_mix(
    whole: pd.DataFrame, channels: pd.DataFrame, sizes: pd.Series, as_of: date, follow_days: int
) -> Answer:
    mix, rate, total = (row for _, row in whole.iterrows())
    large = channels[(channels["share_before"] * sizes["before"] >= FEWEST) & (channels["share_after"] * sizes["after"] >= FEWEST)]  # fmt: skip
    sure = [row for row in (mix, rate) if row["sure"]]
    size = f"{_points(total['effect'])} points (95 % interval {_points(total['low'])} to {_points(total['high'])})"
    if not sure:
        headline = "Neither who comes nor how they fare changed the order rate for sure"
        text = f"The share of first contacts that order changed by {size}: within what chance does. Keep the mix of channels for other reasons than this."
    else:
        main = max(sure, key=lambda row: abs(row["effect"]))
        headline = f"{_points(main['effect'])} points of the order rate come from {main['part'].split(' (')[0]}"
        text = (
            f"The share of first contacts that order changed by {size}; {_points(mix['effect'])} points are owed to the mix of channels and "
            f"{_points(rate['effect'])} to the rates within them. "
        )
        if len(large):
            most = large.loc[large["total"].abs().idxmax()]
            text += (
                f"The largest part is {most['channel']} ({per_cent(most['share_before'])} to {per_cent(most['share_after'])} of first contacts, "
                f"{per_cent(most['rate_before'])} to {per_cent(most['rate_after'])} order)."
            )
    return Answer(
        table=whole,
        headline=headline,
        so_what=text,
        kind="diagnostic",
        caption=f"Change of the share that orders within {follow_days} days of the first contact, this year less last year, 95 % interval; "
        f"first contacts of {year_to(as_of)} less {follow_days} days and a year before (n = {sizes['after']:,} and {sizes['before']:,})",
        units=dict.fromkeys(("effect", "low", "high"), "%"),
        source="interactions, orders; Kitagawa's parts by channel of the first contact, people drawn anew",
        extra={"channels": large},
    )  # fmt: skip
