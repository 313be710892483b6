"""The canvas of a segment fits one slide whatever its words are, and all of them reach the report."""

from __future__ import annotations

import base64
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from playbook import figures
from playbook.answer import Answer, Missing
from playbook.engagement import Folder
from playbook.figures.value_canvas import SMALLEST
from playbook.report.page import render
from playbook.report.slides import SLIDES, read_slides
from playbook.run import Run

TITLES = {"needs": "What they call important", "gains": "What they would pay for", "pains": "What goes wrong"}  # fmt: skip


def _canvas(
    name: str, needs: int, gains: int, pains: int, held: int, words: str = "free assembly at home", numbers: int = 2,
) -> Answer:  # fmt: skip
    rows = [
        {"box": box, "text": f"{words} {i}", "figure": "24 cases per 100 customers" if box == "pains" else "worth EUR 1,250",
         "met": None if box == "offer" else i % 2 == 0, "mark": "" if box == "offer" else ("answered", "not answered")[i % 2]}
        for box, count in (("needs", needs), ("gains", gains), ("pains", pains), ("offer", held))
        for i in range(count)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["box", "text", "figure", "met", "mark"])
    table["met"] = table["met"].astype("boolean")
    shares = [("100 %", f"of what {name} choose against competitors (98 to 100 %)"), ("87 %", "of the value")]  # fmt: skip
    return Answer(
        table, f"Offer L2 at EUR 239 reaches 87 % of what {name} value in features", "", "diagnostic",
        f"{name} and the offer: what it answers (n = 71)", {}, "choice experiment, survey, service cases", (),
        {"segment": name, "offer": f"Our offer: {words} at EUR 239", "fit": 0.87, "numbers": shares[:numbers], "titles": TITLES,
         "statement": f"For {name} who want {words}, we give {words}; unlike Nordhus, we are better." * 2,
         "against": f"Against Nordhus; we are rated better on {words}"},
    )  # fmt: skip


def _texts(answer: Answer) -> list[tuple[str, float, Any]]:
    """Return every text of the slide with its size and its place in inches."""
    picture = figures.proposition_canvas(answer)
    figure = picture._figure
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()
    axes = figure.axes[0]
    return [(t.get_text(), t.get_fontsize(), t.get_window_extent(renderer)) for t in axes.texts if t.get_text()]  # fmt: skip


def _assert_readable(answer: Answer) -> None:
    texts = _texts(answer)
    assert min(size for _, size, _ in texts) >= SMALLEST == 11
    for text, _, place in texts:
        assert place.x0 >= 0 and place.x1 <= 1600 and place.y0 >= 0 and place.y1 <= 900, text
    for (one, _, a), (two, _, b) in itertools.combinations(texts, 2):
        wide = min(a.x1, b.x1) - max(a.x0, b.x0)
        high = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert wide <= 1 or high <= 0.3 * min(a.height, b.height), (one, two)


@pytest.mark.parametrize(
    ("name", "counts", "words", "numbers"),
    [
        ("Families", (3, 4, 4, 4), "free assembly at home", 2),
        ("Families", (3, 8, 4, 9), "free assembly at home with a named contact who calls before and after each delivery", 2),
        ("Service-minded buyers of the sales team in the north who order often and in large numbers all the year" * 2, (3, 8, 4, 9), "assembly", 2),
        ("Nothing said", (0, 0, 0, 0), "range", 0),
        ("No pains", (3, 8, 0, 4), "next day delivery", 2),
        ("高端家具买家和他们的家人" * 5, (3, 8, 4, 6), "免费上门安装服务" * 6, 2),
        ("a" * 200, (3, 5, 4, 4), "b" * 200, 2),
        ("US$ buyers $5 & <b>", (1, 1, 1, 1), "$100 off $200", 1),
    ],
)  # fmt: skip
def test_every_slide_is_readable(
    name: str, counts: tuple[int, int, int, int], words: str, numbers: int
) -> None:
    _assert_readable(_canvas(name, *counts, words=words, numbers=numbers))


def test_what_does_not_fit_is_counted_and_not_cut() -> None:
    texts = [text for text, _, _ in _texts(_canvas("Families", 3, 9, 4, 12, "a long wording " * 6))]
    title = next(text for text in texts if text.startswith("What they would pay for"))
    shown, whole = map(int, re.findall(r"\d+", title))
    assert shown < whole == 9 and any(text.startswith("and ") for text in texts)


def test_the_picture_is_sixteen_by_nine_and_the_same_each_time() -> None:
    answer = _canvas("Families", 3, 4, 4, 4)
    first, second = (figures.proposition_canvas(answer).png(120) for _ in range(2))
    assert first == second and int.from_bytes(first[16:20]) == 1600 and int.from_bytes(first[20:24]) == 900  # fmt: skip


def _run(folder: Path) -> Run:
    run = Run.__new__(Run)
    run.folder, run.period = Folder("demo", folder, folder), "2025"
    return run


def test_all_canvases_are_handed_out_and_shown_in_the_report(tmp_path: Path) -> None:
    names = ["Families & <b>friends</b>", "高端家具买家"]
    canvases = Answer(pd.DataFrame({"segment": names}), "", "", "diagnostic", extra={"canvases": {n: _canvas(n, 2, 2, 2, 2) for n in names}})  # fmt: skip
    run = _run(tmp_path)
    assert run.hand_out_pictures("canvases", figures.proposition_canvases(canvases)) == "handouts/canvases: 2 pictures"  # fmt: skip
    folder = tmp_path / "2025" / "handouts" / "canvases"
    assert [e["name"] for e in json.loads((folder / "index.json").read_text("utf-8"))] == names
    slides = read_slides(folder)
    shared = {"client": "C", "period": "2025", "as_of": "", "currency": "EUR", "steps": [], "here": ""}  # fmt: skip
    page = render(
        "x.html",
        "slides.html",
        "",
        slides=slides,
        series=SLIDES["04"],
        back="04.html",
        title="All",
        **shared,
    )
    assert page.count("<figure>") == 2 and "<b>friends" not in page
    for slide, file in zip(slides, sorted(folder.glob("*.png")), strict=True):
        assert base64.b64encode(file.read_bytes()).decode() in page
        assert f'href="#{slide.anchor}"' in page and f'id="{slide.anchor}"' in page
    run.hand_out_pictures("canvases", Missing("no data"))
    assert read_slides(folder) == [] and not list(folder.glob("*.png"))
