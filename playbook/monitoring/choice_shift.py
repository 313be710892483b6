"""Do customers want something else than a year ago? The choice experiments of two years compared.

Glossary
--------
shift
    Change of the part-worths of an attribute between the answers of two years, beyond chance.
scale
    How consistently people answer: a common factor of all part-worths, which is no change of taste.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from scipy import stats

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.choice import Coding, LogitResult, conditional_logit
from playbook.choice.screening import fit_everybody, read_attributes, screen
from playbook.errors import NotEnough
from playbook.stats import false_discovery

__all__ = ["choice_shift"]

EVERYBODY = "everybody"
FEWEST = 30
"""Fewest respondents of a segment and year, as errors are taken by respondent."""
ASK = "the same choice experiment in both years, with some 60 respondents of each segment and year"
LEVEL = 0.10
"""False discovery rate of a shift: a taste wrongly named costs one more survey, one missed a year of wrong offers."""
SHIFTED, STABLE, FEW = "shifted", "stable", "not enough data"


@dataclass(frozen=True)
class Years:
    """Respondents and model of either year; the models are none where there are too few respondents."""

    people: tuple[int, int]
    before: LogitResult | None = None
    now: LogitResult | None = None


@answers
def choice_shift(choices: pd.DataFrame, segments: pd.DataFrame, since: date) -> Answer:
    """Test for each segment and attribute whether part-worths differ between the answers of two years.

    Parameters
    ----------
    choices
        Table ``choice_tasks`` with ``answered_at``; held-out tasks count as well.
    segments
        customer_id, segment under last year's model (`frozen_segments`), so that both years are divided alike.
    since
        Last day before this year.

    Returns
    -------
    Answer
        Table: segment, attribute, level (that moved most), before, now (its part-worth in either year), change, low, high, p, q,
        n_before, n_now, verdict (shifted, stable, not enough data); smallest q first. Extra ``smallest``: the change that
        would be found four times in five, by segment (median over levels); ``changes``: segment, attribute, level, change, low,
        high of every level.

    Notes
    -----
    One conditional logit for each segment and year, errors by respondent; per attribute the Wald statistic of the
    difference over its columns is F with as many and (respondents of the smaller year - 1) degrees of freedom. q controls the false
    discovery rate at 10 % over all segments and attributes, everybody's among them. A change of scale would move all
    part-worths by one factor: the
    factor of everybody is tested and said (Swait & Louviere 1993).

    References
    ----------
    Swait, J. & Louviere, J. (1993). The role of the scale parameter in the estimation and comparison of
    multinomial logit models. Journal of Marketing Research 30.
    """
    need(choices, "choice tasks", ASK, rows=30)
    need(segments, "customers with a segment", "a run of the year before")
    frame, coding = _two_years(choices, since)
    home = segments.drop_duplicates("customer_id").set_index("customer_id")["segment"]
    frame["segment"] = frame["customer_id"].map(home)
    parts = {str(name): part for name, part in frame.groupby("segment")}
    fits = {name: _fit(part, coding) for name, part in sorted(parts.items())}
    whole = _fit(frame, coding)
    fits = {EVERYBODY: whole, **fits}
    rows = [row for name, years in fits.items() for row in _rows(name, years, coding)]
    table = pd.DataFrame(rows)
    tested = table["p"].notna()
    if not tested.any():
        raise NotEnough(f"no segment has {FEWEST} respondents in either year", ASK)
    table["q"] = false_discovery(table["p"].to_numpy(dtype=float))
    table["verdict"] = np.select([~tested, table["q"] < LEVEL], [FEW, SHIFTED], STABLE)
    table = table.sort_values(["q", "p", "segment", "attribute"], ignore_index=True, na_position="last")  # fmt: skip
    found = table[table["verdict"] == SHIFTED]
    smallest = table[tested].groupby("segment")["error"].median() * 2.8
    n = sum(whole.people)
    return Answer(
        table=table.drop(columns="error"),
        headline=f"{len(found)} of {int(table['p'].notna().sum())} tastes shifted since last year"
        + (f": {_named(found.iloc[0])}" if len(found) else ""),
        so_what=_so_what(table, found, smallest, _scale(whole)),
        kind="diagnostic",
        caption=f"Part-worths of this year less those of last year, by segment under last year's borders (n = {n:,} respondents, 95 % interval)",
        units={**dict.fromkeys(["before", "now", "change", "low", "high", "p", "q"], "ratio"), "n_before": "count", "n_now": "count"},
        source="choice experiments of two years; Wald test by attribute, q adjusted for their number",
        metrics=(Metric("tastes_shifted", float(len(found)), n=int(table["p"].notna().sum()), unit="count", kind="diagnostic"),),
        extra={"smallest": smallest, "changes": _changes(fits, coding)},
    )  # fmt: skip


def _two_years(choices: pd.DataFrame, since: date) -> tuple[pd.DataFrame, Coding]:
    """Return the usable tasks of both years with ``is_now``, and one coding for both."""
    edge = pd.Timestamp(since) + pd.Timedelta(days=1)
    asked = choices["answered_at"]
    mine = choices[(asked >= edge - pd.DateOffset(years=1)) & asked.notna()]
    years = (mine["answered_at"] >= edge).groupby(mine["respondent_id"]).first()
    if min(int(years.sum()), int((~years).sum())) < FEWEST:
        raise NotEnough(
            f"choices of {int((~years).sum())} respondents last year and {int(years.sum())} this year, {FEWEST} needed in each",
            ASK,
        )
    frame, names = read_attributes(mine.assign(is_holdout=False))
    screened, coding, _ = fit_everybody(screen(frame, names))
    used = screened.train.copy()
    used["is_now"] = used["respondent_id"].map(years).astype(bool)
    return used, coding


def _fit(part: pd.DataFrame, coding: Coding) -> Years:
    sides = [part[part["is_now"] == now].reset_index(drop=True) for now in (False, True)]
    people = tuple(int(side["respondent_id"].nunique()) for side in sides)
    if min(people) < FEWEST:
        return Years((people[0], people[1]))
    try:
        fits = [conditional_logit(side, coding.matrix(side)) for side in sides]
    except ValueError:  # a level that decides alone, or was not shown in one year
        return Years((people[0], people[1]))
    return Years((people[0], people[1]), fits[0], fits[1])


def _rows(segment: str, years: Years, coding: Coding) -> list[dict]:
    base = {"segment": segment, "n_before": years.people[0], "n_now": years.people[1]}
    if years.before is None or years.now is None:
        blank = dict.fromkeys(["before", "now", "change", "low", "high", "error", "p"], np.nan)
        return [base | {"attribute": "all", "level": "", **blank}]
    rows = []
    for name in coding.attributes:
        levels = _levels(years.before, years.now, coding, name, min(years.people) - 1)
        most = levels.loc[(levels["change"].abs() / levels["error"]).idxmax()]
        p = _wald(years.before, years.now, coding, name, min(years.people) - 1)
        rows.append(base | {"attribute": name.replace("_", " "), **most, "p": p})
    return rows


def _columns(coding: Coding, name: str) -> list[str]:
    return [c for c in coding.columns if c == name or c.startswith(f"{name}: ")]


def _wald(before: LogitResult, now: LogitResult, coding: Coding, name: str, freedom: int) -> float:
    """Return the p-value of no change of an attribute's columns."""
    columns = _columns(coding, name)
    change = (now.params - before.params)[columns].to_numpy(float)
    cov = sum(r.cov.loc[columns, columns].to_numpy(float) for r in (before, now))
    statistic = float(change @ np.linalg.solve(cov, change)) / len(columns)
    return float(stats.f.sf(statistic, len(columns), freedom))


