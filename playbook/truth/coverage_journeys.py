"""Design cells of the journey: do intervals of conversion, of its change, of time and of removal effects cover?

People are drawn here from textbook laws and go through the step's own functions, with those who come too late to be
followed, and those who move after the window, among them.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from playbook import experience
from playbook.answer import Answer
from playbook.experience.stages import people_of, step
from playbook.truth.coverage import Cell, Draw

__all__ = ["CELLS", "changed", "converted", "median_wait", "owed_to_rates", "removed"]

AS_OF = date(2025, 12, 31)
CLOSE = pd.Timestamp("2026-01-01")
WINDOW = 60


def _people(
    rng: np.random.Generator, n: int, days: tuple[float, float], considers: float, orders: float
) -> pd.DataFrame:
    """People first met so many days before the record ends; half as many again move only after the window."""
    met = CLOSE - pd.to_timedelta(rng.uniform(*days, n), unit="D")
    looks = _moves(rng, met, considers)
    buys = _moves(rng, looks, orders)
    never = pd.Series(pd.NaT, index=range(n), dtype="datetime64[us]")
    return pd.DataFrame({
        "person": [f"{i:06d}" for i in range(n)], "customer_id": None, "entry_touchpoint": "ad", "entry_channel": "web",
        "awareness_at": met, "consideration_at": looks, "ordered_at": buys, "support_at": never, "loyalty_at": never,
    })  # fmt: skip


def _moves(
    rng: np.random.Generator, since: pd.Series | pd.DatetimeIndex, chance: float
) -> pd.Series:
    """When people move on: within the window with this chance, after it with half of it; unknown after the record."""
    u = rng.random(len(since))
    days = np.where(u < chance, rng.uniform(0, WINDOW, len(since)), rng.uniform(WINDOW, 2 * WINDOW, len(since)))  # fmt: skip
    at = pd.Series(since).reset_index(drop=True) + pd.to_timedelta(days, unit="D")
    return at.where((u < 1.5 * chance) & (at < CLOSE)).astype("datetime64[us]")


def converted(n: int, between: tuple[float, float]) -> Draw:
    """Conversion of the year's people; about a seventh of those drawn come too late to be followed."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        chance = rng.uniform(*between)
        people = people_of(_people(rng, n, (0, 365 + WINDOW), chance, 0.3))
        found = step(people, "awareness", "consideration", WINDOW, AS_OF)
        return found["low"], found["high"], chance

    return draw


