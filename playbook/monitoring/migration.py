"""Who moved between segments? This year's customers under last year's unchanged model.

Glossary
--------
frozen model
    Last year's segments applied to this year's customers without estimating anything anew.
move
    A customer was in one segment last year and is in another now, which is more likely than not given both years
    (`playbook.monitoring.transitions`). Who is only known better now has not moved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.contract import NO_PURCHASE
from playbook.monitoring.transitions import LIKELY, SURE, Moves, latent_moves
from playbook.stats import wilson

__all__ = ["frozen_segments", "migration"]

NEW, GONE = "New this year", "No longer on record"
SMALL = 5


@answers
def frozen_segments(
    assign: Callable[..., pd.DataFrame],
    customers: pd.DataFrame,
    mix: pd.DataFrame,
    model: pd.DataFrame,
    *told: Any,
) -> pd.DataFrame:
    """Return the segment of each customer of this year under last year's model, or what the year tells of it.

    Parameters
    ----------
    assign
        A function of step 3 that applies a saved model: `assign_segments` or `year_evidence`.
    customers, mix
        Queries ``customer_features`` and ``purchase_mix`` of this year.
    model
        Result ``segment_model`` of the year before.
    told
        What else it takes: queries ``buying_habits`` and ``customer_attitudes`` of this year, and for the evidence of
        the year the day after which it begins.

    Returns
    -------
    pandas.DataFrame
        What the function returns.
    """
    need(model, "centres of last year's segments", "a run of the year before")
    need(customers, "customers", "customers and orders", rows=20)
    return assign(customers, mix, model, *told)


@answers
def migration(
    before: pd.DataFrame, now: pd.DataFrame, memberships: pd.DataFrame | None = None, year: pd.DataFrame | None = None,
    seed: int = 1,
) -> Answer:  # fmt: skip
    """Tell who moved between segments within the year, under the same model.

    With probabilities of both years, moves are those of a latent Markov model (`latent_moves`). Without them (segments of
    the nearest centre) everybody on the other side of a border counts as moved, chance included.

    Parameters
    ----------
    before
        Result ``segments`` of the year before: customer_id, segment.
    now
        The same customers and new ones under last year's model (`frozen_segments`).
    memberships
        Result ``memberships`` of the year before: customer_id, segment, probability.
    year
        What this year alone tells: customer_id, segment, stayed, came (`frozen_segments` with `year_evidence`).
    seed
        Seed of `latent_moves`.

    Returns
    -------
    Answer
        Table: segment, last_year, stayed, low, high (95 %), moved (customers who more likely than not have moved on),
        known_better (customers whose most probable segment is another one now, without a move), most_left_to,
        share_left_to, left_low, left_high (the largest stream beyond chance), joined, now, change. Without probabilities
        there is no moved, known_better, left_low and left_high.
        Extras ``flows``: from_segment, to_segment, customers (the result ``migration``; every customer once);
        ``estimated``: the same flows as the model estimates them, with low and high; ``segments``: customer_id, segment (last
        year's unless moved; first placed by what is known now); ``moved``: customer_id, from_segment, to_segment, probability.
    """
    need(before, "customers with a segment last year", "a run of the year before", rows=20)
    need(now, "customers with a segment now", "orders with a customer number", rows=20)
    known = memberships is not None and year is not None
    told = latent_moves(memberships, year, seed) if known else None
    both = _placed(before, now, told)
    pairs = pd.DataFrame({"from_segment": both["segment_before"].fillna(NEW), "to_segment": both["segment"].fillna(GONE)})  # fmt: skip
    flows = pairs.groupby(["from_segment", "to_segment"]).size().rename("customers").reset_index()
    flows = flows.sort_values(["from_segment", "to_segment"], ignore_index=True)
    estimated = _estimated(flows, both, told)
    table = _table(both, flows, estimated, told is not None)
    headline, metric = _headline(flows, told)
    down, up = table.iloc[0], table.iloc[-1]
    return Answer(
        table=table,
        headline=headline,
        so_what=f"{_net(up)}; {_net(down)}. {_leaving(table)} {_who(flows, both, told)}",
        kind="diagnostic",
        caption=f"Customers by segment last year and now under last year's model (n = {int(flows['customers'].sum()):,}; stayed"
        + (": of those who bought or answered this year" if told else "") + ", 95 % interval)",
        units={"last_year": "count", "stayed": "%", "low": "%", "high": "%", "share_left_to": "%", "left_low": "%", "left_high": "%",
               "moved": "count", "known_better": "count", "joined": "count", "now": "count", "change": "count"},
        source="segments of last year; last year's model applied to this year's figures",
        metrics=(metric,),
        extra={"flows": flows, "estimated": estimated, "segments": both[both["segment"].notna()][["customer_id", "segment"]],
               "moved": _movers(both)},
    )  # fmt: skip


def _table(
    both: pd.DataFrame, flows: pd.DataFrame, estimated: pd.DataFrame, known: bool
) -> pd.DataFrame:
    names = sorted(both["segment_before"].dropna().unique())
    table = pd.DataFrame([_row(str(s), flows, estimated) for s in names])
    if known:
        for place, name in enumerate(("moved", "known_better"), start=5):
            number = (
                table["segment"].map(both.groupby("segment_before")[name].sum()).astype("Int64")
            )
            table.insert(place, name, number.mask(number.between(1, SMALL - 1)))
    else:
        table = table.drop(columns=["left_low", "left_high"])
    return table.sort_values(["change", "segment"], ignore_index=True)


def _placed(before: pd.DataFrame, now: pd.DataFrame, told: Moves | None) -> pd.DataFrame:
    """Return each customer's segment before and now (none: not on record), whether moved, and the probability of a move."""
    both = before[["customer_id", "segment"]].merge(
        now[["customer_id", "segment"]], on="customer_id", how="outer", suffixes=("_before", "_now")
    )
    both = both.sort_values("customer_id", ignore_index=True)
    for column in ("segment_before", "segment_now"):
        both[column] = both[column].astype("str").where(both[column].notna())
    first = both["segment_before"].isna() | (both["segment_before"] == NO_PURCHASE)
    here = both["segment_now"].notna()
    if told is None:
        moved = ~first & here & (both["segment_before"] != both["segment_now"])
        return both.assign(segment=both["segment_now"], moved=moved, probability=np.nan, known_better=False, seen=False)  # fmt: skip
    both = both.merge(told.customers.rename(columns={"moved": "probability"}), on="customer_id", how="left")  # fmt: skip
    seen = both["probability"].notna() & ~first & here
    moved = seen & (both["probability"] > LIKELY) & (both["to_segment"] != both["segment_before"])
    place = both["segment_now"].where(first | ~here, both["segment_before"])
    place = place.where(~moved, both["to_segment"])
    better = ~first & here & ~moved & (both["segment_now"] != both["segment_before"])
    return both.assign(segment=place, moved=moved, known_better=better, seen=seen)


def _estimated(flows: pd.DataFrame, both: pd.DataFrame, told: Moves | None) -> pd.DataFrame:
    """Return the flows as estimated, with their 95 % interval; what is on record (first orders, new customers) is no estimate."""
    found = flows.astype({"customers": float}).assign(low=flows["customers"], high=flows["customers"], share=np.nan, share_low=np.nan, share_high=np.nan)  # fmt: skip
    if told is None:
        return found
    seen = both[both["seen"]].groupby("segment_before").size()
    ways = told.transitions[told.transitions["from_segment"].isin(seen.index)]
    number = ways["from_segment"].map(seen).to_numpy(float)
    rest = both[~both["seen"] | both["segment_before"].isna()]
    still = pd.DataFrame({"from_segment": rest["segment_before"].fillna(NEW), "to_segment": rest["segment"].fillna(GONE)})  # fmt: skip
    still = still.groupby(["from_segment", "to_segment"]).size().rename("customers").reset_index()
    still = still.assign(low=still["customers"], high=still["customers"])
    parts = ways.assign(customers=ways["share"] * number, low=ways["low"] * number, high=ways["high"] * number)  # fmt: skip
    whole = pd.concat([parts.drop(columns="share"), still], ignore_index=True)
    whole = whole.groupby(["from_segment", "to_segment"])[["customers", "low", "high"]].sum()
    shares = told.transitions.rename(columns={"low": "share_low", "high": "share_high"})
    return whole.reset_index().merge(shares, on=["from_segment", "to_segment"], how="left")


def _row(segment: str, flows: pd.DataFrame, estimated: pd.DataFrame) -> dict[str, object]:
    out = flows[flows["from_segment"] == segment]
    size = int(out["customers"].sum())
    now = int(flows.loc[flows["to_segment"] == segment, "customers"].sum())
    same = int(out.loc[out["to_segment"] == segment, "customers"].sum())
    ways = estimated[estimated["from_segment"] == segment]
    ends = wilson(same, size)
    stayed = {"stayed": same / size, "low": ends.low, "high": ends.high}
    for way in ways[(ways["to_segment"] == segment) & ways["share"].notna()].to_dict("records"):
        stayed = {"stayed": way["share"], "low": way["share_low"], "high": way["share_high"]}
    return {"segment": segment, "last_year": size, **stayed, **_largest(segment, ways, size),
            "joined": now - same, "now": now, "change": now - size}  # fmt: skip


def _largest(segment: str, ways: pd.DataFrame, size: int) -> dict[str, object]:
    """Return the largest stream out of a segment: of at least five customers and, where estimated, beyond chance."""
    beyond = ways["share"].isna() | (ways["share_low"] > 0)
    left = ways[(ways["to_segment"] != segment) & (ways["customers"] >= SMALL) & beyond]
    left = left.sort_values(["customers", "to_segment"], ascending=[False, True])
    found: dict[str, object] = {"most_left_to": "–", "share_left_to": np.nan, "left_low": np.nan, "left_high": np.nan}  # fmt: skip
    for most in left.head(1).to_dict("records"):
        share = most["customers"] / size if pd.isna(most["share"]) else most["share"]
        found = {"most_left_to": str(most["to_segment"]), "share_left_to": share, "left_low": most["share_low"],
                 "left_high": most["share_high"]}  # fmt: skip
    return found


def _movers(both: pd.DataFrame) -> pd.DataFrame:
    moved = both[both["moved"]]
    return pd.DataFrame({"customer_id": moved["customer_id"], "from_segment": moved["segment_before"],
                         "to_segment": moved["segment"], "probability": moved["probability"]}).reset_index(drop=True)  # fmt: skip


def _headline(flows: pd.DataFrame, told: Moves | None) -> tuple[str, Metric]:
    if told is not None:
        text = f"{format_value(told.share, '%')} of customers have changed segment ({format_value(told.low, '%')} to {format_value(told.high, '%')})"  # fmt: skip
        return text, Metric("moved_between_segments", told.share, told.low, told.high, len(told.customers), "%", "diagnostic")  # fmt: skip
    known = flows[flows["from_segment"] != NEW]
    stayed = int(known.loc[known["from_segment"] == known["to_segment"], "customers"].sum())
    all_ = int(known["customers"].sum())
    ends = wilson(stayed, all_)
    metric = Metric("stayed_in_segment", stayed / all_, ends.low, ends.high, all_, "%", "diagnostic")  # fmt: skip
    return (
        f"{format_value(stayed / all_, '%')} of customers are in the segment of last year",
        metric,
    )


def _who(flows: pd.DataFrame, both: pd.DataFrame, told: Moves | None) -> str:
    """Say how many moves can be told by name, and which changes of place are none."""
    if told is None:
        return (
            "Last year's model is unchanged, so the borders did not move; without probabilities everybody who crossed one counts, "
            "chance included."
        )
    first = flows[
        (flows["from_segment"] == NO_PURCHASE) & ~flows["to_segment"].isin([NO_PURCHASE, GONE])
    ]
    bought = int(first["customers"].sum())
    said, better = int(both["moved"].sum()), int(both["known_better"].sum())
    sure = int((both["moved"] & (both["probability"] >= SURE)).sum())
    return (
        (f"{bought:,} bought for the first time on record. " if bought >= SMALL else "")
        + (f"{_some(said)} can be said to have moved (more likely than not)" if said else "Nobody can be said to have moved")
        + (f", {_some(sure).lower()} of them for sure (90 %)" if said >= SMALL else "")
        + (f"; {_some(better).lower()} others would be placed elsewhere now, which is better knowledge and no change" if better else "")
        + "."
        + (" Write to those who leave a valuable segment before the year is out." if said >= SMALL else "")
    )  # fmt: skip


def _some(number: int) -> str:
    return f"{number:,}" if number >= SMALL or not number else f"Fewer than {SMALL}"


def _net(row: pd.Series) -> str:
    word = "gained" if row["change"] >= 0 else "lost"
    return f"{row['segment']} {word} {abs(int(row['change'])):,} customers net"


def _leaving(table: pd.DataFrame) -> str:
    left = table.dropna(subset=["share_left_to"])
    if left.empty:
        return (
            "No stream is beyond chance."
            if "moved" in table
            else "No move is larger than four customers."
        )
    worst = left.loc[left["share_left_to"].idxmax()]
    return (
        f"The largest stream: {format_value(worst['share_left_to'], '%')} of {worst['segment']} went to "
        f"{worst['most_left_to']}."
    )
