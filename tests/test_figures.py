"""Figures: one style, any script, the same bytes; a missing answer draws nothing."""

from __future__ import annotations

import pandas as pd
import pytest

from playbook import figures
from playbook.answer import Answer, Missing
from playbook.display import Sentence, Shown
from playbook.figures.core import clean

HOSTILE = [
    "<script>alert(1)</script>",
    "$x^2$ 100 $",
    "客户 很好",
    "a\u202eb\u200bc",
    "Ünïcödé – “quoted”",
    "x" * 200,
    "=cmd()",
    "\x00\n",
]


def _answer(names: list[str]) -> Answer:
    table = pd.DataFrame({"name": names, "share": [(i + 1) / 10 for i in range(len(names))]})
    table["low"], table["high"] = table.share * 0.9, table.share * 1.1
    return Answer(
        table,
        "The finding " * 12,
        "Do it.",
        "descriptive",
        "What is shown " * 12,
        {"share": "%"},
        "orders",
    )


@pytest.mark.parametrize("draw", [
    lambda a: figures.bars(a, x="share", y="name"),
    lambda a: figures.columns(a, x="name", y="share"),
    lambda a: figures.dots(a, x="share", y="name", low="low", high="high"),
    lambda a: figures.heat(a.__class__(**{**a.__dict__, "table": a.table.assign(column="c")}), x="column", y="name", value="share"),
    lambda a: figures.scatter(a, x="share", y="low", label="name", size="high"),
    lambda a: figures.stacked(a, y="name", parts=["share", "low"]),
    lambda a: figures.waterfall(a, y="name", x="share", start=1.0, start_name="before", end_name="after"),
])  # fmt: skip
def test_hostile_and_foreign_names_are_drawn_without_a_warning(draw) -> None:
    picture = draw(_answer(HOSTILE))
    assert picture.png() == draw(_answer(HOSTILE)).png()
    assert repr(picture).startswith("Figure: The finding")


def test_lines_over_time_are_drawn() -> None:
    table = pd.DataFrame(
        {
            "month": pd.date_range("2025-01-01", periods=6, freq="MS").tolist() * 2,
            "group": ["a"] * 6 + ["b"] * 6,
            "value": range(12),
        }
    )
    answer = Answer(table, "Up", "Go.", "descriptive", units={"value": "currency"})
    assert figures.lines(answer, x="month", y="value", group="group", target=5.0).png()


def test_a_missing_answer_draws_nothing_and_says_what_to_ask_for() -> None:
    picture = figures.bars(Missing("no reviews", "the review export"), x="a", y="b")
    assert picture._repr_png_() is None
    assert "review export" in repr(picture)


def test_direction_and_invisible_signs_are_taken_out() -> None:
    assert clean("a\u202eb\u200bc\x00") == "abc"


def test_tables_and_sentences_escape_client_text() -> None:
    answer = _answer(HOSTILE)
    html = Shown(answer, "EUR")._repr_html_() + Sentence(answer)._repr_html_()
    assert "<script" not in html and "&lt;script&gt;" in html
    assert "10.0 %" in repr(Shown(answer, "EUR"))
