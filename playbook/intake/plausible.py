"""Checks on staged rows that need more than one cell: scales, refunds, free lines, rows after the data's end."""

from __future__ import annotations

from datetime import date

import duckdb

from playbook.intake.duplicates import columns_of
from playbook.intake.result import Findings
from playbook.tables import TABLES

__all__ = ["check_plausible"]

KEPT = "_problem is null and not _merged"


def check_plausible(
    db: duckdb.DuckDBPyConnection, staged: list[str], until: date | None, findings: Findings
) -> None:
    """Quarantine answers off their scale; note rows of the future, refunds above purchases, free lines."""
    if {"survey_questions", "survey_answers"} <= set(staged):
        _check_scales(db)
    for name in staged:
        known_at = TABLES[name].known_at
        if until and known_at and known_at in columns_of(db, name):
            limit = str(until.year) if known_at == "year" else f"date '{until}' + 1"
            sign = ">" if known_at == "year" else ">="
            _note(db, findings, name, f"{known_at} {sign} {limit}",
                  f"{known_at} lies after the end of the data ({until}); the rows are kept and not yet seen",
                  "check the dates, or set data_until in engagement.yml")  # fmt: skip
    if "orders" in staged and {"revenue", "customer_id"} <= set(columns_of(db, "orders")):
        _note(db, findings, "orders", f"customer_id in (select customer_id from all_orders where {KEPT} "
              "and customer_id is not null group by customer_id having sum(revenue) < 0)",
              "belong to customers who were refunded more than they bought; the rows are kept",
              "check whether purchases before the first day delivered are missing")  # fmt: skip
        if "discount" in columns_of(db, "orders"):
            _note(db, findings, "orders", "revenue = 0 and discount > 0", "are discounted by 100%; the rows are kept", "check whether they are gifts or samples")  # fmt: skip
    if "order_lines" in staged:
        _note(db, findings, "order_lines", "unit_price = 0", "have a price of zero; the rows are kept", "check whether they are gifts, samples or corrections")  # fmt: skip
        _note(db, findings, "order_lines", "unit_price < 0", "have a negative price; the rows are kept", "check whether they are corrections; returns have a negative quantity")  # fmt: skip


def _note(
    db: duckdb.DuckDBPyConnection, findings: Findings, table: str, where: str, what: str, mend: str
) -> None:
    rows = db.execute(
        f"select _file, count(*), min(_row) from all_{table} where {KEPT} and {where} group by _file order by _file"
    ).fetchall()
    for file, count, row in rows:
        findings.add(what, mend, "note", table, file, row, count)


def _check_scales(db: duckdb.DuckDBPyConnection) -> None:
    """Mark answers outside the scale that their question declares."""
    if not {"scale_min", "scale_max"} <= set(columns_of(db, "survey_questions")) or "value" not in columns_of(db, "survey_answers"):  # fmt: skip
        return
    db.execute(
        "update all_survey_answers as a set _problem = 'value ' || printf('%g', a.value) || ' lies outside the question''s scale ' || "
        "coalesce(printf('%g', q.scale_min), '…') || ' to ' || coalesce(printf('%g', q.scale_max), '…') "
        f"from (select survey, question_id, scale_min, scale_max from all_survey_questions where {KEPT}) q "
        "where a._problem is null and not a._merged and a.survey = q.survey and a.question_id = q.question_id "
        "and (a.value < q.scale_min or a.value > q.scale_max)"
    )
