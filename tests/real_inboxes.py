"""Writes the inboxes of the public data sets as their engagements read them: keys that stand in another file are joined, rows without a key are numbered."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["bank_marketing", "complete_journey"]

MONTHS = {m: i for i, m in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}  # noqa: SIM905


def complete_journey(source: Path, inbox: Path) -> None:
    """Write the inbox of ``data/complete_journey`` from the folder of the data set."""
    inbox.mkdir(parents=True, exist_ok=True)
    for name in ("transactions_sample", "products", "campaign_descriptions"):
        shutil.copy(source / f"{name}.csv.gz", inbox)
    bought = pd.read_csv(source / "transactions_sample.csv.gz", usecols=["household_id"], dtype=str)
    sent = pd.read_csv(source / "campaigns.csv.gz", dtype=str)
    known = pd.read_csv(source / "demographics.csv.gz", dtype=str)
    every = sorted(set(bought["household_id"]) | set(sent["household_id"]) | set(known["household_id"]))  # fmt: skip
    households = pd.DataFrame({"household_id": every}).merge(known, on="household_id", how="left")
    households[["household_id", "household_size", "income"]].to_csv(inbox / "households.csv", index=False)  # fmt: skip
    start = pd.read_csv(source / "campaign_descriptions.csv.gz", dtype=str)
    members = sent.merge(start[["campaign_id", "start_date"]], on="campaign_id")
    members.rename(columns={"start_date": "assigned_at"}).to_csv(inbox / "members.csv", index=False)


def bank_marketing(source: Path, inbox: Path) -> None:
    """Write the inbox of ``data/bank_marketing`` from the folder of the data set."""
    inbox.mkdir(parents=True, exist_ok=True)
    calls = pd.read_csv(source / "bank-additional.csv", sep=";")
    employed = calls["nr.employed"]
    # the quarters of the series: 2008 above 5,170 thousand, 2009 above 5,020, then 2010
    year = np.select([employed > 5170, employed > 5020], [2008, 2009], 2010)
    month = calls["month"].map(MONTHS).astype(str).str.zfill(2)
    calls["client"] = [f"B{i:05d}" for i in range(1, len(calls) + 1)]
    calls["call"] = "C" + calls["client"]
    calls["called_on"] = pd.Series(year).astype(str) + "-" + month + "-01"
    calls["subscribed_on"] = calls["called_on"].where(calls["y"] == "yes")
    calls[["client", "education", "called_on"]].to_csv(inbox / "clients.csv", index=False)
    columns = ["call", "client", "called_on", "contact", "duration", "y", "subscribed_on"]
    calls[columns].to_csv(inbox / "calls.csv", index=False)
    opened = calls.dropna(subset=["subscribed_on"]).assign(deposit=lambda c: "D" + c["client"], deposits=1)  # fmt: skip
    columns = ["deposit", "client", "subscribed_on", "contact", "deposits"]
    opened[columns].to_csv(inbox / "deposits.csv", index=False)
    campaign = pd.DataFrame([("term-deposit", "Term deposit", "2008-05-01")], columns=["campaign", "name", "started_at"])  # fmt: skip
    campaign.to_csv(inbox / "campaigns.csv", index=False)
