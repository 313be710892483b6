"""What part-worths mean: importance, willingness to pay, shares of preference."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import softmax

from playbook.choice.coding import Coding
from playbook.choice.latent import LatentClassResult
from playbook.choice.logit import LogitResult

__all__ = [
    "attribute_importance",
    "calibrate_offsets",
    "preference_shares",
    "willingness_to_pay",
]

Rule = Literal["logit", "first"]


def _importance(partworths: np.ndarray, coding: Coding) -> np.ndarray:
    """Range of utility of each attribute over the sum of all ranges (rows by attributes)."""
    rows = coding.level_rows()
    ranges = np.column_stack(
        [np.ptp(partworths @ rows.loc[name].to_numpy().T, axis=1) for name in coding.attributes]
    )
    total = ranges.sum(axis=1, keepdims=True)
    return np.divide(ranges, total, out=np.full_like(ranges, np.nan), where=total > 0)


def attribute_importance(
    result: LogitResult | LatentClassResult,
    coding: Coding,
    seed: int = 0,
    draws: int = 2000,
    level: float = 0.95,
) -> pd.DataFrame:
    """Importance of each attribute: its range of utility as a share of all ranges.

    Parameters
    ----------
    result
        Estimates on the columns of ``coding``.
    coding
        Levels and, for numbers, the lowest and highest value asked.
    seed, draws, level
        Of the simulated interval (Krinsky & Robb).

    Returns
    -------
    pandas.DataFrame
        ``segment`` (``all`` or the class), ``attribute``, ``importance``, ``low``, ``high`` (0 to
        1, summing to 1 within a segment), ``n`` (respondents). Ranges are never negative, so an
        attribute without effect has a low end just above zero: judge effects by their
        coefficients. Importance depends on the levels that were asked.
    """
    if isinstance(result, LogitResult):
        center = _importance(result.params[coding.columns].to_numpy()[None], coding)[0]
        spread = _importance(result.draws(seed, draws)[coding.columns].to_numpy(), coding)
        parts = [("all", center, spread)]
    else:
        parts = []
        names = [result.params.index.get_loc(column) for column in coding.columns]
        drawn, shares = result.draws(seed, draws)
        centers = _importance(result.params.loc[coding.columns].to_numpy().T, coding)
        spreads = [_importance(drawn[:, k][:, names], coding) for k in range(drawn.shape[1])]
        everyone = np.einsum("dk,kda->da", shares, np.array(spreads))
        parts.append(("all", result.shares.to_numpy() @ centers, everyone))
        labels = map(str, result.params.columns)
        parts += list(zip(labels, centers, spreads, strict=True))
    tables = []
    for segment, center, spread in parts:
        low, high = np.quantile(spread, [(1 - level) / 2, (1 + level) / 2], axis=0)
        table = pd.DataFrame({"attribute": coding.attributes, "importance": center})
        table = table.assign(low=np.minimum(low, center), high=np.maximum(high, center))
        table.insert(0, "segment", segment)
        tables.append(table)
    return pd.concat(tables, ignore_index=True).assign(n=result.n_respondents)


def willingness_to_pay(
    result: LogitResult,
    price: str = "price",
    coding: Coding | None = None,
    seed: int = 0,
    draws: int = 5000,
    level: float = 0.95,
) -> pd.DataFrame:
    """Willingness to pay with Krinsky-Robb intervals.

    Parameters
    ----------
    result
        Estimates of a conditional logit, or of one class (``LatentClassResult.class_result``).
    price
        Name of the price column, in money.
    coding
        When given, levels are priced against their reference level; design columns otherwise.
    seed, draws, level
        Of the simulated interval.

    Returns
    -------
    pandas.DataFrame
        ``attribute``, ``level``, ``value``, ``low``, ``high`` in units of price, ``n``
        (respondents).

    Raises
    ------
    ValueError
        The price coefficient's interval includes zero, or is positive: no willingness to pay can
        be stated then.

    References
    ----------
    Krinsky, I. & Robb, A. L. (1986). On approximating the statistical properties of elasticities.
    """
    if price not in result.params.index:
        raise ValueError(f"the model has no column {price!r}; it has {list(result.params.index)}")
    low, high = result.conf_int(level).loc[price]
    if high >= 0:
        raise ValueError(
            f"the {level:.0%} interval of the {price} coefficient, {low:.4g} to {high:.4g}, is not "
            "below zero: willingness to pay is not defined; ask more people or wider prices"
        )
    contrasts = _contrasts(result, coding).drop(index=price, level="attribute")
    drawn = result.draws(seed, draws)[contrasts.columns].to_numpy()
    position = contrasts.columns.get_loc(price)
    center = result.params[contrasts.columns].to_numpy()
    value = -(contrasts.to_numpy() @ center) / center[position]
    spread = -(drawn @ contrasts.to_numpy().T) / drawn[:, [position]]
    ends = np.quantile(spread, [(1 - level) / 2, (1 + level) / 2], axis=0)
    table = contrasts.index.to_frame(index=False)
    return table.assign(value=value, low=ends[0], high=ends[1], n=result.n_respondents)


def _contrasts(result: LogitResult, coding: Coding | None) -> pd.DataFrame:
    """Rows whose product with the part-worths is the utility to be priced."""
    columns = list(result.params.index)
    unit = pd.DataFrame(np.eye(len(columns)), columns=columns)
    if coding is None:
        keys = [(name, "") for name in columns]
    else:
        keys, rows = [], []
        levels = coding.level_rows().reindex(columns=columns, fill_value=0.0)
        for name, found in coding.levels.items():
            for level in found[:-1]:
                keys.append((name, f"{level} instead of {found[-1]}"))
                rows.append(levels.loc[(name, level)] - levels.loc[(name, found[-1])])
        for name in coding.numeric:
            keys.append((name, "one unit more"))
            rows.append(unit.iloc[columns.index(name)])
        unit = pd.DataFrame(rows)
    unit.index = pd.MultiIndex.from_tuples(keys, names=["attribute", "level"])
    return unit


def _offer_matrix(offers: pd.DataFrame, coding: Coding) -> pd.DataFrame:
    """Design of the offers, by ``offer_id`` in order of the id."""
    if "offer_id" not in offers or offers["offer_id"].duplicated().any() or offers.empty:
        raise ValueError("offers need a column offer_id, one row an offer")
    sorted_offers = offers.sort_values("offer_id").set_index("offer_id")
    return coding.matrix(sorted_offers)


def _choose(utility: np.ndarray, rule: str) -> np.ndarray:
    """Share of each offer in each row; ties are split evenly under first choice."""
    if rule == "logit":
        return softmax(utility, axis=-1)
    if rule != "first":
        raise ValueError(f"rule must be 'logit' or 'first'; got {rule!r}")
    best = utility >= utility.max(axis=-1, keepdims=True) - 1e-12
    return best / best.sum(axis=-1, keepdims=True)


def preference_shares(
    model: pd.DataFrame | LogitResult | LatentClassResult,
    offers: pd.DataFrame,
    coding: Coding,
    rule: Rule = "logit",
    offsets: pd.Series | None = None,
    people: pd.Index | None = None,
    seed: int = 0,
    draws: int = 1000,
    level: float = 0.95,
) -> pd.DataFrame:
    """Share of preference of each offer among those named.

    Parameters
    ----------
    model
        Fitted model, or individual part-worths (``LatentClassResult.individual``: one row a
        respondent). Classes and people differ, so a new offer takes most from the offers that the
        same people like (no independence of irrelevant alternatives).
    offers
        ``offer_id`` and the attributes; add a row with the none flag for choosing none.
    coding
        Coding of the model.
    rule
        ``logit`` share or ``first`` choice.
    offsets
        Utility added by ``offer_id``, from `calibrate_offsets`.
    people
        ``respondent_id`` of those to simulate (a segment); everybody when absent. Not for a
        conditional logit, in which all are alike.
    seed, draws, level
        Of the interval, which covers the uncertainty of the estimates. Individual part-worths
        carry none, so their ``low`` and ``high`` are missing: pass the model for an interval.

    Returns
    -------
    pandas.DataFrame
        ``offer_id``, ``share``, ``low``, ``high`` (0 to 1), ``n`` (respondents) and
        ``extrapolated`` (a number lies outside the range that was asked), sorted by ``offer_id``.

    Raises
    ------
    ValueError
        Offers that cannot be coded, offsets that miss an offer, or people not in the model.
    """
    design = _offer_matrix(offers, coding)
    added = np.zeros(len(design)) if offsets is None else offsets.reindex(design.index).to_numpy()
    if not np.isfinite(added).all():
        raise ValueError("offsets must name every offer; calibrate on the same offers")
    if isinstance(model, pd.DataFrame):
        people = model.index if people is None else people
        utility = model.loc[people.sort_values(), list(design)].to_numpy() @ design.to_numpy().T
        center = _choose(utility + added, rule).mean(axis=0)
        table, n = pd.DataFrame({"share": center, "low": np.nan, "high": np.nan}), len(people)
    elif isinstance(model, LogitResult):
        x = design[list(model.params.index)].to_numpy().T
        center = _choose(model.params.to_numpy() @ x + added, rule)
        drawn = _choose(model.draws(seed, draws).to_numpy() @ x + added, rule)
        table, n = _draw_intervals(center, drawn, level), model.n_respondents
    else:
        x = design[list(model.params.index)].to_numpy().T
        table = _class_shares(model, x, added, rule, people, (seed, draws, level))
        n = model.n_respondents if people is None else len(people)
    outside = np.zeros(len(design), dtype=bool)
    for name, (lowest, highest) in coding.numeric.items():
        none = design["none"].eq(1) if coding.none else pd.Series(False, index=design.index)
        outside |= (((design[name] < lowest) | (design[name] > highest)) & ~none).to_numpy()
    table.insert(0, "offer_id", design.index.to_numpy())
    return table.assign(n=n, extrapolated=outside)


def _draw_intervals(center: np.ndarray, drawn: np.ndarray, level: float) -> pd.DataFrame:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    low, high = np.minimum(low, center), np.maximum(high, center)
    return pd.DataFrame({"share": center, "low": low, "high": high})


def _class_shares(
    model: LatentClassResult,
    x: np.ndarray,
    added: np.ndarray,
    rule: str,
    people: pd.Index | None,
    simulate: tuple[int, int, float],
) -> pd.DataFrame:
    """Shares over the classes, weighted by their sizes or by the memberships of some people."""
    seed, draws, level = simulate
    betas, sizes = model.draws(seed, draws)
    size = model.shares.to_numpy()
    if people is not None:
        absent = people.difference(model.posterior.index)
        if len(absent) or people.empty:
            raise ValueError(f"{len(absent)} of {len(people)} people are not in the model")
        member = model.posterior.loc[people.sort_values()].to_numpy()
        picks = np.random.default_rng([seed, 1]).integers(0, len(member), (draws, len(member)))
        size, sizes = member.mean(axis=0), np.array([member[p].mean(axis=0) for p in picks])
    center = size @ _choose(model.params.to_numpy().T @ x + added, rule)
    drawn = np.einsum("dk,dko->do", sizes, _choose(betas @ x + added, rule))
    return _draw_intervals(center, drawn, level)


def calibrate_offsets(
    model: pd.DataFrame | LogitResult | LatentClassResult,
    offers: pd.DataFrame,
    coding: Coding,
    actual: pd.Series,
    people: pd.Index | None = None,
) -> pd.Series:
    """Utility to add to each offer so that shares of preference equal actual shares.

    Parameters
    ----------
    model, offers, coding, people
        As for `preference_shares`; ``offers`` is the market of today.
    actual
        Actual share by ``offer_id``, all positive.

    Returns
    -------
    pandas.Series
        Offset by ``offer_id``, with mean zero: what attributes do not tell (awareness,
        distribution).

    Raises
    ------
    ValueError
        A missing or non-positive share, or no convergence.

    References
    ----------
    Berry, S., Levinsohn, J. & Pakes, A. (1995). Automobile prices in market equilibrium
    (contraction, eq. 6.8).
    """
    ids = pd.Index(sorted(offers["offer_id"]), name="offer_id")
    target = actual.reindex(ids).astype(float)
    if not (target > 0).all():
        raise ValueError("every offer needs a positive actual share")
    target = target / target.sum()
    offsets = pd.Series(0.0, index=ids, name="offset")
    for _ in range(1000):
        found = preference_shares(
            model, offers, coding, offsets=offsets, people=people, draws=2
        ).set_index("offer_id")["share"]
        if np.abs(found - target).max() < 1e-9:
            return offsets - offsets.mean()
        offsets = offsets + np.log(target / found)
    raise ValueError("the offsets did not settle; check the actual shares")