def changed(n: int, then: float, now: float) -> Draw:
    """Difference of the order rate of lookers between this year and last."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        years = [
            _people(rng, n, (0, 365 + WINDOW), 0.6, now),
            _people(rng, n, (365 + WINDOW, 730 + 2 * WINDOW), 0.6, then),
        ]
        years[1] = years[1][years[1]["consideration_at"] < CLOSE - pd.Timedelta(days=365 + WINDOW)]
        years[0] = years[0][years[0]["consideration_at"] >= CLOSE - pd.Timedelta(days=365 + WINDOW)]
        answer = experience.journey_change(pd.concat(years, ignore_index=True), AS_OF)
        assert isinstance(answer, Answer)
        row = answer.table.set_index("step").loc["consideration to purchase"]
        return float(row["low"]), float(row["high"]), now - then

    return draw


def median_wait(n: int, mean: float, direct: float = 0.0) -> Draw:
    """Median days from first contact to consideration: exponential, met all through the year, some still waiting.

    ``direct`` is the rate (a day) of ordering without a look, which ends the wait otherwise.
    """

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        met = CLOSE - pd.to_timedelta(rng.uniform(0, 365, n), unit="D")
        look, order = rng.exponential(mean, n), rng.exponential(1 / direct if direct else 1e9, n)
        first = pd.Series(met + pd.to_timedelta(np.minimum(np.minimum(look, order), 5e3), unit="D")).astype("datetime64[us]")  # fmt: skip
        bought = first + pd.to_timedelta(np.where(order < look, 0.0, 5.0), unit="D")
        never = pd.Series(pd.NaT, index=range(n), dtype="datetime64[us]")
        people = pd.DataFrame({
            "person": [f"{i:06d}" for i in range(n)], "customer_id": None, "entry_touchpoint": "ad", "entry_channel": "web",
            "awareness_at": met, "consideration_at": first.where(first < CLOSE), "ordered_at": bought.where(bought < CLOSE),
            "support_at": never, "loyalty_at": never,
        })  # fmt: skip
        answer = experience.journey_times(people, AS_OF)
        assert isinstance(answer, Answer)
        row = answer.table.set_index("step").loc["awareness to consideration"]
        rate = 1 / mean + direct
        truth = -np.log(1 - 0.5 * rate * mean) / rate
        high = float(row["median_high"])
        return float(row["median_low"]), np.inf if np.isnan(high) else high, float(truth)

    return draw


def owed_to_rates(n: int) -> Draw:
    """What of the change is owed to rates: two channels, whose mix changes too."""
    share, rate = {"then": 0.6, "now": 0.45}, {"then": (0.30, 0.12), "now": (0.24, 0.12)}

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        years = []
        for year, days in (("now", (WINDOW, 365 + WINDOW)), ("then", (365 + WINDOW, 730 + WINDOW))):
            first = rng.random(n) < share[year]
            frame = _people(rng, n, days, 1.0, 0.3)
            buys = rng.random(n) < np.where(first, *rate[year])
            at = frame["awareness_at"] + pd.to_timedelta(rng.uniform(0, WINDOW, n), unit="D")
            years.append(frame.assign(entry_channel=np.where(first, "web", "app"), ordered_at=at.where(buys)))  # fmt: skip
        people = pd.concat(years, ignore_index=True).assign(
            consideration_at=lambda t: t["awareness_at"]
        )
        answer = experience.entry_mix(people, AS_OF, seed=int(rng.integers(2**31)), draws=300)
        assert isinstance(answer, Answer)
        row = answer.table.iloc[1]
        middle = (share["then"] + share["now"]) / 2
        truth = middle * (rate["now"][0] - rate["then"][0]) + (1 - middle) * (rate["now"][1] - rate["then"][1])  # fmt: skip
        return float(row["low"]), float(row["high"]), truth

    return draw


CHAIN = {
    "(start)": {"ad": 0.6, "search": 0.4},
    "ad": {"page": 0.5, "(no order)": 0.5},
    "search": {"page": 0.7, "ad": 0.1, "(no order)": 0.2},
    "page": {"search": 0.1, "page": 0.2, "(order)": 0.3, "(no order)": 0.4},
}
"""A chain of moves; the truth of a removal comes from following it until nobody is left."""


def _orders(chain: dict[str, dict[str, float]], removed: str = "") -> float:
    here, orders = {"(start)": 1.0}, 0.0
    for _ in range(200):
        after: dict[str, float] = {}
        for place, mass in here.items():
            for to, chance in chain.get(place, {}).items():
                if to == "(order)":
                    orders += mass * chance
                elif to not in ("(no order)", removed):
                    after[to] = after.get(to, 0.0) + mass * chance
        here = after
    return orders


def removed(journeys: int) -> Draw:
    """Removal effect of one touchpoint of a known chain."""
    names = ("ad", "page", "search")
    truth = {name: 1 - _orders(CHAIN, name) / _orders(CHAIN) for name in names}

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        moves: dict[tuple[str, str], int] = {}
        here = {"(start)": journeys}
        while here:
            after: dict[str, int] = {}
            for place, n in here.items():
                for to, k in zip(CHAIN[place], rng.multinomial(n, list(CHAIN[place].values())), strict=True):  # fmt: skip
                    moves[(place, to)] = moves.get((place, to), 0) + int(k)
                    if to in CHAIN and k:
                        after[to] = after.get(to, 0) + int(k)
            here = after
        frame = pd.DataFrame([(a, b, n) for (a, b), n in moves.items()], columns=["from_touchpoint", "to_touchpoint", "moves"])  # fmt: skip
        credit = pd.DataFrame({"touchpoint": names, "stage": "awareness", "journeys": 9, "orders": 3, "orders_first": 1, "orders_last": 1})  # fmt: skip
        answer = experience.removal_effects(frame, credit, AS_OF, seed=int(rng.integers(2**31)))
        assert isinstance(answer, Answer)
        name = str(
            rng.choice(["ad", "search"])
        )  # no order comes without the page: its effect is one
        row = answer.table.set_index("touchpoint").loc[name]
        return float(row["low"]), float(row["high"]), truth[name]

    return draw


CELLS = (
    Cell("05.coverage_conversion", "300 people a year, 10 to 30 % move in time, late entrants among them", converted(350, (0.1, 0.3))),
    Cell("05.coverage_conversion", "70 people a year, 40 to 60 % move in time", converted(80, (0.4, 0.6))),
    Cell("05.coverage_conversion_change", "order rate of lookers, 20 % after 25 %, some 500 a year", changed(1000, 0.25, 0.20)),
    Cell("05.coverage_conversion_change", "order rate of lookers, 8 % both years, some 120 a year", changed(240, 0.08, 0.08)),
    Cell("05.coverage_change_parts", "what rates add to the change, mix of two channels changing, 800 a year", owed_to_rates(800)),
    Cell("05.coverage_median_days", "median wait, exponential of 40 days, 200 people met all through the year", median_wait(200, 40.0)),
    Cell("05.coverage_median_days", "median wait of 20 days where others order without a look, 150 people", median_wait(150, 20.0, 0.01)),
    Cell("05.coverage_removal", "removal effect in a known chain of 400 journeys", removed(400)),
)  # fmt: skip
