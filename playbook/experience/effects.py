"""What goes with an incident in the year after, in ordering again and spending, at equal buying (E7).

Unit is the *occasion*: a customer's first order of a calendar month. Incidents count in the 30 days after
it, the outcome in the 365 days after those. Heavy buyers have more occasions but no more incidents on each,
so they do not blur the comparison; and as nobody has to come back to meet an incident of an order already
made, customers who stay have no longer to meet one than those who leave (no immortal time). Controls are
known before the order, or say which touchpoint was met: on-time deliveries are what late ones are compared with.
Pains met while shopping (an abandoned basket) are left out: who meets one is still active, whatever it does.

References
----------
Angrist, J. D. & Pischke, J.-S. (2009). Mostly Harmless Econometrics, ch. 3 (bad controls) and 8 (clusters).
Efron, B. & Morris, C. (1975). Data analysis using Stein's estimator. JASA 70.
Gelman, A. (2006). Prior distributions for variance parameters in hierarchical models. Bayesian Analysis 1.
Suissa, S. (2008). Immortal time bias in pharmacoepidemiology. American Journal of Epidemiology 167.
van Houwelingen, H. C. (2007). Dynamic prediction by landmarking. Scandinavian Journal of Statistics 34.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import statsmodels.api as sm

from playbook.answer import Answer, answers, format_value, need
from playbook.errors import NotEnough
from playbook.experience.common import per_cent, varies
from playbook.experience.incidents import OPINIONS, counted
from playbook.stats import false_discovery

__all__ = [
    "DAYS",
    "NextYear",
    "adjusted",
    "by_kind",
    "capped",
    "expected",
    "incident_effects",
    "independent",
    "kinds_of",
    "known_before",
    "next_year",
    "some_customers",
    "with_incidents",
]

ORDERS = "table orders over at least two years and table interactions with outcomes"
DAYS = 30
"""Days after an order in which incidents count."""
FEWEST_HIT = 20
"""Occasions with the pain that an adjusted difference needs."""
SAME = 0.60
"""Two pains are one kind of incident when this share of the rarer comes with the other."""
TOP = 0.99
"""Spend beyond this quantile counts as the quantile (winsorised)."""
LARGEST = 400_000
"""Occasions that one model takes; of more, every so many a customer (by a hash of the number) stands for all."""
TYPICAL = 0.10
"""How far effects typically lie from zero, before data: the scale of the half-normal spread (share ordering again)."""
COLLINEAR = 1e8
"""Largest condition number of the correlations of the columns."""


def known_before(rows: pd.DataFrame) -> pd.DataFrame:
    """Return controls that no incident can change: what was known of the customer before."""
    days = rows["days_since_order"].astype(float)
    numbers = {
        "orders_before": np.log1p(rows["orders_before"].astype(float)),
        "revenue_before": np.log1p(rows["revenue_before"].astype(float).clip(lower=0)),
        "spend_before": capped(rows["revenue_before"]),
        "no_order_before": days.isna().astype(float),
        "days_since_order": np.log1p(days.fillna(0).clip(lower=0)),
        "tenure": np.log1p(rows["tenure_days"].astype(float).fillna(0).clip(lower=0)),
    }
    for column in ("revenue", "orders_within"):
        if column in rows:
            numbers[column] = np.log1p(rows[column].astype(float).fillna(0).clip(lower=0))
    age = pd.cut(rows["age"].astype(float), [0, 35, 55, 130], labels=["young", "middle", "old"], right=False)  # fmt: skip
    groups = {"age": age.astype("str"), "month": rows["month"].astype("str")} | {
        c: rows[c].astype("str") for c in ("country", "area_type", "channel") if c in rows
    }
    dummies = [_dummies(values, name) for name, values in groups.items()]
    return pd.concat([pd.DataFrame(numbers), *dummies], axis=1)


def capped(spend: pd.Series) -> pd.Series:
    """Winsorised from above (Tukey, 1962): one furnished hotel must not decide what a late parcel costs."""
    spend = spend.astype(float)
    return spend.clip(upper=spend.quantile(TOP))


def _dummies(values: pd.Series, name: str) -> pd.DataFrame:
    """One column a value but the first; values of fewer than 20 rows count as one."""
    values = values.fillna("unknown")
    values = values.where(values.map(values.value_counts()) >= 20, "other")
    return pd.get_dummies(values, prefix=name, dtype=float).iloc[:, 1:]


def _independent(x: pd.DataFrame) -> list[str]:
    """Columns that vary and that the columns before them do not repeat."""
    varying = [c for c in x.columns if varies(x[c])]
    values = x[varying].to_numpy(dtype=float)
    if not varying:
        return []
    alike = np.corrcoef(values, rowvar=False).reshape(len(varying), len(varying))
    kept: list[int] = []
    for place in range(len(varying)):
        part = [*kept, place]
        if np.linalg.cond(alike[np.ix_(part, part)]) < COLLINEAR:
            kept = part
    return [varying[place] for place in kept]


def expected(estimate: pd.Series, covariance: pd.DataFrame) -> pd.Series:
    """Estimates drawn towards no effect, as far as chance explains how far they lie from it.

    The largest of noisy estimates disappoints; what ranks and pays is the expected value. Kinds of incident
    are too few and too unlike to be drawn to a common mean: a harmless one would be given the harm of the
    others. Effects are normal around zero; their spread is half-normal (Gelman, 2006) and integrated out.
    What two kinds that come together cannot tell apart is shared by their covariance.
    """
    variance, axes = np.linalg.eigh(covariance.to_numpy(dtype=float))
    along = estimate.to_numpy(dtype=float) @ axes
    spread = TYPICAL * np.linspace(0.005, 4, 800)[:, None]
    total = spread**2 + np.clip(variance, 0, None)
    chance = -(np.log(total) + along**2 / total).sum(axis=1) / 2 - (spread[:, 0] / TYPICAL) ** 2 / 2
    weight = np.exp(chance - chance.max())
    kept = weight / weight.sum() @ (spread**2 / total)
    return pd.Series(axes @ (kept * along), estimate.index)


@dataclass(frozen=True)
class NextYear:
    """Adjusted differences per incident, one row a term, and their covariance (ordering again)."""

    table: pd.DataFrame
    covariance: pd.DataFrame


def independent(terms: pd.DataFrame, controls: pd.DataFrame) -> pd.DataFrame:
    """Return terms and controls that vary and that the columns before them do not repeat."""
    x = pd.concat([terms.astype(float), controls], axis=1)
    return x[_independent(x)]


def adjusted(
    y: pd.Series, x: pd.DataFrame, terms: Sequence[str], customers: pd.Series
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Linear model of ``y`` on ``x``; errors clustered by customer (Liang & Zeger, 1986).

    Returns
    -------
    tuple
        Estimate, low, high and p_value of the ``terms`` that are in ``x``, and their covariance.
    """
    used = [t for t in terms if t in x]
    groups = pd.factorize(customers, sort=True)[0]
    model = sm.OLS(y.astype(float), sm.add_constant(x, has_constant="add"))
    fit = model.fit(method="qr", cov_type="cluster", cov_kwds={"groups": groups})
    ends = fit.conf_int()
    table = pd.DataFrame({"estimate": fit.params[used], "low": ends.loc[used, 0], "high": ends.loc[used, 1], "p_value": fit.pvalues[used]})  # fmt: skip
    return table, fit.cov_params().loc[used, used]


