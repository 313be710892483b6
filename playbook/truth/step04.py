"""Step 4: are the planted tastes found, and are look-alikes told apart by what they need?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans

from playbook import proposition
from playbook.proposition import benefits
from playbook.proposition.benefits import part_worths
from playbook.proposition.experiment import SegmentModel
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import Progress
from playbook.truth.segment_benchmark import segment_chances
from playbook.truth.sight import given
from playbook.truth.study import Study

FEW_ANSWERS = (
    "some 70 respondents tell the taste of a segment with an error that the benchmark, which knows the tastes, is "
    "spared: on 5 development worlds the benchmark's segments in place of ours come 62 to 64 % of the way, and one taste for each respondent from the answers of all "
    "years 68 to 73 %; means by segment of the tastes of single respondents 68 and 70 % on 8 such worlds"
)
SAME_TASTE = "this world has one taste for all"
PAIR = ("Style seekers", "Convenience urbanites")
EUR = 100.0
"""Price counts per 100 EUR, about the range that was asked."""


def _planted(study: Study) -> pd.DataFrame:
    """Return the planted part-worths by latent segment (rows) and level against the first (columns)."""
    frame = study.truth["segment_part_worths"].set_index("segment").drop(columns="none: none")
    frame = frame.rename(columns={"price: per EUR": "price"})
    return frame.assign(price=EUR * frame["price"])


def _told(table: pd.DataFrame, like: pd.DataFrame) -> pd.Series:
    """Return one segment's estimates on the planted columns: each level less the attribute's first one."""
    worth = table.set_index(["attribute", "level"])["part_worth"]
    values = {"price": EUR * float(worth.loc["price"].iloc[0])}
    for column in like.columns.drop("price"):
        attribute, level = column.split(": ")
        named = {f"{attribute}: {name}" for name in worth.loc[attribute].index}
        (first,) = named - set(like.columns)
        values[column] = worth[attribute, level] - worth[attribute, first.split(": ")[1]]
    return pd.Series(values)[like.columns]


def _respondents(study: Study) -> pd.DataFrame:
    """Return customer, latent segment and found segment of each respondent the models were fitted on."""
    train = study.sight.experiment["experiment"].train
    people = train.drop_duplicates("respondent_id")[["customer_id", "segment"]].dropna()
    placed = segment_chances(study).index  # with an order, to be told apart
    people = people[people["customer_id"].isin(placed)]
    latent = study.truth["customers"].set_index("customer_id")["segment"]
    return people.assign(latent=people["customer_id"].map(latent)).rename(
        columns={"segment": "found"}
    )


def _estimates(study: Study) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame]:
    """Return ours by found segment, everybody's (naive), and the planted part-worths."""
    planted = _planted(study)
    experiment = study.sight.experiment["experiment"]
    full = given(benefits(study.sight.experiment))["part_worths"]
    ours = pd.DataFrame({name: _told(part, planted) for name, part in full.groupby("segment")}).T
    pooled = part_worths(experiment, SegmentModel("", experiment.everybody, 0))
    return ours, _told(pooled, planted), planted


def _error(guess: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(((guess - truth) ** 2).mean()))


@row(
    "04.part_worths",
    "error (RMSE) of a respondent's part-worths, by segment",
    Progress(higher_is_better=False),
    misses=FEW_ANSWERS,
)
def tastes(study: Study) -> Found | NotHere:
    """Naive: one model for everybody. Bayes: planted part-worths over the chances of each segment."""
    if study.alike:
        return NotHere(SAME_TASTE)
    ours, pooled, planted = _estimates(study)
    people = _respondents(study)
    truth = planted.loc[people["latent"]].to_numpy()
    chances = segment_chances(study).loc[people["customer_id"], planted.index].to_numpy()
    return Found(
        planted=0.0,
        ours=_error(ours.loc[people["found"]].to_numpy(), truth),
        naive=_error(np.tile(pooled.to_numpy(), (len(people), 1)), truth),
        bayes=_error(chances @ planted.to_numpy(), truth),
    )


@row(
    "04.willingness_to_pay",
    "error (RMSE, EUR) of what a feature is worth to a respondent",
    Progress(higher_is_better=False),
    misses=FEW_ANSWERS,
)
def willingness(study: Study) -> Found | NotHere:
    """As for part-worths, in money (Bayes: the chances over planted worths); segments that the playbook refuses count as everybody."""
    if study.alike:
        return NotHere(SAME_TASTE)
    ours, pooled, planted = _estimates(study)
    refused = given(
        proposition.willingness_to_pay(study.sight.experiment, seed=study.sight.engagement.seed)
    )["refused"]
    ours.loc[[name for name in refused if name in ours.index]] = pooled.to_numpy()
    people = _respondents(study)
    truth = _money(planted.loc[people["latent"]])
    chances = segment_chances(study).loc[people["customer_id"], planted.index].to_numpy()
    naive = np.tile(_money(pooled.to_frame().T), (len(people), 1))
    return Found(
        planted=0.0,
        ours=_error(_money(ours.loc[people["found"]]), truth),
        naive=_error(naive, truth),
        bayes=_error(chances @ _money(planted), truth),
    )


def _money(worths: pd.DataFrame) -> np.ndarray:
    features = worths.drop(columns="price")
    return -EUR * features.to_numpy() / worths[["price"]].to_numpy()


@row(
    "04.twins",
    "share of the two look-alike segments put in the right one",
    Progress(),
)
def twins(study: Study) -> Found | NotHere:
    """Each group counts for the twin most of it belongs to. Bayes: the likelier twin. Naive: groups by age, place, household, income."""
    if study.alike:
        return NotHere(SAME_TASTE)
    latent = study.truth["customers"].set_index("customer_id")["segment"]
    latent = latent[latent.isin(PAIR)]
    found = study.sight.solution["segments"].set_index("customer_id")["segment"]
    ids = latent.index.intersection(found[found != "No purchase on record"].index)
    latent = latent.loc[ids]
    chances = segment_chances(study).loc[ids, list(PAIR)]
    groups = found.nunique()
    return Found(
        planted=1.0,
        ours=_right(latent, found.loc[ids]),
        naive=_right(latent, _by_looks(study, groups).loc[ids]),
        bayes=float((chances.idxmax(axis=1) == latent).mean()),
    )


def _right(latent: pd.Series, groups: pd.Series) -> float:
    counts = pd.crosstab(groups.to_numpy(), latent.to_numpy())
    return float(counts.max(axis=1).sum() / counts.to_numpy().sum())


def _by_looks(study: Study, groups: int) -> pd.Series:
    """Return k-means groups on what customers look like."""
    people = study.sight.table("customers").set_index("customer_id")
    born = (pd.Timestamp(study.sight.as_of) - people["birth_date"].astype("datetime64[us]")).dt.days
    looks = pd.DataFrame(
        {
            "age": born / 365.25,
            "household": people["household"].astype(float),
            "income": people["income"].astype(float),
            "urban": (people["area_type"] == "urban").astype(float),
        }
    )
    looks = looks.fillna(looks.median())
    standard = (looks - looks.mean()) / looks.std()
    labels = KMeans(groups, n_init=5, random_state=0).fit_predict(standard)
    return pd.Series(labels, people.index)
