"""Would you buy at this price? The demand curve of direct price questions (Gabor & Granger)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.proposition.words import fitting, join, money, plural

__all__ = ["demand_shares", "purchase_at_prices"]

ASK = "a survey question \"would you buy at …\" at three to five prices (question ids ending in buy_at_<price>)"  # fmt: skip
ENDING = r"buy_at_(\d+(?:\.\d+)?)$"
FEWEST = 30
"""Respondents that a demand curve needs."""
DRAWS = 500
EVERYBODY = "everybody"


def demand_shares(lowest: np.ndarray, highest: np.ndarray, counts: np.ndarray, prices: int) -> np.ndarray:  # fmt: skip
    """Share that buys at each price, from answers that leave a range of prices open.

    Parameters
    ----------
    lowest, highest
        Fewest and most of the prices, in rising order, that each kind of respondent would pay.
    counts
        Respondents of each kind (kinds, or draws by kinds).
    prices
        Number of prices.

    Returns
    -------
    numpy.ndarray
        Share by price (draws by prices); it never rises with price.

    Notes
    -----
    Maximum likelihood without a form of the curve (Turnbull, 1976): self-consistency from an even start.
    Where all prices were asked of all it is the plain share; where one price was asked of each it is
    isotonic regression.
    """
    counts = np.atleast_2d(counts).astype(float)
    cells = np.arange(prices + 1)
    open_ = ((cells >= lowest[:, None]) & (cells <= highest[:, None])).astype(float)
    total = counts.sum(axis=1, keepdims=True)
    law = np.full((len(counts), prices + 1), 1 / (prices + 1))
    for _ in range(3_000):
        within = law @ open_.T
        ratio = np.divide(counts, within, out=np.zeros_like(within), where=counts > 0)
        after = law * (ratio @ open_) / total
        moved = np.abs(after - law).max()
        law = after
        if moved < 1e-8:
            break
    return np.asarray(law[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:])


def _bought(ratings: pd.DataFrame) -> pd.DataFrame:
    """Answers to price questions: respondent, customer, product, price and whether they would buy."""
    price = pd.to_numeric(ratings["question_id"].astype("str").str.extract(ENDING)[0])
    rows = ratings.assign(price=price)[price.notna()]
    need(rows, "answers to purchase at a price", ASK)
    top = rows["scale_max"] if "scale_max" in rows else pd.Series(np.nan, index=rows.index)
    top = top.astype(float).fillna(rows.groupby("item", dropna=False)["value"].transform("max"))
    rows = rows.assign(bought=rows["value"].astype(float) >= top, item=rows["item"].astype("str").fillna("product"))  # fmt: skip
    keys = ["item", "respondent", "price"]
    return rows.sort_values([*keys, "question_id"]).drop_duplicates(keys, keep="last")


def _ranges(rows: pd.DataFrame, prices: np.ndarray) -> pd.DataFrame:
    """Fewest and most prices each respondent would pay; ``clear`` when no dearer one is preferred."""
    place = np.searchsorted(prices, rows["price"].to_numpy(float)) + 1
    yes = pd.Series(np.where(rows["bought"], place, 0), index=rows.index)
    no = pd.Series(np.where(rows["bought"], len(prices) + 1, place), index=rows.index)
    people = rows.assign(lowest=yes, highest=no - 1).groupby("respondent")
    each = people.agg(lowest=("lowest", "max"), highest=("highest", "min"))
    return each.assign(clear=each["lowest"] <= each["highest"])


def _curve(ranges: pd.DataFrame, prices: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Share that buys at each price, and its bootstrap draws (draws by prices)."""
    kinds = ranges.groupby(["lowest", "highest"]).size().reset_index(name="count")
    low, high, count = (kinds[c].to_numpy() for c in ("lowest", "highest", "count"))
    again = np.random.default_rng(seed).multinomial(count.sum(), count / count.sum(), DRAWS)
    shares = demand_shares(low, high, np.vstack([count, again]), len(prices))
    return shares[0], shares[1:]


def _costs(products: list[str], offers: pd.DataFrame | None) -> dict[str, float]:
    """Unit cost of each product that is one of our offers by name; no others."""
    if offers is None or not {"offer_id", "unit_cost"} <= set(offers):
        return {}
    known = pd.to_numeric(offers["unit_cost"], errors="coerce").to_numpy(float)
    names = offers["offer_id"].astype("str").str.casefold()
    costs = dict(zip(names, known, strict=True))
    found = {p: costs.get(p.casefold(), np.nan) for p in products}
    return {p: float(v) for p, v in found.items() if np.isfinite(v)}


