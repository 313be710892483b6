"""The service desk's export: one case a line in JSON, local time with its offset, ids of 19 digits."""

from __future__ import annotations

import json

import pandas as pd

from .delivery import Delivery, local_time
from .writing import write_packed

__all__ = ["write_service"]

FIRST_CASE = 7_340_000_000_000_000_000
"""Ids of cases begin here: more digits than a floating point number holds."""


def write_service(delivery: Delivery) -> None:
    """Write the cases, each with who asked."""
    cases, who = delivery.tables["tickets"], delivery.records("service").set_index("system_id")
    requester = delivery.ids("service", cases["customer_id"], cases["opened_at"])
    people = who.loc[requester]
    since = local_time(people["acquired_at"])
    number = cases["ticket_id"].str.replace(r"\D", "", regex=True).astype("int64")
    times = {c: local_time(cases[c]) for c in ("opened_at", "first_response_at", "resolved_at")}
    rows = pd.DataFrame(
        {
            "id": FIRST_CASE + 130_257 * number,
            "requester": [
                {"id": int(i), "name": n, "email": _some(e), "phone": _some(p), "created_at": at,
                 "address": {"city": c, "postcode": z, "street": _some(s), "country": land}}
                for i, n, e, p, at, c, z, s, land in zip(
                    requester, people["name"], people["email"], people["phone"], since, people["city"],
                    people["postcode"], people["street"], people["country"], strict=True,
                )
            ],
            "created_at": times["opened_at"],
            "first_reply_at": times["first_response_at"],
            "solved_at": times["resolved_at"],
            "via": cases["channel"],
            "topic": cases["topic"],
            "priority": cases["priority"],
            "reopened": cases["reopened"].astype(object),
            "satisfaction": [{"score": _some(score)} for score in cases["csat"]],
        }
    ).astype(object)  # fmt: skip
    found = rows.where(rows.notna(), None).to_dict("records")
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
    write_packed(delivery.folder / "tickets.jsonl.gz", text.encode())
    delivery.plant("requester told again", "tickets.jsonl.gz", len(rows) - requester.nunique())


def _some(value: object) -> object:
    return None if pd.isna(value) else value
