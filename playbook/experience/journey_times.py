"""How long people stay at a stage, with those who are still there counted for what they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from scipy.stats import norm

from playbook.answer import Answer, Metric, answers, need
from playbook.clv import fit_kaplan_meier
from playbook.experience.common import FEWEST, INTERACTIONS, days_in_words, per_cent, year_to
from playbook.experience.stages import DAY, people_of, steps_of

__all__ = ["Incidence", "incidence", "journey_times", "waits"]

MOVED, ENDED, OPEN = "moved on", "ended otherwise", "under way"


@dataclass(frozen=True, eq=False)
class Incidence:
    """Share that has moved on by each time, whatever else may end the wait.

    Attributes
    ----------
    table
        One row per time at which a wait ended: ``time``, ``at_risk``, ``share`` moved on by then and its
        ``std_err``.
    nobs
        Waits seen.
    """

    table: pd.DataFrame
    nobs: int

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Interval of the share at each time (``low``, ``high``), on the log-log scale of who has not moved."""
        moved = self.table["share"].to_numpy()
        stay = 1 - moved
        inner = (stay > 1e-12) & (stay < 1)
        low, high = moved.copy(), moved.copy()
        half = norm.ppf(0.5 + level / 2) * self.table["std_err"].to_numpy()[inner] / (
            stay[inner] * np.abs(np.log(stay[inner]))
        )  # fmt: skip
        low[inner] = 1 - stay[inner] ** np.exp(-half)
        high[inner] = 1 - stay[inner] ** np.exp(half)
        if (
            inner.any() and stay[-1] <= 1e-12
        ):  # all have moved: the interval is that of the row before
            low[stay <= 1e-12] = low[inner][-1]
        return pd.DataFrame({"low": low, "high": high}, index=self.table.index)

    def quantile(self, moved: float = 0.5, level: float = 0.95) -> tuple[float, float, float]:
        """First time by which so large a share has moved on, with its interval; not a number where never seen.

        References
        ----------
        Brookmeyer, R. & Crowley, J. (1982). A confidence interval for the median survival time.
        """
        ends = self.conf_int(level)
        found = [self._first(self.table["share"], moved)]
        found += [self._first(ends[name], moved) for name in ("high", "low")]
        return found[0], found[1], found[2]

    def _first(self, values: pd.Series, level: float) -> float:
        return float(self.table.loc[values >= level - 1e-12, "time"].min())


def incidence(days: np.ndarray, end: np.ndarray) -> Incidence:
    """Estimate the share that has moved on by each time, where others end otherwise or are still under way.

    Without other ends this is one minus Kaplan and Meier's curve with Greenwood's error.

    Parameters
    ----------
    days
        Length of each wait as far as it was seen, >= 0.
    end
        `MOVED`, `ENDED` or `OPEN` for each wait.

    References
    ----------
    Aalen, O. & Johansen, S. (1978). An empirical transition matrix for non-homogeneous Markov chains.
    Marubini, E. & Valsecchi, M. G. (1995). Analysing Survival Data, ch. 10 (the error).
    """
    days, end = np.asarray(days, dtype=float), np.asarray(end)
    curve = fit_kaplan_meier(days, end != OPEN).table
    times, at_risk = curve["time"].to_numpy(), curve["at_risk"].to_numpy(dtype=float)
    ends = curve["events"].to_numpy(dtype=float)
    moves = np.zeros(len(times))
    np.add.at(moves, np.searchsorted(times, days[end == MOVED]), 1.0)
    before = np.append(1.0, curve["survival"].to_numpy())[:-1]
    share = np.cumsum(before * moves / at_risk)
    gone = ends / (at_risk * np.maximum(at_risk - ends, 1.0))
    rise = before**2 * moves * (at_risk - moves) / at_risk**3
    both = before * moves / at_risk**2
    error = (
        share**2 * np.cumsum(gone) - 2 * share * np.cumsum(gone * share) + np.cumsum(gone * share**2)
        + np.cumsum(rise) - 2 * (share * np.cumsum(both) - np.cumsum(both * share))
    )  # fmt: skip
    table = pd.DataFrame({"time": times, "at_risk": at_risk.astype(int), "share": share, "std_err": np.sqrt(np.maximum(error, 0))})  # fmt: skip
    return Incidence(table, len(days))


def waits(people: pd.DataFrame, before: str, after: str, as_of: date) -> pd.DataFrame:
    """Return how long each person who reached ``before`` in the 12 months to ``as_of`` waited for ``after``.

    An order without a look before it ends the wait for consideration otherwise. Stamps in the wrong
    order (after before before) count as under way: nothing is known of the move.

    Returns
    -------
    pandas.DataFrame
        ``days`` and ``end``, one row a person.
    """
    close = pd.Timestamp(as_of) + DAY
    start = people[f"{before}_at"]
    entered = people[(start >= close - 365 * DAY) & (start < close)]
    start, to = entered[f"{before}_at"], entered[f"{after}_at"]
    end = np.where(to.notna() & (to >= start) & (to < close), MOVED, OPEN)
    if after == "consideration":
        end = np.where((end == MOVED) & (to == entered["purchase_at"]), ENDED, end)
    days = to.where(end != OPEN, close) - start
    return pd.DataFrame({"days": (days / DAY).astype(float), "end": end}, index=entered.index)


