"""Loyalty as attitude (would they recommend us) and as behaviour (do they stay and buy from us)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.contract import NO_PURCHASE
from playbook.segmentation.money import tells_kept
from playbook.stats import mean_interval, net_promoter, wilson

__all__ = ["loyalty_by_segment", "loyalty_cells", "wallet_share"]

SMALL = 5
ACTIVE = 0.5
MAIN_SUPPLIER = 0.5
CELLS = {
    (True, True): "loyal",
    (True, False): "willing, not buying",
    (False, True): "buying, not attached",
    (False, False): "detached",
}


def wallet_share(attitudes: pd.DataFrame) -> pd.Series:
    """Return each respondent's latest share of spending in the category that goes to us (0 to 1)."""
    asked = attitudes[attitudes["kind"] == "wallet"]
    top = asked["scale_max"].where(asked["scale_max"] > 0, 100.0).fillna(100.0).astype(float)
    share = (asked["value"].astype(float) / top).clip(0, 1)
    return share.groupby(asked["customer_id"]).mean()


def _nps(attitudes: pd.DataFrame) -> pd.Series:
    asked = attitudes[attitudes["kind"] == "nps"]
    return asked["value"].astype(float).groupby(asked["customer_id"]).mean().round()


@answers
def loyalty_by_segment(
    segments: pd.DataFrame, customers: pd.DataFrame, values: pd.DataFrame, attitudes: pd.DataFrame
) -> Answer:
    """Return share kept, activity, share of wallet and recommendation of each segment.

    *Kept* is the share of those who bought in the year before who bought again in the last 12 months.

    Parameters
    ----------
    segments, customers
        As in `describe_segments`.
    values
        Result ``customer_value`` (``p_alive``).
    attitudes
        Query ``customer_attitudes``; may be empty.

    Returns
    -------
    Answer
        One row per segment; extra ``kept``: the same where the record has 18 months, else `Missing`.
    """
    joined = need(segments, "customers with a segment", "orders with a customer number").merge(customers, on="customer_id")  # fmt: skip
    joined["p_alive"] = joined["customer_id"].map(values.set_index("customer_id")["p_alive"])
    joined["wallet"] = joined["customer_id"].map(wallet_share(attitudes))
    joined["nps"] = joined["customer_id"].map(_nps(attitudes))
    if not tells_kept(customers):
        joined["orders_before"] = 0
    rows = [_segment_row(str(name), part) for name, part in joined.groupby("segment")]
    table = pd.DataFrame(rows).sort_values(["kept", "p_alive", "segment"], ascending=[False, False, True], na_position="last", ignore_index=True)  # fmt: skip
    before = joined["orders_before"] > 0
    kept = wilson(int((joined["orders_12m"] > 0)[before].sum()), int(before.sum())) if before.any() else None  # fmt: skip
    found = Answer(
        table=table,
        headline=_kept_headline(table, table.iloc[0]),
        so_what=(
            (f"Of those who bought the year before, {format_value(kept.value, '%')} bought again "
             f"({format_value(kept.low, '%')} to {format_value(kept.high, '%')}, n = {kept.n:,}). " if kept else
             "The record is shorter than 18 months, so who was kept is not known. ")
            + _activity(table)
        ),
        kind="descriptive",
        caption="Loyalty by segment: kept = bought in both years (95 % interval), active = probability of still being a customer",
        units={"customers": "count", "kept": "%", "low": "%", "high": "%", "bought_before": "count", "p_alive": "%", "wallet_share": "%", "recommend": "points", "respondents": "count"},
        source="orders, MBG/NBD, survey answers (not weighted; none under 5 respondents)",
        metrics=(
            *((Metric("share_kept", kept.value, kept.low, kept.high, kept.n, "%"),) if kept else ()),
        ),
    )  # fmt: skip
    unknown = Missing("the record is shorter than 18 months", "orders of two years or more")
    return replace(found, extra={"kept": found if kept else unknown})


def _activity(table: pd.DataFrame) -> str:
    known = table[table["segment"] != NO_PURCHASE].dropna(subset=["p_alive"])
    if known.empty or known["p_alive"].max() - known["p_alive"].min() < 0.05:
        return "The record is too short or too even to tell who has left: repeat this when another year is in."
    worst = known.loc[known["p_alive"].idxmin()]
    return (
        f"Least active: {worst['segment']}, {format_value(worst['p_alive'], '%')} likely still customers. "
        "Act before customers are gone, not after."
    )


