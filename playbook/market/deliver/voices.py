"""The survey tool's workbook and files, the reviews, the panel, and what employees and focus groups said."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .delivery import Delivery
from .writing import Sheet, as_text, csv_bytes, write_bytes, write_packed, write_workbook

__all__ = ["write_reviews", "write_surveys"]

GENDERS = {"female": "F", "male": "M", "diverse": "X"}
EMOJI = {"de": "👍", "en": "😀", "sv": "🛋️", "zh": "👌"}
DECORATED = 0.15
"""Share of reviews with an emoji, and as many with a line break or quotes."""


def write_surveys(delivery: Delivery) -> None:
    """Write the workbook, the answers, the choice tasks, the panel and what others said."""
    _workbook(delivery)
    tables, folder = delivery.tables, delivery.folder
    for name, at, file in (
        ("survey_answers", "answered_at", "survey_answers.csv.gz"),
        ("choice_tasks", "answered_at", "choice_tasks.csv.gz"),
        ("switching", "moved_at", "switching.csv"),
    ):
        frame = tables[name]
        own = delivery.ids("survey", frame["customer_id"], frame[at])
        if name == "choice_tasks":  # one person fills in all tasks of one interview
            own = delivery.ids("survey", frame["customer_id"])
        content = csv_bytes(as_text(name, frame.assign(customer_id=own)))
        (write_packed if file.endswith(".gz") else write_bytes)(folder / file, content)
    employees = csv_bytes(as_text("employee_survey", tables["employee_survey"]), sep="\t")
    write_bytes(folder / "employee_survey.tsv", b"\xef\xbb\xbf" + employees)
    quotes = as_text("focus_group_quotes", tables["focus_group_quotes"])
    write_bytes(folder / "focus_group_quotes.csv", csv_bytes(quotes))


def _serial(times: pd.Series) -> pd.Series:
    """Return times as a spreadsheet counts them: days since 1899-12-30."""
    return (times - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)


def _workbook(delivery: Delivery) -> None:
    questions, invited = delivery.tables["survey_questions"], delivery.tables["survey_invitations"]
    invitations = pd.DataFrame(
        {
            "Respondent": delivery.ids("survey", invited["customer_id"], invited["invited_at"]),
            "Survey": invited["survey"],
            "Wave": invited["wave"],
            "Invited at": _serial(invited["invited_at"]),
        }
    )
    own = delivery.records("survey")
    people = pd.DataFrame(
        {
            "Respondent": own["system_id"],
            "Name": own["name"],
            "E-mail": own["email"],
            "Date of birth": own["birth_date"].dt.strftime("%Y-%m-%d"),
            "Gender": own["gender"].map(GENDERS),
            "People in household": own["household"].astype("Float64"),
            "Street": own["street"],
            "Postcode": own["postcode"],
            "City": own["city"],
            "Country": own["country"],
            "First contact": _serial(own["acquired_at"]),
        }
    )
    above = ("Larkfield Home customer survey", "Exported 2026-01-05 09:00", "")
    total = ("Total", None, None, float(len(invitations)))
    name = "surveys.xlsx"
    sheets = {
        "Questions": Sheet(questions, above),
        "Invitations": Sheet(invitations, above, total),
        "Respondents": Sheet(people, above, ("Total", f"{len(people)} respondents")),
    }
    write_workbook(delivery.folder / name, sheets)
    delivery.plant("totals row", name, 2)


def write_reviews(delivery: Delivery) -> None:
    """Write the reviews, some with emoji, line breaks and quotes in them."""
    reviews = delivery.tables["reviews"]
    frame = reviews.assign(
        customer_id=delivery.ids("shop", reviews["customer_id"], reviews["created_at"])
    )
    draw = delivery.rng.random(len(frame))
    text = frame["text"].astype(object)
    smile, broken = draw < DECORATED, (draw >= DECORATED) & (draw < 2 * DECORATED)
    quoted = (draw >= 2 * DECORATED) & (draw < 3 * DECORATED)
    text = text.mask(smile, text + " " + frame["language"].map(EMOJI).fillna("🙂"))
    text = text.mask(broken, text.str.replace(r"(?<=[.!?。！]) ?(?=\S)", "\n", n=1, regex=True))
    titled = np.where(quoted, '"' + frame["title"].astype(object) + '"', frame["title"].astype(object))  # fmt: skip
    content = csv_bytes(as_text("reviews", frame.assign(text=text, title=titled)))
    write_bytes(delivery.folder / "reviews.csv", content)
    delivery.plant("emoji in text", "reviews.csv", smile.sum())
    delivery.plant("line break in text", "reviews.csv", text.str.contains("\n").sum())
