"""The proposition canvas of one segment: what it wants, gains and suffers, against what we offer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, need
from playbook.choice import Coding
from playbook.proposition.experiment import Experiment
from playbook.proposition.words import join, money, named, with_segment

__all__ = ["proposition_canvas"]

SMALLEST = 5


def _needs(segment: str, importance: Answer | None) -> list[dict[str, Any]]:
    if importance is None:
        return []
    own = importance.table[importance.table["segment"] == segment]
    own = own.sort_values(["importance", "item"], ascending=[False, True]).head(3)
    return [{"box": "needs", "text": row.item, "figure": f"{row.importance:.1f} of 7", "met": None}
            for row in own.itertuples()]  # fmt: skip


def _gains(segment: str, offer: pd.Series, worth: Answer, currency: str) -> list[dict[str, Any]]:
    """The level of each attribute that is surely worth most; met when the offer has it."""
    own = worth["all"][(worth["all"]["segment"] == segment) & (worth["all"]["low"] > 0)]
    own = own.sort_values(["worth", "feature"], ascending=[False, True])
    return [
        {"box": "gains", "text": named(row.attribute, row.level),
         "figure": f"worth {money(row.worth, currency)}", "met": str(offer.get(row.attribute)) == row.level}
        for row in own.drop_duplicates("attribute").head(5).itertuples()
    ]  # fmt: skip


def _pains(segment: str, offer: pd.Series, cases: pd.DataFrame, segments: pd.DataFrame, worth: Answer) -> list[dict[str, Any]]:  # fmt: skip
    """Service cases by topic; met when a feature of the same name is at its most valued level."""
    if not len(cases):
        return []
    size = int((segments["segment"] == segment).sum())
    own = with_segment(cases, segments)
    own = own[own["segment"] == segment].groupby("topic")["cases"].agg(["sum", "size"])
    own = own[own["size"] >= SMALLEST].reset_index()
    own = own.sort_values(["sum", "topic"], ascending=[False, True]).head(4)
    table = worth["all"][worth["all"]["segment"] == segment].sort_values(
        ["worth", "level"], ascending=[False, True]
    )
    best = table.drop_duplicates("attribute").set_index("attribute")["level"]
    rows = []
    for row in own.itertuples():
        named = [a for a in best.index if row.topic.split()[0].lower()[:6] in a.lower()]
        met = bool(named) and str(offer.get(named[0])) == best[named[0]]
        rows.append({"box": "pains", "text": str(row.topic),
                     "figure": f"{100 * row.sum / size:.0f} cases per 100 customers", "met": met})  # fmt: skip
    return rows


def _fit(params: pd.DataFrame, coding: Coding, offer: pd.Series) -> np.ndarray:
    """Utility of the offer's features between the worst (0) and the best (1) asked, per row of params."""
    rows = coding.level_rows()
    reached, whole = np.zeros(len(params)), np.zeros(len(params))
    for name, levels in coding.levels.items():
        worth = params[coding.columns].to_numpy() @ rows.loc[name].to_numpy().T
        worst = worth.min(axis=1)
        held = str(offer[name])
        reached += (worth[:, levels.index(held)] if held in levels else worst) - worst
        whole += worth.max(axis=1) - worst
    return reached / np.where(whole > 0, whole, np.nan)


@answers
def proposition_canvas(
    experiment: Answer,
    worth: Answer,
    best: Answer,
    offers: pd.DataFrame,
    cases: pd.DataFrame,
    segments: pd.DataFrame,
    importance: Answer | None = None,
    segment: str = "",
    currency: str = "",
    seed: int = 1,
) -> Answer:
    """Return the canvas of one segment: needs, gains and pains against its best offer.

    Parameters
    ----------
    experiment, worth, best
        From `choice_experiment`, `willingness_to_pay`, `best_offers`.
    offers
        Standard table ``offers``.
    cases
        Query ``case_topics``: ``customer_id``, ``topic``, ``cases``.
    segments
        ``customer_id``, ``segment``.
    importance
        From `stated_importance`, if asked.
    segment
        Name; the one with the highest margin per choice when empty or unknown.
    currency
        Written before amounts.
    seed
        Seed of the interval of the fit.

    Returns
    -------
    Answer
        ``box`` (needs, gains, pains, offer), ``text``, ``figure``, ``met``. ``extra``: ``segment``,
        ``offer``, ``fit`` (0 to 1: the offer's features between the worst and the best asked).

    Notes
    -----
    After Osterwalder et al. (2014), Value Proposition Design; every entry is a figure of this run.
    """
    read: Experiment = experiment["experiment"]
    need(best.table, "segments with a best offer", "a choice experiment and offers")
    names = best.table["segment"].tolist()
    name = segment if segment in names else names[0]
    chosen = best["all"].set_index("segment").loc[name]
    offer = offers.set_index("offer_id").loc[chosen["offer"]]
    rows = [*_needs(name, importance), *_gains(name, offer, worth, currency),
            *_pains(name, offer, cases, segments, worth)]  # fmt: skip
    rows += [
        {"box": "offer", "text": named(a, str(offer[a])), "figure": "", "met": None}
        for a in read.features
    ]
    table = pd.DataFrame(rows, columns=["box", "text", "figure", "met"])
    table["met"] = table["met"].astype("boolean")
    figures = _fit_interval(read, name, offer, seed)
    return _told(
        table,
        name,
        f"{chosen['offer']} at {money(chosen['price'], currency)}",
        figures,
        int(chosen["n"]),
    )


def _fit_interval(
    read: Experiment, segment: str, offer: pd.Series, seed: int
) -> tuple[float, float, float]:
    result = read.models[segment].result
    fit = float(_fit(result.params.to_frame().T, read.coding, offer)[0])
    drawn = _fit(result.draws(seed, 1000), read.coding, offer)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return fit, min(float(low), fit), max(float(high), fit)


def _told(
    table: pd.DataFrame, name: str, offer: str, fit: tuple[float, float, float], n: int
) -> Answer:
    asked = table[table["met"].notna()]
    missing = asked[~asked["met"].astype(bool)]
    return Answer(
        table=table,
        headline=f"{offer} reaches {100 * fit[0]:.0f} % of what {name} value in features",
        so_what=(
            f"The interval is {100 * fit[1]:.0f} to {100 * fit[2]:.0f} %; {int(asked['met'].sum())} of {len(asked):,} gains and pains are answered. "
            + (f"Not answered: {join(missing['text'], 4)}. Cost these before the next version of the offer."
               if len(missing) else "Keep the offer as it is and speak of it.")
        ),
        kind="diagnostic",
        caption=f"{name} and the offer {offer}: what it answers (n = {n:,}); a case counts as answered when the offer has the feature's best level",
        source="choice experiment, survey, service cases; value of features between the worst and the best asked",
        metrics=(Metric("offer_fit", *fit, n, "%", "diagnostic"),),
        extra={"segment": name, "offer": offer, "fit": fit[0]},
    )  # fmt: skip
