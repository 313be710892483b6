"""The price that earns most in each segment, how sure it is, and when not to act on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.proposition.answer_checks import rising_prices
from playbook.proposition.experiment import ASK, Experiment
from playbook.proposition.simulation import design_of, market
from playbook.proposition.tastes import Taste, segment_tastes
from playbook.proposition.words import fitting, join, money, plural

__all__ = ["WIDER", "margin_price", "verdict"]

STEPS = 61
"""Prices tried between the lowest and the highest that were asked, whole ones where they are wide apart."""
WIDE = 0.25
"""Width of the interval of the best price, as a share of it, from which it is no ground to act on."""

WIDER = "ask wider prices"
"""Verdict where the interval of the best price ends at the prices asked."""

SHOWN = ["segment", "offer", "current_price", "best_price", "low", "high", "gain", "verdict", "source", "n"]  # fmt: skip


def verdict(
    best: float, low: float, high: float, current: float, at_edge: bool, own: bool, gain_low: float
) -> str:
    """Return what to do with a best price: raise, lower, keep, or why not to act on it.

    Parameters
    ----------
    best, low, high
        Best price and its 95 % interval.
    current
        Today's price; missing when there is none.
    at_edge
        The interval ends at the lowest or highest price asked, so that the best may lie beyond.
    own
        Enough of the segment were asked.
    gain_low
        Lower end of the gain in margin over today's price.
    """
    if not own:
        return "too few asked"
    if at_edge:
        return WIDER
    if high - low > WIDE * best:
        return "too wide to act on"
    if np.isfinite(current) and not low <= current <= high and gain_low > 0:
        return "raise" if best > current else "lower"
    return "keep" if np.isfinite(current) else "set"


@answers
def margin_price(
    best: Answer,
    experiment: Answer,
    offers: pd.DataFrame,
    asked: Answer | None = None,
    currency: str = "",
    seed: int = 1,
    individual: Answer | None = None,
) -> Answer:
    """Return the margin-maximising price of each segment with its interval, and what to do with it.

    Parameters
    ----------
    best
        From `best_offers`: the offer of each segment.
    experiment
        From `choice_experiment`.
    offers
        Standard table ``offers``.
    asked
        From `purchase_at_prices`, when price was asked directly; its products come first.
    currency, seed
        Written before amounts; seed of the draws of part-worths.
    individual
        From `individual_tastes`: whose taste decides, as in `best_offers`.

    Returns
    -------
    Answer
        ``segment``, ``offer``, ``current_price``, ``best_price`` with ``low`` and ``high``, ``gain``
        in margin per choice over today's price of the same offer, ``verdict``, ``source``, ``n``; a
        segment whose choices do not surely react to price is refused and has no price.
        ``extra["all"]`` adds ``share`` of preference at the best price, ``gain_low``, ``gain_high``.

    Notes
    -----
    Each draw of the part-worths has its own best price among 61 between the lowest and the highest
    asked, competitors' prices held; the interval holds the middle 95 % of them.
    """
    read: Experiment = experiment["experiment"]
    ours, rivals = market(offers, read)
    others = design_of(rivals, read)
    tastes = segment_tastes(read, individual, seed)
    rows, rising = ([] if asked is None else _asked_rows(asked)), rising_prices(read)
    chosen = best["all"].set_index("segment")["offer"].astype("str")
    for name, model in sorted(read.models.items()):
        row = {"segment": name, "offer": chosen.get(name, "–"), "n": model.n, "source": "choices"}
        if name not in chosen or name in rising:
            rows.append(row | NOTHING | {"current_price": np.nan, "verdict": REFUSED})
            continue
        offer = ours[ours["offer_id"].astype("str") == chosen[name]]
        row["current_price"] = float(offer["price"].iloc[0])
        rows.append(row | _priced(tastes[name], read, offer, others, model.own))
    table = need(pd.DataFrame(rows), "segments with an offer", ASK)
    if table["best_price"].isna().all():
        raise NotEnough(
            "the effect of price is not surely negative in any segment, so no best price",
            "a choice experiment with more respondents or wider prices",
        )
    return _told(table.reset_index(drop=True), read, currency)


def _asked_rows(asked: Answer) -> list[dict[str, Any]]:
    rows = []
    for top in asked["best"].itertuples():
        word = verdict(top.price, top.low, top.high, np.nan, top.at_edge, True, np.nan)
        rows.append({"segment": top.segment, "offer": top.product, "current_price": np.nan, "best_price": top.price,
                     "low": top.low, "high": top.high, "share": top.share, "gain": np.nan, "gain_low": np.nan,
                     "gain_high": np.nan, "verdict": word, "source": f"asked ({top.basis})", "n": top.n})  # fmt: skip
    return rows


REFUSED = "refused: price does not deter"
NOTHING = dict.fromkeys(["best_price", "low", "high", "share", "gain", "gain_low", "gain_high"], np.nan)  # fmt: skip


def _priced(
    taste: Taste, read: Experiment, offer: pd.DataFrame, others: np.ndarray, own: bool
) -> dict[str, Any]:  # fmt: skip
    """Best price of one offer in one segment."""
    if not taste.sure_of_price:
        return NOTHING | {"verdict": REFUSED}
    lowest, highest = read.coding.numeric["price"]
    current, cost = float(offer["price"].iloc[0]), float(offer["unit_cost"].iloc[0])
    grid = np.linspace(lowest, highest, STEPS).round(0 if highest - lowest >= STEPS else 2)
    prices = np.append(np.unique(np.clip(grid, lowest, highest)), current)
    tried = offer.loc[offer.index.repeat(len(prices))].assign(price=prices).reset_index(drop=True)
    share = np.vstack(taste.share_against(design_of(tried, read), others))
    margin = share * (prices - cost)
    places = margin[:, :-1].round(9).argmax(axis=1)
    tops, place = prices[places[1:]], int(places[0])
    low, high = np.quantile(tops, [0.025, 0.975])
    low, high = min(low, prices[place]), max(high, prices[place])
    at_edge = low <= prices[0] or high >= prices[-2]
    gains = margin[:, place] - margin[:, -1]
    gain_low, gain_high = np.quantile(gains[1:], [0.025, 0.975])
    found = prices[place]
    return {
        "best_price": found, "low": low, "high": high, "share": share[0, place], "gain": gains[0],
        "gain_low": min(gain_low, gains[0]), "gain_high": max(gain_high, gains[0]),
        "verdict": verdict(found, low, high, current, bool(at_edge), own, float(gain_low)),
    }  # fmt: skip


def _named(table: pd.DataFrame, *words: str) -> list[str]:
    found = table[table["verdict"].isin(words)]
    return [r.segment if r.source == "choices" else f"{r.offer} ({r.segment})" for r in found.itertuples()]  # fmt: skip


def _told(table: pd.DataFrame, read: Experiment, currency: str) -> Answer:
    moves = table[table["verdict"].isin(["raise", "lower"])].sort_values(["gain", "segment"], ascending=[False, True])  # fmt: skip
    keep, wide = _named(table, "keep", "set"), _named(table, "too wide to act on")
    edge, few = _named(table, WIDER), _named(table, "too few asked")
    refused = _named(table, REFUSED)
    firm = len(moves) + len(keep)
    if len(moves):
        top = moves.iloc[0]
        change = f"{top['verdict'].capitalize()} {top['offer']} to {money(top['best_price'], currency)} for {top['segment']}"  # fmt: skip
    else:
        change = f"No price should move yet; {plural(firm, 'price')} of {len(table)} firm enough to keep"  # fmt: skip
    lines = [
        f"{r.segment}: {r.offer} at {money(r.best_price, currency)} ({money(r.low)} to {money(r.high)}) instead of {money(r.current_price)}"
        for r in moves.itertuples()
    ]
    notes = [
        f"keep in {join(keep, 6)}" if keep else "",
        f"interval wider than {format_value(WIDE, '%')} of the price in {join(wide, 6)}: test two prices in the shop" if wide else "",
        f"the interval ends at the prices asked in {join(edge, 6)}: ask wider prices before a move" if edge else "",
        f"too few asked in {join(few, 6)}" if few else "",
        f"refused for {join(refused, 6)}: choices do not surely react to price" if refused else "",
    ]  # fmt: skip
    said = ". ".join([*lines, *(note[0].upper() + note[1:] for note in notes if note)])
    return Answer(
        table=table[SHOWN],
        headline=fitting(change, f"{plural(firm, 'price')} of {len(table)} firm enough to act on"),
        so_what=f"{said}. Competitors' prices are held: expect less when they follow.",
        kind="prescriptive",
        caption=f"Price that earns most margin per choice, 95 % interval, within the prices asked (n = {read.everybody.n_respondents:,})",
        units={"current_price": "currency", "best_price": "currency", "low": "currency", "high": "currency",
               "share": "%", "gain": "currency", "gain_low": "currency", "gain_high": "currency", "n": "count"},
        source="choice experiment and offers, draws of the part-worths; direct price questions where asked",
        metrics=(Metric("prices_firm_enough", float(firm), n=read.everybody.n_respondents, unit="count", kind="prescriptive"),),
        extra={"all": table},
    )  # fmt: skip
