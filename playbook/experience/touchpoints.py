"""Every touchpoint with reach, satisfaction, effort and cost, and what journeys owe to it (E2)."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.experience.common import (
    FEWEST,
    INTERACTIONS,
    in_period,
    joined,
    per_cent,
    year_to,
)
from playbook.stats import mean_interval

__all__ = ["failure_shares", "removal_effects", "touchpoint_scores", "touchpoint_table"]

UNKNOWN = "unknown"
"""Stands for contacts that name no touchpoint."""

START, ORDER, LOST = "(start)", "(order)", "(no order)"


def touchpoint_scores(scores: pd.DataFrame, kind: str, as_of: date) -> pd.DataFrame:
    """Return mean score and interval by touchpoint: ``touchpoint``, ``score``, ``low``, ``high``, ``n``.

    Scores are rescaled to 1 to 5 (csat) or 1 to 7 (ces); each customer counts once, with the mean of
    their answers of the period. Touchpoints with fewer than five customers are left out.
    """
    top = {"csat": 5.0, "ces": 7.0}[kind]
    part = scores[(scores["kind"] == kind) & in_period(scores["answered_at"], as_of)]
    who = part["customer_id"].fillna(part["response_id"])
    means = (1 + (top - 1) * part["score"]).groupby([part["touchpoint"], who]).mean()
    rows = []
    for touchpoint, values in means.groupby(level=0):
        if len(values) >= FEWEST:
            i = mean_interval(values)
            rows.append((touchpoint, i.value, max(i.low, 1.0), min(i.high, top), i.n))
    return pd.DataFrame(rows, columns=["touchpoint", "score", "low", "high", "n"]).astype({"touchpoint": "str"})  # fmt: skip


def failure_shares(
    outcomes: pd.DataFrame, failures: str, by: tuple[str, ...] = ("touchpoint",)
) -> pd.DataFrame:
    """Return contacts, failed contacts and their share by touchpoint (or touchpoint and channel).

    ``failures`` names the outcomes that count as failures, between commas.
    """
    bad = {name.strip() for name in failures.split(",")}
    known = outcomes[outcomes["outcome"].notna()]
    known = known.assign(failed=known["contacts"].where(known["outcome"].isin(bad), 0))
    table = known.groupby(list(by), as_index=False)[["contacts", "failed"]].sum()
    return table.assign(failure_share=table["failed"] / table["contacts"])


@answers
def touchpoint_table(
    contacts: pd.DataFrame,
    scores: pd.DataFrame,
    outcomes: pd.DataFrame,
    as_of: date,
    failures: str = "late,not solved,abandoned",
) -> Answer:
    """Return the inventory of touchpoints.

    Parameters
    ----------
    contacts
        Query ``touchpoint_contacts``.
    scores
        Query ``touchpoint_answers``.
    outcomes
        Query ``contact_outcomes``.
    as_of
        Last day of the period.
    failures
        Outcomes that count as a failure, between commas, in the client's words.
    """
    need(contacts, "contacts with touchpoints", INTERACTIONS)
    table = contacts.copy()
    for kind in ("csat", "ces"):
        found = touchpoint_scores(scores, kind, as_of).rename(
            columns={"score": kind, "low": f"{kind}_low", "high": f"{kind}_high", "n": f"{kind}_n"}
        )
        table = table.merge(found, how="left", on="touchpoint")
    failed = failure_shares(outcomes, failures)
    table = table.merge(failed[failed["contacts"] >= FEWEST][["touchpoint", "failed", "failure_share"]], how="left", on="touchpoint")  # fmt: skip
    table["reach_share"] = table["reach"] / table["persons"]
    table["unit_cost"] = table["cost"] / table["volume"]
    followed = table["followable"].where(table["followable"] >= FEWEST)
    table["repeat_7d"] = table["to_service"] / followed
    is_service = (
        2 * table["service_contacts"] > table["volume"]
    )  # elsewhere nothing can be switched from
    table["switch_7d"] = (table["to_other_service"] / followed).where(is_service)
    table = table.sort_values(
        ["csat", "volume", "touchpoint"], ascending=[True, False, True], ignore_index=True
    )
    return _told(table, _remarks(table, scores, as_of), as_of)


def _remarks(table: pd.DataFrame, scores: pd.DataFrame, as_of: date) -> str:
    """What a reader must know of rows that are thin, unnamed or named twice."""
    recent = scores[in_period(scores["answered_at"], as_of)]
    who = recent["customer_id"].fillna(recent["response_id"])
    raters = who.groupby([recent["touchpoint"], recent["kind"]]).nunique()
    few = sorted(set(raters[raters < FEWEST].index.get_level_values(0)))
    absent = sorted(set(recent["touchpoint"]) - set(table["touchpoint"]))
    twice = sorted(table.loc[table["stages"] > 1, "touchpoint"])
    unnamed = table.loc[table["touchpoint"] == UNKNOWN, "volume"]
    parts = [
        f"fewer than {FEWEST} people answered on {joined(few)}: not shown" if few else "",
        f"asked about without any contact: {joined(absent)}" if absent else "",
        f"under several stages, counted under the most frequent: {joined(twice)}" if twice else "",
        f"{unnamed.iloc[0]:,} contacts name no touchpoint: row {UNKNOWN}" if len(unnamed) else "",
    ]
    return "".join(f"; {part}" for part in parts if part)


SHOWN = (
    "touchpoint stage volume reach reach_share csat csat_low csat_high ces failure_share repeat_7d switch_7d "
    "cost unit_cost"
)


def _told(table: pd.DataFrame, remarks: str, as_of: date) -> Answer:
    shown = table[SHOWN.split()]
    rated = table[table["csat"].notna() & (table["touchpoint"] != UNKNOWN)]
    dear = table.loc[table["cost"].fillna(0).idxmax()]
    if dear["cost"] > 0:
        spent = f"{_capital(dear['touchpoint'])} costs most ({format_value(dear['cost'], 'currency')} in the year, {format_value(dear['unit_cost'], 'currency')} a contact)"
    else:
        spent = "What a contact costs is not known: ask for it, since cheap and dear touchpoints look alike here"
    if rated.empty:
        headline = f"{len(shown)} touchpoints, none of them rated by customers"
        text = f"{spent}. Add one question on satisfaction per touchpoint to the next survey."
        metrics: tuple[Metric, ...] = ()
    else:
        worst, best = rated.iloc[0], rated.iloc[-1]
        headline = f"{_capital(worst['touchpoint'])} is rated lowest ({worst['csat']:.1f} of 5), {best['touchpoint']} highest ({best['csat']:.1f})"
        unrated = table[table["csat"].isna() & (table["stage"] != "awareness")]["touchpoint"]
        ask = f" Nobody is asked about {len(unrated)} touchpoints after awareness, {unrated.iloc[0]} first: add them to the next survey." if len(unrated) else ""  # fmt: skip
        text = (
            f"{_capital(worst['touchpoint'])} reaches {worst['reach']:,} people a year ({per_cent(worst['reach_share'])} of all) and {worst['csat_n']:.0f} rated it "
            f"{worst['csat_low']:.1f} to {worst['csat_high']:.1f} (95 % interval); look there first. {spent}.{_elsewhere(table)}{ask}"
        )
        metrics = (Metric("lowest_touchpoint_csat", float(worst["csat"]), float(worst["csat_low"]), float(worst["csat_high"]), int(worst["csat_n"]), "points"),)  # fmt: skip
    return Answer(
        table=shown,
        headline=headline,
        so_what=text,
        kind="descriptive",
        caption=f"Contacts, people reached and their share of all people met, satisfaction (1 to 5), effort (7 is easiest), failed contacts, service contact within 7 days "
        f"and by another channel, cost; {year_to(as_of)}{remarks}",
        units={"volume": "count", "reach": "count", "csat": "points", "ces": "points", "csat_low": "points", "csat_high": "points", "cost": "currency", "unit_cost": "currency",
               **dict.fromkeys(("reach_share", "failure_share", "repeat_7d", "switch_7d"), "%")},
        source="interactions, survey answers on touchpoints; one customer counts once per touchpoint",
        metrics=metrics,
        extra={"inventory": table},
    )  # fmt: skip


def _elsewhere(table: pd.DataFrame) -> str:
    """Sentence on the service touchpoint after which most customers turn to another one."""
    known = table.dropna(subset=["switch_7d"])
    known = known[known["switch_7d"] > 0].sort_values(["switch_7d", "touchpoint"], ascending=[False, True])  # fmt: skip
    if known.empty:
        return ""
    most = known.iloc[0]
    return f" {_capital(most['touchpoint'])} is left for another service channel within 7 days most often ({per_cent(most['switch_7d'])})."


def _order_probability(moves: np.ndarray, states: list[str], removed: int | None = None) -> float:
    """Probability of an order from the start, when visits to ``removed`` end the journey."""
    start, order, lost = states.index(START), states.index(ORDER), states.index(LOST)
    open_states = [i for i in range(len(states)) if i not in (order, lost, removed)]
    rows = moves[open_states]
    rates = rows / np.where(rows.sum(axis=1) > 0, rows.sum(axis=1), 1)[:, None]
    within = np.eye(len(open_states)) - rates[:, open_states]
    return float(np.linalg.solve(within, rates[:, order])[open_states.index(start)])


def _removals(moves: np.ndarray, states: list[str], touchpoints: list[str]) -> np.ndarray:
    base = _order_probability(moves, states)
    left = [_order_probability(moves, states, states.index(name)) for name in touchpoints]
    return 1 - np.array(left) / base


@answers
def removal_effects(
    transitions: pd.DataFrame,
    credit: pd.DataFrame,
    as_of: date,
    seed: int,
    follow_days: int = 60,
    draws: int = 200,
) -> Answer:
    """Return the credit of touchpoints for first orders: first touch, last touch and removal effect.

    The removal effect is the share of orders that a first-order Markov chain of the journeys loses
    when every visit to the touchpoint ends the journey.

    Parameters
    ----------
    transitions
        Query ``touch_transitions``: from_touchpoint, to_touchpoint, moves.
    credit
        Query ``touch_credit``: journeys and orders by touchpoint.
    as_of, follow_days
        Last day of the period; days in which an order counts.
    seed, draws
        Of the interval: each row of the chain is drawn anew from its Dirichlet distribution.

    References
    ----------
    Anderl, E., Becker, I., von Wangenheim, F. & Schumann, J. H. (2016). Mapping the customer journey.
    International Journal of Research in Marketing 33, 457-474, eq. 3.
    """
    need(credit[credit["orders"] > 0], "touchpoints on the way to an order", INTERACTIONS, rows=2)
    names = sorted({*transitions["from_touchpoint"], *transitions["to_touchpoint"]} - {START, ORDER, LOST})  # fmt: skip
    states = [START, *names, ORDER, LOST]
    grid = transitions.pivot_table(index="from_touchpoint", columns="to_touchpoint", values="moves", aggfunc="sum")  # fmt: skip
    moves = grid.reindex(index=states, columns=states).fillna(0.0).to_numpy(dtype=float)
    rng = np.random.default_rng(seed)
    drawn = [_removals(np.where(moves > 0, rng.gamma(np.maximum(moves, 1e-9)), 0), states, names) for _ in range(draws)]  # fmt: skip
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    found = pd.DataFrame({"touchpoint": names, "removal_effect": _removals(moves, states, names), "low": low, "high": high})  # fmt: skip
    table = credit.merge(found, on="touchpoint")
    orders = table["orders_first"].sum()
    table["first_touch"] = table["orders_first"] / orders
    table["last_touch"] = table["orders_last"] / table["orders_last"].sum()
    table = table.sort_values(["removal_effect", "touchpoint"], ascending=[False, True], ignore_index=True)  # fmt: skip
    table = table[["touchpoint", "stage", "journeys", "orders", "first_touch", "last_touch", "removal_effect", "low", "high"]]  # fmt: skip
    return _credited(table, float(orders), as_of, follow_days)


def _credited(table: pd.DataFrame, orders: float, as_of: date, follow_days: int) -> Answer:
    opens = table[table["first_touch"] > 0].sort_values(
        ["first_touch", "touchpoint"], ascending=[False, True]
    )
    began = opens.iloc[0]
    gap = (opens["first_touch"] / opens["first_touch"].sum()) - (
        opens["removal_effect"] / opens["removal_effect"].sum()
    )
    under = opens.loc[gap.idxmax()]
    page = table.iloc[0]
    return Answer(
        table=table,
        headline=f"{_capital(began['touchpoint'])} begins {per_cent(began['first_touch'])} of first orders and carries {per_cent(began['removal_effect'])} by removal",
        so_what=f"{_capital(page['touchpoint'])} is on nearly every way ({per_cent(page['removal_effect'])} by removal): it is the road, not the reason. {_capital(under['touchpoint'])} "
        f"looks smallest by removal beside what it begins ({per_cent(under['removal_effect'])} against {per_cent(under['first_touch'])}), because the chain forgets who came from where. Judge what opens "
        "a journey by first touch and cost, what closes it by removal, and switch a touchpoint off in one region before moving its money.",
        kind="diagnostic",
        caption=f"Share of first orders lost when the touchpoint ends the journey (95 % interval of the chain); {orders:,.0f} orders within "
        f"{follow_days} days of a first contact; 12 months of first contacts to {pd.Timestamp(as_of) - pd.Timedelta(days=follow_days):%Y-%m-%d}",
        units={"journeys": "count", "orders": "count", "first_touch": "%", "last_touch": "%", "removal_effect": "%", "low": "%", "high": "%"},
        source="interactions, orders; first-order Markov chain over touchpoints of awareness and consideration",
    )  # fmt: skip


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
