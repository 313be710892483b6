"""The proposition canvas of each segment: what it wants, gains and suffers, against what we offer and say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.choice import Coding
from playbook.errors import NotEnough
from playbook.proposition.evidence import Evidence
from playbook.proposition.experiment import Experiment
from playbook.proposition.words import join, money, named, plural, with_segment

__all__ = ["canvas_of", "proposition_canvas", "proposition_canvases"]

SMALLEST = 5
TITLES = {"needs": "What they call important (said)", "gains": "What they would pay for (chosen)",
          "pains": "What goes wrong for them (service cases)"}  # fmt: skip
BOUGHT = "What they buy more than others (done)"
EMPTY = {"needs": "not asked: a survey on importance would tell", "gains": "nothing is surely worth money to them",
         "pains": "no topic of service cases with five customers on record"}  # fmt: skip
NOT_MORE = "no group is surely bought more often than by others"
COLUMNS = ["box", "text", "figure", "met", "mark"]


def _entry(box: str, text: str, value: str = "", met: bool | None = None, marks: tuple[str, str] = ("answered", "not answered")) -> dict[str, Any]:  # fmt: skip
    return {"box": box, "text": text, "figure": value, "met": met, "mark": "" if met is None else marks[not met]}  # fmt: skip


def _needs(segment: str, importance: Answer | None, held: dict[str, Evidence]) -> list[dict[str, Any]]:  # fmt: skip
    """What they call most important; met when no competitor is rated clearly better on it."""
    if importance is None:
        return []
    own = importance.table[importance.table["segment"] == segment]
    own = own.sort_values(["importance", "item"], ascending=[False, True]).head(3)
    rows = []
    for row in own.itertuples():
        rated = held.get(f"fit:{row.item}")
        sure = rated is not None and (rated.opposite or rated.low > rated.zero)
        met = rated.low > rated.zero if rated is not None and sure else None
        rows.append(_entry("needs", row.item, f"{row.importance:.1f} on average", met, ("at par or ahead", "a rival is ahead")))  # fmt: skip
    return rows


def _gains(segment: str, offer: pd.Series, worth: Answer, currency: str) -> list[dict[str, Any]]:
    """The level of each attribute that is surely worth most; met when the offer has it."""
    own = worth["all"][(worth["all"]["segment"] == segment) & (worth["all"]["low"] > 0)]
    own = own.sort_values(["worth", "feature"], ascending=[False, True])
    return [
        _entry("gains", named(row.attribute, row.level), f"worth {money(row.worth, currency)}",
               str(offer.get(row.attribute)) == row.level)
        for row in own.drop_duplicates("attribute").head(8).itertuples()
    ]  # fmt: skip


def _held(attribute: str, offer: pd.Series, segment: str, worth: Answer | None, currency: str) -> dict[str, Any]:  # fmt: skip
    """A feature of the offer, with its worth to the segment where that is sure."""
    level = str(offer[attribute])
    told = ""
    if worth is not None:
        own = worth["all"]
        own = own[(own["segment"] == segment) & (own["attribute"] == attribute) & (own["level"] == level) & (own["low"] > 0)]  # fmt: skip
        told = f"worth {money(own['worth'].iloc[0], currency)}" if len(own) else ""
    return _entry("offer", named(attribute, level), told)


def _bought(held: dict[str, Evidence]) -> list[dict[str, Any]]:
    """Groups that they surely buy more often than other segments."""
    sure = [item for item in held.values() if item.kind == "buys" and item.holds]
    sure = sorted(sure, key=lambda item: (-item.value, item.id))[:4]
    return [
        _entry("gains", item.row["group"], f"{100 * item.row['share']:.0f} % of buyers, {100 * item.row['rest']:.0f} % of others")
        for item in sure
    ]  # fmt: skip


def _pains(segment: str, offer: pd.Series | None, cases: pd.DataFrame, segments: pd.DataFrame, worth: Answer | None) -> list[dict[str, Any]]:  # fmt: skip
    """Service cases by topic; met when a feature of the same name is at its most valued level."""
    if not len(cases):
        return []
    size = int((segments["segment"] == segment).sum())
    own = with_segment(cases, segments)
    own = own[own["segment"] == segment].groupby("topic")["cases"].agg(["sum", "size"])
    own = own[own["size"] >= SMALLEST].reset_index()
    own = own.sort_values(["sum", "topic"], ascending=[False, True]).head(4)
    best = pd.Series(dtype=object)
    if worth is not None:
        table = worth["all"][worth["all"]["segment"] == segment]
        table = table.sort_values(["worth", "level"], ascending=[False, True])
        best = table.drop_duplicates("attribute").set_index("attribute")["level"]
    rows = []
    for row in own.itertuples():
        alike = [a for a in best.index if row.topic.split()[0].lower()[:6] in a.lower()]
        met = bool(alike) and offer is not None and str(offer.get(alike[0])) == best[alike[0]]
        known = met if worth is not None and offer is not None else None
        rows.append(_entry("pains", str(row.topic), f"{100 * row.sum / size:.0f} cases per 100 customers", known))  # fmt: skip
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


def _fit_interval(
    read: Experiment, segment: str, offer: pd.Series, seed: int
) -> tuple[float, float, float]:
    result = read.models[segment].result
    fit = float(_fit(result.params.to_frame().T, read.coding, offer)[0])
    drawn = _fit(result.draws(seed, 1000), read.coding, offer)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return fit, min(float(low), fit), max(float(high), fit)


@answers
def proposition_canvas(
    experiment: Answer | None = None, worth: Answer | None = None, best: Answer | None = None,
    offers: pd.DataFrame | None = None, cases: pd.DataFrame | None = None, segments: pd.DataFrame | None = None,
    importance: Answer | None = None, segment: str = "", currency: str = "", seed: int = 1,
    propositions: Answer | None = None,
) -> Answer:  # fmt: skip
    """Return the canvas of one segment: needs, gains and pains against its best offer.

    Parameters
    ----------
    experiment, worth, best
        From `choice_experiment`, `willingness_to_pay`, `best_offers`; without them the canvas shows
        what the segment buys instead of what it would pay for.
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
    propositions
        From `value_propositions`: statement, competitor, and evidence on needs and purchases.

    Returns
    -------
    Answer
        ``box`` (needs, gains, pains, offer), ``text``, ``figure``, ``met``, ``mark``. ``extra``: ``segment``,
        ``offer``, ``fit`` (0 to 1: the offer's features between the worst and the best asked; none
        without choices), ``numbers``, ``statement``, ``against``, ``titles``.

    Notes
    -----
    After Osterwalder et al. (2014), Value Proposition Design; every entry is a figure of this run.
    """
    names = _segment_names(best, propositions)
    name = segment if segment in names else names[0]
    held = propositions["book"].get(name, {}) if propositions is not None else {}
    cases = pd.DataFrame() if cases is None or segments is None else cases
    members = pd.DataFrame(columns=["segment"]) if segments is None else segments
    needs = _needs(name, importance, held)
    chosen, offer = _best_of(name, best, offers)
    if chosen is None or offer is None or experiment is None:
        return _behaviour(name, needs, _pains(name, None, cases, members, None), held, propositions)
    read: Experiment = experiment["experiment"]
    rows = needs + (_gains(name, offer, worth, currency) if worth is not None else _bought(held))
    rows += _pains(name, offer, cases, members, worth)
    rows += [_held(a, offer, name, worth, currency) for a in read.features]
    fit = _fit_interval(read, name, offer, seed)
    title = f"{chosen['offer']} at {money(chosen['price'], currency)}"
    numbers = [
        (f"{100 * fit[0]:.0f} %", f"of the value they see in features {_between(fit[1], fit[2])}"),
        (f"{100 * chosen['share']:.0f} %", f"of their choices against competitors and none {_between(chosen['low'], chosen['high'])}"),
    ]  # fmt: skip
    answer = _told(rows, name, title, fit, int(chosen["n"]), worth is not None)
    extra: dict[str, Any] = {**answer.extra, "numbers": numbers, **_spoken(name, propositions)}
    return replace(answer, extra=extra)


def _between(low: float, high: float) -> str:
    return f"({100 * low:.0f} to {100 * high:.0f} %)".replace(" ", "\u00a0")


def _segment_names(best: Answer | None, propositions: Answer | None) -> list[str]:
    """Return the segments that get a canvas; those with the best margin per choice first."""
    first = [] if best is None else best.table["segment"].tolist()
    more = [] if propositions is None else propositions.table["segment"].tolist()
    names = list(dict.fromkeys([*first, *more]))
    need(pd.DataFrame({"segment": names}), "segments with a proposition", "a choice experiment and offers, a survey or order lines with products")  # fmt: skip
    return names


def _best_of(name: str, best: Answer | None, offers: pd.DataFrame | None) -> tuple[pd.Series | None, pd.Series | None]:  # fmt: skip
    if best is None or offers is None or name not in set(best["all"]["segment"]):
        return None, None
    chosen = best["all"].set_index("segment").loc[name]
    return chosen, offers.set_index("offer_id").loc[chosen["offer"]]


def _frame(rows: list[dict[str, Any]], priced: bool) -> pd.DataFrame:
    """Return the entries; a box that would be empty says why."""
    empty = EMPTY if priced else EMPTY | {"gains": NOT_MORE}
    said = {row["box"] for row in rows}
    rows = rows + [_entry(box, why) for box, why in empty.items() if box not in said]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["met"] = table["met"].astype("boolean")
    return table


def _spoken(name: str, propositions: Answer | None) -> dict[str, Any]:
    """The statement and the competitor of a segment, in the words of its clauses that hold."""
    if propositions is None:
        return {"statement": "", "against": ""}
    said = propositions.table.set_index("segment")["proposition"].get(name, "")
    own = propositions["clauses"]
    own = own[(own["segment"] == name) & (own["status"] == "supported")].set_index("clause")
    rival = own["text"].get("unlike", "")
    lead = ""
    if "we" in own.index:
        low, high = (format_value(own.loc["we", end], "points") for end in ("low", "high"))
        lead = f"; we {own.loc['we', 'text']} (interval {low} to {high} points)"
    open_ = "No competitor is surely the strongest"
    if (
        not rival
        and (
            propositions["clauses"]["evidence_id"][propositions["clauses"]["clause"] == "unlike"]
            == ""
        ).all()
    ):
        open_ = "Competitors were not rated"
    against = f"Against {rival}{lead}" if rival else open_ + lead
    return {"statement": said, "against": against}


def _behaviour(
    name: str, needs: list[dict[str, Any]], pains: list[dict[str, Any]], held: dict[str, Evidence], propositions: Answer | None,
) -> Answer:  # fmt: skip
    """The canvas of a segment that chose among no offers: what it says, buys and suffers."""
    ranges = [item for item in held.values() if item.kind == "range" and item.holds]
    ranges = sorted(ranges, key=lambda item: (-item.value, item.id))[:5]
    offer = [_entry("offer", item.row["group"], f"bought by {100 * item.row['share']:.0f} %") for item in ranges]  # fmt: skip
    gains = _bought(held)
    rows = [*needs, *gains, *pains, *offer]
    if not rows or propositions is None:
        raise NotEnough(f"{name}: neither choices, ratings, products bought nor service cases", "order lines with products or a survey")  # fmt: skip
    own = propositions.table.set_index("segment").loc[name]
    return Answer(
        table=_frame(rows, priced=False),
        headline=f"{name}: {own['supported']} of 6 claims hold without a test of offers",
        so_what=(
            (f"They buy more than others: {join([g['text'] for g in gains])}. " if gains else "They buy nothing surely more often than others. ")
            + (f"They call {needs[0]['text']} most important. " if needs else "")
            + "Which offer they would choose, and what they would pay for it, needs a choice experiment."
        ),
        kind="descriptive",
        caption=f"{name}: what they say, buy and report; no choices among offers were asked",
        source="orders, survey and service cases, as far as delivered",
        extra={"segment": name, "offer": "What they buy from us", "fit": None, "numbers": [], "titles": TITLES | {"gains": BOUGHT}}
        | _spoken(name, propositions),
    )  # fmt: skip


def _told(
    rows: list[dict[str, Any]], name: str, offer: str, fit: tuple[float, float, float], n: int, priced: bool,
) -> Answer:  # fmt: skip
    table = _frame(rows, priced)
    asked = table[table["met"].notna() & table["box"].isin(["gains", "pains"])]
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
        extra={"segment": name, "offer": f"Our offer: {offer}", "fit": fit[0], "titles": TITLES if priced else TITLES | {"gains": BOUGHT}},
    )  # fmt: skip


@answers
def proposition_canvases(
    propositions: Answer, experiment: Answer | None = None, worth: Answer | None = None, best: Answer | None = None,
    offers: pd.DataFrame | None = None, cases: pd.DataFrame | None = None, segments: pd.DataFrame | None = None,
    importance: Answer | None = None, currency: str = "", seed: int = 1,
) -> Answer:  # fmt: skip
    """Return the canvases of all segments, one slide each.

    Parameters
    ----------
    propositions, experiment, worth, best, offers, cases, segments, importance, currency, seed
        As for `proposition_canvas`.

    Returns
    -------
    Answer
        ``segment``, ``offer``, ``fit``, ``answered``, ``open`` (gains and pains), best fit first; without
        choices ``segment``, ``buys_more``. ``extra["canvases"]``: the canvas of each segment by name.
    """
    made = {}
    for name in propositions.table["segment"]:
        canvas = proposition_canvas(experiment, worth, best, offers, cases, segments, importance, name, currency, seed, propositions)  # fmt: skip
        if isinstance(canvas, Answer):
            made[name] = canvas
    need(pd.DataFrame({"segment": list(made)}), "segments with anything to show", "order lines with products or a survey")  # fmt: skip
    rows = []
    for name, canvas in made.items():
        asked = canvas.table[canvas.table["met"].notna() & canvas.table["box"].isin(["gains", "pains"])]  # fmt: skip
        rows.append({"segment": name, "offer": canvas["offer"].removeprefix("Our offer: "), "fit": canvas["fit"],
                     "answered": int(asked["met"].sum()), "open": int((~asked["met"].astype(bool)).sum()),
                     "buys_more": join(canvas.table.loc[canvas.table["box"] == "gains", "text"])})  # fmt: skip
    table = pd.DataFrame(rows).astype({"fit": float}).sort_values(["fit", "segment"], ascending=[False, True])  # fmt: skip
    known = table.dropna(subset=["fit"])
    hidden = ["buys_more"] if len(known) else ["fit", "answered", "open", "offer"]
    return Answer(
        table=table.drop(columns=hidden).reset_index(drop=True),
        headline=(
            f"Offers reach {100 * known['fit'].min():.0f} to {100 * known['fit'].max():.0f} % of what segments value in features"
            if len(known) else f"{plural(len(table), 'segment')}: what each says, buys and suffers"
        ),
        so_what=(
            (f"The largest gap is that of {known.iloc[-1]['segment']}. " if len(known) else "")
            + (f"{int(table['answered'].sum()):,} gains and pains are answered and {int(table['open'].sum()):,} are open over all segments. "
               if len(known) else "Without choices among offers no canvas can say what an offer answers. ")
            + "Each canvas is one slide, to be handed out."
        ),
        kind="diagnostic",
        caption="Best offer of each segment against what it would pay for and what goes wrong for it" if len(known)
        else "What each segment surely buys more often than the others",
        units={"fit": "%", "answered": "count", "open": "count"},
        source="choice experiment, survey, service cases, orders",
        extra={"canvases": made},
    )  # fmt: skip


@answers
def canvas_of(canvases: Answer, segment: str = "") -> Answer:
    """Return the canvas of one segment; the best fitting one when the name is empty or unknown."""
    made: dict[str, Answer] = canvases["canvases"]
    return made.get(segment) or made[str(canvases.table["segment"].iloc[0])]