@answers
def journey_times(
    journeys: pd.DataFrame, as_of: date, follow_days: int = 60, loyalty_days: int = 180
) -> Answer:
    """Return how long each step takes when those still under way are counted too.

    Parameters
    ----------
    journeys
        Query ``journeys``.
    as_of
        Last day known: who has not moved by then is under way, neither lost nor left out.
    follow_days, loyalty_days
        As in `journey`; they set which steps there are.
    """
    people = people_of(journeys)
    rows, curves = [], []
    for after, before, _ in steps_of(people, follow_days, loyalty_days):
        seen = waits(people, before, after, as_of)
        if (seen["end"] == MOVED).sum() < FEWEST:
            continue
        found = incidence(seen["days"].to_numpy(), seen["end"].to_numpy())
        rows.append({"step": f"{before} to {after}", **_row(seen, found)})
        curve = found.table[["time", "share"]].join(found.conf_int())
        curves.append(curve.assign(step=rows[-1]["step"]))
    need(pd.DataFrame(rows), "steps that at least five people took", INTERACTIONS)
    table = pd.DataFrame(rows)
    return Answer(
        table=table,
        headline=_headline(table),
        so_what=_so_what(table),
        kind="descriptive",
        caption=f"Share that has moved on by days since the stage was reached, 95 % interval; people who reached it in the {year_to(as_of)}, "
        f"followed to that day (n = {table['entered'].min():,} to {table['entered'].max():,})",
        units=dict.fromkeys(("entered", "moved_on", "under_way", "ended_otherwise"), "count")
        | dict.fromkeys(("quarter_days", "median_days", "median_low", "median_high", "movers_median_days"), "")
        | dict.fromkeys(("moved_30d", "low_30d", "high_30d"), "%"),
        source="interactions, orders; Kaplan–Meier, and Aalen–Johansen where an order ends the wait for consideration",
        metrics=tuple(
            Metric(f"median_days_{r.step.replace(' ', '_')}", r.median_days, r.median_low, r.median_high, int(r.entered), "days")
            for r in table.itertuples() if r.median_days == r.median_days and r.median_high == r.median_high
        ),
        extra={"curves": pd.concat(curves, ignore_index=True)},
    )  # fmt: skip


def _row(seen: pd.DataFrame, found: Incidence) -> dict[str, float]:
    count = seen["end"].value_counts()
    middle, low, high = found.quantile(0.5)
    known = found.table["time"] <= 30
    last = known[known].index[-1] if known.any() else None
    ends = found.conf_int()
    by_30 = (found.table["share"][last], ends["low"][last], ends["high"][last]) if last is not None else (0.0, 0.0, np.nan)  # fmt: skip
    return {
        "entered": len(seen), "moved_on": int(count.get(MOVED, 0)), "ended_otherwise": int(count.get(ENDED, 0)),
        "under_way": int(count.get(OPEN, 0)), "moved_30d": by_30[0], "low_30d": by_30[1], "high_30d": by_30[2],
        "quarter_days": found.quantile(0.25)[0], "median_days": middle, "median_low": low, "median_high": high,
        "movers_median_days": float(seen.loc[seen["end"] == MOVED, "days"].median()),
    }  # fmt: skip


def _headline(table: pd.DataFrame) -> str:
    never = table[table["median_days"].isna()]
    if never.empty:
        slow = table.loc[table["median_days"].idxmax()]
        return f"The slowest step is {slow['step']}: half take more than {days_in_words(slow['median_days'])}"
    worst = never.loc[never["moved_30d"].idxmin()]
    return f"{per_cent(worst['moved_30d'])} move from {worst['step']} within 30 days; fewer than half in the year"


def _so_what(table: pd.DataFrame) -> str:
    apart = (table["median_days"].fillna(np.inf) / table["movers_median_days"].clip(lower=0.1)).idxmax()  # fmt: skip
    row = table.loc[apart]
    everyone = f"of all {row['entered']:,}"
    if row["median_days"] == row["median_days"]:
        late = "beyond the year" if np.isnan(row["median_high"]) else days_in_words(row["median_high"])  # fmt: skip
        half = f"half {everyone} need {days_in_words(row['median_days'])} (95 % interval {days_in_words(row['median_low'])} to {late})"
    elif row["quarter_days"] == row["quarter_days"]:
        half = f"{everyone} a quarter has moved after {days_in_words(row['quarter_days'])} and half not within the year"
    else:
        half = f"{everyone} not even a quarter has moved within the year"
    return (
        f"Half of those who moved from {row['step']} did so within {days_in_words(row['movers_median_days'])}, but they are the quick ones: {half}. "
        f"Time reminders by the movers, and size the audience by the {row['under_way']:,} who are still under way."
    )