def _levels(
    before: LogitResult, now: LogitResult, coding: Coding, name: str, freedom: int
) -> pd.DataFrame:
    """Return the change of each level's part-worth; of a number, of its highest against its lowest value."""
    columns = _columns(coding, name)
    levels = coding.level_rows().loc[name, columns]
    if name in coding.numeric:
        levels = levels.iloc[[-1]] - levels.iloc[[0]].to_numpy()
    rows = levels.to_numpy(float)
    cov = sum(r.cov.loc[columns, columns].to_numpy(float) for r in (before, now))
    then = rows @ before.params[columns].to_numpy(float)
    change = rows @ now.params[columns].to_numpy(float) - then
    error = np.sqrt(np.einsum("ij,jk,ik->i", rows, cov, rows))
    half = stats.t.ppf(0.975, freedom) * error
    return pd.DataFrame(
        {"level": levels.index.astype(str), "before": then, "now": then + change, "change": change, "low": change - half,
         "high": change + half, "error": error}
    )  # fmt: skip


def _changes(fits: dict[str, Years], coding: Coding) -> pd.DataFrame:
    parts = [
        _levels(y.before, y.now, coding, name, min(y.people) - 1).assign(
            segment=segment, attribute=name.replace("_", " ")
        )
        for segment, y in fits.items()
        if y.before is not None and y.now is not None
        for name in coding.attributes
    ]
    columns = ["segment", "attribute", "level", "change", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns]


def _scale(years: Years) -> tuple[float, float]:
    """Return the factor between everybody's part-worths now and then, and the p-value of no change."""
    if years.before is None or years.now is None:
        return np.nan, np.nan
    then, now = (r.params.to_numpy(float) for r in (years.before, years.now))
    weight = np.linalg.inv(years.before.cov.to_numpy(float) + years.now.cov.to_numpy(float))
    factor = float(then @ weight @ now / (then @ weight @ then))
    error = 1 / float(np.sqrt(then @ weight @ then))
    return factor, float(2 * stats.norm.sf(abs(factor - 1) / error))


def _named(row: pd.Series) -> str:
    return f"{row['level']} ({row['attribute']}) for {row['segment']}"


def _so_what(
    table: pd.DataFrame, found: pd.DataFrame, smallest: pd.Series, scale: tuple[float, float]
) -> str:
    few = sorted(set(table.loc[table["verdict"] == FEW, "segment"]))
    tail = f" Not enough respondents: {', '.join(few)}." if few else ""
    if scale[1] < 0.05:
        tail += f" All part-worths together are {format_value(scale[0], 'ratio')} times last year's: people answered with other care, so read single shifts with it."  # fmt: skip
    segments = smallest.drop(EVERYBODY, errors="ignore")
    power = (
        f" In a segment only a change of {format_value(float(segments.median()), 'ratio')} or more would be found four times in five."
        if len(segments)
        else ""
    )
    if found.empty:
        near = table[(table["p"] < 0.05) & (table["segment"] != EVERYBODY)].head(1)
        hint = "".join(
            f" Closest is {_named(row)}, {format_value(row['before'], 'ratio')} to {format_value(row['now'], 'ratio')} (q = {row['q']:.2f}): "
            "no finding, but a reason to ask more of them next time."
            for _, row in near.iterrows()
        )
        return f"No taste moved beyond chance: keep last year's offers.{hint}{power}{tail}"
    told = "; ".join(
        f"{_named(row)} {'rose' if row['change'] > 0 else 'fell'} from {format_value(row['before'], 'ratio')} to {format_value(row['now'], 'ratio')}"
        for _, row in found.head(3).iterrows()
    )
    return f"{told}. Build these segments' offers on this year's answers only.{power}{tail}"
