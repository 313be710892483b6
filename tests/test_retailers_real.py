"""Two public retailers: the money is conserved at intake, and what `docs/online-retail.md` quotes is what step 3 gives."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import retailers

pytestmark = pytest.mark.real_data
PAGE = retailers.ROOT / "docs" / "online-retail.md"
HEADING = {"online_retail": "## UCI Online Retail", "complete_journey": "## dunnhumby"}
NEAR = {"customers": 0.02, "% of customers": 0.02, "% of revenue": 0.02}
"""Relative tolerance of a column; 5 % for the others, and half a unit of the last digit shown."""


def quoted(name: str, first: str) -> dict[str, list[str]]:
    """Return first cell to the other cells of the table of this retailer that begins with the column ``first``."""
    text = PAGE.read_text(encoding="utf-8").split(HEADING[name], 1)[1].split("\n## ", 1)[0]
    lines = text[text.index(f"| {first} |") :].split("\n\n", 1)[0].strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return {row[0]: row[1:] for row in [rows[0], *rows[2:]]}


def same(shown: str, value: float | None, near: float) -> bool:
    if shown == "–":
        return bool(pd.isna(value))
    digits = len(shown.split(".")[1]) if "." in shown else 0
    return float(shown.replace(",", "")) == pytest.approx(value, rel=near, abs=0.6 * 10**-digits)


@pytest.fixture(scope="module", params=list(HEADING))
def taken_in(request, real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, retailers.intake(request.param, real_data, folder)


def test_every_line_and_penny_is_accounted_for(taken_in: tuple) -> None:
    name, _, intake = taken_in
    totals = intake.ledger.groupby("table")[
        ["rows_in", "kept", "quarantined", "merged", "money_in", "money_kept"]
    ].sum()
    lines = totals.loc["order_lines"]
    assert lines[["kept", "quarantined", "merged"]].sum() == lines["rows_in"]
    if name == "online_retail":
        assert lines["rows_in"] == 541_909
        assert round(lines["money_in"], 2) == 9_747_747.93
        assert round(totals.loc["orders", "money_kept"], 2) == 9_747_747.93
        assert totals.loc["customers", "kept"] == 4_372


def test_the_page_quotes_what_the_third_step_finds(taken_in: tuple) -> None:
    name, folder, _ = taken_in
    found = retailers.third_step(name, folder / "tables")
    page = quoted(name, "segment")
    assert page.pop("segment") == retailers.COLUMNS[1:]
    table = found.segments.set_index("segment")
    assert list(page) == list(table.index)
    wrong = [
        f"{segment}, {column}: {shown} is now {table.loc[segment, column]}"
        for segment, cells in page.items()
        for column, shown in zip(retailers.COLUMNS[1:], cells, strict=True)
        if (shown != table.loc[segment, column] if column == "strategy"
            else not same(shown, table.loc[segment, column], NEAR.get(column, 0.05)))
    ]  # fmt: skip
    told = quoted(name, "figure")
    told.pop("figure")
    assert list(told) == list(found.figures)
    wrong += [
        f"{figure}: {cells[0]} is now {found.figures[figure]}"
        for figure, cells in told.items()
        if not same(cells[0], found.figures[figure], 0.05)
    ]
    assert wrong == []
