"""How far a forecast of all orders goes astray on real clients: what the prior of segments' totals rests on.

MBG/NBD is fitted to the first two thirds of a public record (by days) and asked for the orders of the last third, of the
customers seen by then. The error is log(came / told). Purchases of one day are one, refunds and lines without customer
are none. The root mean square over the records is the scale of the prior (`segment_error.PRIOR_SCALE`).

CDNOW comes with the ``lifetimes`` package; Online Retail (UCI) and Complete Journey (dunnhumby) are read from the folder
of the public data sets, and without it only the figure of CDNOW is computed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from playbook.clv import fit_mbg_nbd
from playbook.segmentation.segment_error import PRIOR_SCALE
from playbook.validation import Check
from playbook.validation.clv import cdnow_lines

__all__ = ["complete_journey", "last_third_error", "online_retail", "rows"]

STATED = {"cdnow": 0.02, "complete_journey": 0.03, "online_retail": 0.19}
"""Sizes of the errors as the prior states them, to two digits."""
ROUNDING = 0.005
SOURCE = "playbook.segmentation.segment_error, prior of a year's error (own figure, reproduced)"


def rows(real_data: Path | None = None) -> list[Check]:
    """Return the size of each record's error beside the one stated, and their root mean square beside the prior.

    Parameters
    ----------
    real_data
        Folder with ``complete_journey`` and ``online_retail``; without it their figures and the root mean
        square of all three are left out.
    """
    records = {"cdnow": cdnow_lines()}
    if real_data is not None:
        records["complete_journey"] = complete_journey(real_data / "complete_journey")
        records["online_retail"] = online_retail(real_data / "online_retail")
    errors = {name: last_third_error(lines) for name, lines in records.items()}
    checks = [
        _check(f"{name}.last_third", "log error of all orders in the last third of the record, without sign", STATED[name], abs(error))
        for name, error in errors.items()
    ]  # fmt: skip
    if len(errors) == len(STATED):
        scale = float(np.sqrt(np.mean(np.square(list(errors.values())))))
        checks.append(_check("prior_scale", "root mean square of the three errors", PRIOR_SCALE, scale))  # fmt: skip
    return checks


def last_third_error(lines: pd.DataFrame) -> float:
    """Return log(came / told) of the orders in the last third of a record.

    Parameters
    ----------
    lines
        ``customer_id`` and ``day`` of each purchase or line of one.
    """
    days = lines[["customer_id", "day"]].drop_duplicates()
    opened, ended = days["day"].min(), days["day"].max()
    cut = (opened + (ended - opened) * 2 / 3).normalize()
    seen = days[days["day"] <= cut].groupby("customer_id")["day"].agg(["min", "max", "size"])
    histories = pd.DataFrame(
        {
            "frequency": seen["size"] - 1,
            "recency": (seen["max"] - seen["min"]).dt.days / 7,
            "age": (cut - seen["min"]).dt.days / 7,
        }
    )
    told = fit_mbg_nbd(histories).expected_purchases(histories, (ended - cut).days / 7).sum()
    came = ((days["day"] > cut) & days["customer_id"].isin(seen.index)).sum()
    return float(np.log(came / told))


def online_retail(folder: Path) -> pd.DataFrame:
    """Return the paid lines of Online Retail (UCI) with a customer, without cancellations."""
    columns = ["InvoiceNo", "Quantity", "UnitPrice", "InvoiceDate", "CustomerID"]
    text = {"InvoiceNo": str, "InvoiceDate": str, "CustomerID": str}
    files = sorted(folder.glob("*.csv.gz"))
    lines = pd.concat([pd.read_csv(path, usecols=columns, dtype=text) for path in files])
    paid = (lines["Quantity"] * lines["UnitPrice"] > 0) & ~lines["InvoiceNo"].str.startswith("C")
    return _by_day(lines[paid & lines["CustomerID"].notna()], "CustomerID", "InvoiceDate")


def complete_journey(folder: Path) -> pd.DataFrame:
    """Return the paid lines of the Complete Journey sample (dunnhumby)."""
    columns = ["household_id", "transaction_timestamp", "sales_value"]
    path = folder / "transactions_sample.csv.gz"
    lines = pd.read_csv(path, usecols=columns, dtype={"household_id": str})
    return _by_day(lines[lines["sales_value"] > 0], "household_id", "transaction_timestamp")


def _by_day(lines: pd.DataFrame, customer: str, time: str) -> pd.DataFrame:
    day = pd.to_datetime(lines[time].str[:10], format="%Y-%m-%d")
    return pd.DataFrame({"customer_id": lines[customer], "day": day})


def _check(id_: str, quantity: str, stated: float, ours: float) -> Check:
    return Check(f"forecast_error.{id_}", quantity, stated, ours, ROUNDING, False, SOURCE)