def with_incidents(
    occasions: pd.DataFrame,
    contacts: pd.DataFrame,
    events: pd.DataFrame,
    places: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return occasions since the first incident known, with a count a pain and the places met.

    Parameters
    ----------
    occasions, contacts
        Queries ``purchase_occasions`` and ``occasion_contacts`` with ``days`` = `DAYS`.
    events, places
        Incidents of `incident_events`, and the place of each touchpoint that ever failed. One column
        ``met <place>`` is 1 for those who met the place in the 30 days, whatever the outcome.
    """
    key = ["customer_id", "ordered_at"]
    since = events["occurred_at"].min() if len(events) else pd.Timestamp.max
    rows = occasions[occasions["ordered_at"] >= since].sort_values(key, ignore_index=True)
    until = rows["ordered_at"].dt.normalize() + pd.Timedelta(days=DAYS + 1)
    rows = rows.assign(row=np.arange(len(rows)), until=until)
    rows = rows.merge(counted(rows, events, "row", "until", DAYS + 1), on="row")
    met = contacts.assign(place="met " + contacts["touchpoint"].map(places or {}).fillna(contacts["touchpoint"]))  # fmt: skip
    wide = met.groupby([*key, "place"]).size().unstack(fill_value=0).clip(upper=1).reset_index()
    rows = rows.merge(wide, how="left", on=key).drop(columns=["row", "until"])
    flags = [c for c in rows if c.startswith("met ")]
    return rows.assign(**{c: rows[c].fillna(0.0) for c in flags})


def kinds_of(panel: pd.DataFrame, pains: Sequence[str]) -> dict[str, str]:
    """Return the kind of incident of each pain: pains that mostly come together are one kind.

    A case that was not solved in time, was slow and came back is one incident under three names; a model
    with all three could not tell which did the harm. The most frequent name stands for the kind.
    """
    hit = {p: (panel[p] > 0).to_numpy() for p in pains if p in panel}
    ranked = sorted(hit, key=lambda p: (-int(hit[p].sum()), p))
    kind: dict[str, str] = {}
    for place, pain in enumerate(ranked):
        n = int(hit[pain].sum())
        over = [q for q in ranked[:place] if n and (hit[pain] & hit[q]).sum() >= SAME * n]
        kind[pain] = kind[over[0]] if over else pain
    return kind


def some_customers(occasions: pd.DataFrame, most: int = LARGEST) -> pd.DataFrame:
    """Return the occasions, or where there are more than ``most`` those of a fixed share of the customers."""
    parts = -(-len(occasions) // most)
    if parts <= 1:
        return occasions
    mark = pd.util.hash_array(occasions["customer_id"].to_numpy(dtype=object))
    return occasions[mark % parts == 0]


def by_kind(panel: pd.DataFrame, kind: Mapping[str, str]) -> pd.DataFrame:
    """Return one column a kind of incident: the most that any of its names counts."""
    names = dict.fromkeys(kind.values())
    return pd.DataFrame({k: panel[[p for p in kind if kind[p] == k]].max(axis=1) for k in names}, index=panel.index)  # fmt: skip


def next_year(panel: pd.DataFrame, pains: Sequence[str]) -> NextYear:
    """Adjusted difference per incident in ordering again and in spend, all kinds in one model.

    Parameters
    ----------
    panel
        Of `with_incidents`, or columns as there.
    pains
        Pains to measure; a kind of incident met on fewer than 20 occasions is left out.
    """
    panel = panel.sort_values(["ordered_at", "customer_id"], ignore_index=True)
    kind = kinds_of(panel, pains)
    terms = by_kind(panel, kind)
    terms = terms[[k for k in terms if (terms[k] > 0).sum() >= FEWEST_HIT]]
    need(panel if len(terms.columns) else panel.head(0), "orders followed for a year, with pain points after some of them", ORDERS, rows=200)  # fmt: skip
    if not varies(panel["orders_after"] > 0):
        raise NotEnough("ordering again: all do within the year, or nobody does, so it tells nothing of incidents", ORDERS)  # fmt: skip
    met = panel[[c for c in panel if c.startswith("met ")]]
    x, who = independent(terms, pd.concat([known_before(panel), met], axis=1)), panel["customer_id"]
    again, covariance = adjusted(panel["orders_after"] > 0, x, list(terms), who)
    spend, _ = adjusted(capped(panel["revenue_after"]), x, list(terms), who)
    need(again, "pain points that the data can tell apart", ORDERS)
    again["q_value"] = false_discovery(again["p_value"])
    again["expected"] = expected(again["estimate"], covariance)
    table = pd.DataFrame({
        "pain": list(kind), "kind": list(kind.values()),
        "met_before": [int((panel[p] > 0).sum()) for p in kind],
    }).join(again.rename(columns={"estimate": "difference", "low": "difference_low", "high": "difference_high"}).drop(columns="p_value"), on="kind")  # fmt: skip
    spend = spend.rename(columns={"estimate": "spend", "low": "spend_low", "high": "spend_high"})
    return NextYear(table.join(spend.drop(columns="p_value"), on="kind"), covariance)


@answers
def incident_effects(
    pains: Answer, occasions: pd.DataFrame, contacts: pd.DataFrame, as_of: date
) -> Answer:
    """Return what each kind of incident goes with in the year after, at equal buying.

    Parameters
    ----------
    pains
        Answer of `customer_incidents`.
    occasions, contacts
        Queries ``purchase_occasions`` and ``occasion_contacts``, with ``days`` = 30.
    as_of
        Last day of the period.

    Returns
    -------
    Answer
        Table: pain, met_before (occasions), difference (share ordering again in the year after, per
        incident) and spend (revenue in that year, zeros counted) with intervals, q_value. Pains that mostly
        come together share one difference. ``answer["by_pain"]`` (with ``expected``, see `expected`), ``answer["covariance"]``, ``answer["base"]``.
    """
    need(occasions, "orders followed for a year", ORDERS, rows=200)
    kept = some_customers(occasions)
    panel = with_incidents(kept, contacts, pains["events"], pains["places"])
    names = [p for p in pains.table["pain"] if p not in OPINIONS and p not in pains["shopping"]]
    found = next_year(panel, names)
    free = panel[(panel[[p for p in names if p in panel]] == 0).all(axis=1)]
    base = float((free["orders_after"] > 0).mean()) if len(free) else float("nan")
    table = found.table.dropna(subset=["difference"]).sort_values(["difference", "met_before", "pain"], ascending=[True, False, True], ignore_index=True)  # fmt: skip
    return _told(table, found, base, panel, as_of, " drawn by a hash" if len(kept) < len(occasions) else "")  # fmt: skip


def _told(
    table: pd.DataFrame,
    found: NextYear,
    base: float,
    panel: pd.DataFrame,
    as_of: date,
    sampled: str,
) -> Answer:
    sure = table[(table["difference_high"] < 0) & (table["q_value"] <= 0.10)]
    if sure.empty:
        headline = "No pain point surely lowers who orders again"
        text = "No interval lies below zero after allowance for the number of pain points looked at. That is no proof of no harm: see how wide the intervals are."
    else:
        first = sure.iloc[0]
        headline = f"{first['pain'].capitalize()}: {-100 * first['difference']:.1f} points fewer order again"
        spend = (
            f"They spend {format_value(-first['spend'], 'currency')} less in that year ({format_value(-first['spend_high'], 'currency')} to {format_value(-first['spend_low'], 'currency')}). "
            if first["spend"] < 0
            else ""
        )
        text = (
            f"{per_cent(base)} order again in the year after an order without a pain point; each incident goes with {-100 * first['difference']:.1f} points fewer "
            f"({-100 * first['difference_high']:.1f} to {-100 * first['difference_low']:.1f}). {spend}"
        ).strip()
    joint = table[table["kind"] != table["pain"]]
    if len(joint):
        text += f" {joint['pain'].iloc[0].capitalize()} mostly comes together with {joint['kind'].iloc[0]}: the two share one difference."
    return Answer(
        table=table[["pain", "met_before", "difference", "difference_low", "difference_high", "spend", "spend_low", "spend_high", "q_value"]],
        headline=headline if len(headline) <= 90 else headline[:89].rstrip() + "…",
        so_what=text.strip(),
        kind="diagnostic",
        caption=f"Difference per incident in the share ordering again and in spend in the year after; {len(panel):,} orders of {panel['customer_id'].nunique():,} customers{sampled} to {as_of:%Y-%m-%d}, 95 % interval",
        units={"met_before": "count", "difference": "%", "difference_low": "%", "difference_high": "%",
               "spend": "currency", "spend_low": "currency", "spend_high": "currency"},
        source=f"orders, interactions, tickets; linear models at equal buying before; incidents in {DAYS} days after an order",
        extra={"by_pain": found.table, "covariance": found.covariance, "base": base},
    )  # fmt: skip