@answers
def purchase_at_prices(
    ratings: pd.DataFrame,
    segments: pd.DataFrame | None = None,
    offers: pd.DataFrame | None = None,
    currency: str = "",
    seed: int = 1,
) -> Answer:
    """Return the share that would buy at each price asked, and the price that earns most.

    Parameters
    ----------
    ratings
        Query ``survey_ratings`` with kind price: ``respondent``, ``customer_id``, ``question_id``
        (ending in ``buy_at_<price>``), ``item`` (product), ``value`` (1 or 0, or likelihood on the
        question's scale: only the top of the scale counts as a purchase), ``scale_max``.
    segments
        ``customer_id``, ``segment``.
    offers
        Standard table ``offers``; the unit cost of a product of that ``offer_id`` makes it margin
        that is maximised, revenue otherwise.
    currency, seed
        Written before amounts; seed of the bootstrap.

    Returns
    -------
    Answer
        ``product``, ``segment`` (``everybody`` first), ``price``, ``share`` with ``low`` and
        ``high``, ``earned`` (per 100 people asked, currency), ``n``, ``is_best``. ``extra["best"]``
        has one row a product and segment: ``price``, ``low``, ``high``, ``share``, ``earned``,
        ``chance_best``, ``at_edge``, ``basis`` (margin or revenue), ``n``.

    Notes
    -----
    Gabor & Granger (1966); shares by maximum likelihood (`demand_shares`), so that prices skipped
    after a refusal count as refused. Intervals by bootstrap over respondents. People who would buy
    dearer but not cheaper are left out and counted.
    """
    rows = _bought(ratings)
    costs = _costs(sorted(rows["item"].unique()), offers)
    curves, best, left_out = [], [], 0
    for product, part in rows.groupby("item", sort=True):
        prices = np.unique(part["price"].to_numpy(float))
        if len(prices) < 3:
            continue
        ranges = _ranges(part, prices)
        left_out += int((~ranges["clear"]).sum())
        ranges = ranges[ranges["clear"]]
        for segment, members in _groups(part, ranges, segments):
            table, top = _one(members, prices, costs.get(str(product)), seed)
            curves.append(table.assign(product=product, segment=segment))
            best.append({"product": product, "segment": segment} | top)
    if not curves:
        raise NotEnough(f"{FEWEST} respondents with clear answers at three prices or more", ASK)
    return _told(pd.concat(curves, ignore_index=True), pd.DataFrame(best), left_out, currency)


def _groups(
    part: pd.DataFrame, ranges: pd.DataFrame, segments: pd.DataFrame | None
) -> list[tuple[str, pd.DataFrame]]:
    """Everybody, then each segment with enough respondents."""
    groups = [(EVERYBODY, ranges)] if len(ranges) >= FEWEST else []
    if segments is not None and "customer_id" in part:
        customer = part.drop_duplicates("respondent").set_index("respondent")["customer_id"]
        home = segments.drop_duplicates("customer_id").set_index("customer_id")["segment"]
        label = ranges.index.to_series().map(customer).map(home)
        named = [(str(s), ranges[label == s]) for s in sorted(label.dropna().unique())]
        groups += [(name, found) for name, found in named if len(found) >= FEWEST]
    return groups


def _one(
    ranges: pd.DataFrame, prices: np.ndarray, cost: float | None, seed: int
) -> tuple[pd.DataFrame, dict[str, object]]:
    """Curve of one group, and the price at which it earns most."""
    share, draws = _curve(ranges, prices, seed)
    unit = prices - (cost or 0.0)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    earned = 100 * share * unit
    place = int(np.argmax(np.round(earned, 9)))
    tops = np.argmax(np.round(draws * unit, 9), axis=1)
    ends = np.quantile(prices[tops], [0.025, 0.975], method="inverted_cdf")
    table = pd.DataFrame(
        {"price": prices, "share": share, "low": np.minimum(low, share), "high": np.maximum(high, share),
         "earned": earned, "n": len(ranges), "is_best": np.arange(len(prices)) == place}
    )  # fmt: skip
    at_edge = bool(ends[0] <= prices[0] or ends[1] >= prices[-1] or place in (0, len(prices) - 1))
    return table, {
        "price": float(prices[place]), "low": float(min(ends[0], prices[place])),
        "high": float(max(ends[1], prices[place])), "share": float(share[place]),
        "earned": float(earned[place]), "chance_best": float((tops == place).mean()),
        "at_edge": at_edge, "basis": "revenue" if cost is None else "margin", "n": len(ranges),
    }  # fmt: skip


def _told(table: pd.DataFrame, best: pd.DataFrame, left_out: int, currency: str) -> Answer:
    first = best.iloc[0]
    unsure = best[best["at_edge"]]
    where = [f"{r.product} ({r.segment})" for r in unsure.itertuples()]
    n = int(table.groupby("product")["n"].max().sum())
    columns = ["product", "segment", "price", "share", "low", "high", "earned", "n", "is_best"]
    return Answer(
        table=table[columns],
        headline=fitting(
            f"{str(first['product']).capitalize()}: {money(first['price'], currency)} earns most {first['basis']}; "
            f"{format_value(first['share'], '%')} would pay it",
            f"{money(first['price'], currency)} earns most {first['basis']}",
        ),
        so_what=(
            f"The interval of the best price is {money(first['low'], currency)} to {money(first['high'])} "
            f"({format_value(first['chance_best'], '%')} chance that no other price asked earns more). "
            + (f"The best price may lie outside those asked ({join(where)}): ask wider before it is set. " if len(unsure)
               else "It lies within the prices asked. ")
            + "People say yes more easily than they pay: use the shape of the curve, and test the level in the shop."
        ),
        kind="predictive",
        caption=f"Share that would buy at each price, earned per 100 asked, 95 % interval (n = {n:,}; {plural(left_out, 'respondent')} left out: would buy dearer but not cheaper)",
        units={"price": "currency", "share": "%", "low": "%", "high": "%", "earned": "currency", "n": "count"},
        source="survey, direct price questions (Gabor & Granger, 1966); shares by maximum likelihood, bootstrap",
        metrics=(
            Metric("asked_best_price", float(first["price"]), float(first["low"]), float(first["high"]),
                   int(first["n"]), "currency", "predictive"),
        ),
        extra={"best": best},
    )  # fmt: skip