def _kept_headline(table: pd.DataFrame, best: pd.Series) -> str:
    known = table.dropna(subset=["kept"])
    if known.empty:
        return f"Most likely still buying: {best['segment']} ({format_value(best['p_alive'], '%')})"
    top, low = known.loc[known["kept"].idxmax()], known.loc[known["kept"].idxmin()]
    return f"Kept: {format_value(top['kept'], '%')} of {top['segment']}, {format_value(low['kept'], '%')} of {low['segment']}"


def _segment_row(name: str, part: pd.DataFrame) -> dict[str, object]:
    before = part["orders_before"] > 0
    n = int(before.sum())
    kept = wilson(int((part["orders_12m"] > 0)[before].sum()), n) if n >= SMALL else None
    nps, wallet = part["nps"].dropna(), part["wallet"].dropna()
    return {
        "segment": name,
        "customers": len(part),
        "bought_before": n,
        "kept": kept.value if kept else np.nan,
        "low": kept.low if kept else np.nan,
        "high": kept.high if kept else np.nan,
        "p_alive": float(part["p_alive"].mean()),
        "wallet_share": float(wallet.mean()) if len(wallet) >= SMALL else np.nan,
        "recommend": net_promoter(nps).score if len(nps) >= SMALL else np.nan,
        "respondents": len(nps),
    }


@answers
def loyalty_cells(segments: pd.DataFrame, values: pd.DataFrame, attitudes: pd.DataFrame) -> Answer:
    """Return the share of each segment's respondents in the four cells of attitude and behaviour.

    Attitude is high for promoters (9 or 10). Behaviour is high for those more likely than not still
    active who spend at least half of their wallet with us (where that is known).

    Parameters
    ----------
    segments, values, attitudes
        As in `loyalty_by_segment`.

    References
    ----------
    Dick & Basu (1994), Customer loyalty: toward an integrated conceptual framework, J. of the Academy of
    Marketing Science 22(2).
    """
    nps = need(_nps(attitudes).rename("nps").reset_index(), "answers on recommendation", "a survey with the recommendation question", rows=30)  # fmt: skip
    joined = nps.merge(segments, on="customer_id")
    joined["p_alive"] = joined["customer_id"].map(values.set_index("customer_id")["p_alive"]).fillna(0.0)  # fmt: skip
    joined["wallet"] = joined["customer_id"].map(wallet_share(attitudes)).fillna(MAIN_SUPPLIER)
    joined["high"] = joined["nps"] >= 9
    joined["stays"] = (joined["p_alive"] >= ACTIVE) & (joined["wallet"] >= MAIN_SUPPLIER)
    joined["cell"] = [CELLS[bool(a), bool(b)] for a, b in zip(joined["high"], joined["stays"], strict=True)]  # fmt: skip
    need(joined, "respondents with a segment", "survey answers with a customer number", rows=30)
    counts = joined.groupby("segment").size()
    big = joined[joined["segment"].isin(counts[counts >= SMALL].index)]
    table = pd.crosstab(big["segment"], big["cell"], normalize="index").reindex(columns=list(CELLS.values()), fill_value=0.0)  # fmt: skip
    table.insert(0, "respondents", counts.reindex(table.index))
    table = table.rename_axis(columns=None).reset_index().sort_values(["loyal", "segment"], ascending=[False, True], ignore_index=True)  # fmt: skip
    share = joined["cell"].value_counts(normalize=True).reindex(list(CELLS.values())).fillna(0.0)
    loyal = wilson(int((joined["cell"] == "loyal").sum()), len(joined))
    return Answer(
        table=table,
        headline=f"{format_value(share['loyal'], '%')} of respondents are loyal in word and deed",
        so_what=(
            f"{format_value(share['willing, not buying'], '%')} would recommend us but hardly buy: remove what stands in their way. "
            f"{format_value(share['buying, not attached'], '%')} buy without attachment and leave for a better offer: "
            "mend their experience before selling more."
        ),
        kind="descriptive",
        caption=f"Respondents by attitude (promoter or not) and behaviour (active and half the wallet or more), latest answers (n = {len(joined):,})",
        units={"respondents": "count"} | dict.fromkeys(CELLS.values(), "%"),
        source="survey answers, MBG/NBD; not weighted for non-response",
        metrics=(Metric("loyal_share", loyal.value, loyal.low, loyal.high, loyal.n, "%"),),
        extra={"interval": mean_interval(joined["stays"].astype(float))},
    )  # fmt: skip
