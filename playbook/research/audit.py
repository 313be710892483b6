"""Audit of the delivery: completeness, validity, duplicates, timeliness, and gaps in time."""

from __future__ import annotations

import re
from datetime import date

import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need

__all__ = ["audit", "completeness", "continuity", "intake_findings"]

ASK = "the export files with their intake ledger"


@answers
def audit(ledger: pd.DataFrame, coverage: pd.DataFrame, as_of: date) -> Answer:
    """Return for each delivered table whether it is valid, free of repeats, complete and current.

    Parameters
    ----------
    ledger
        One row a table and file: table, rows_in, kept, quarantined, merged.
    coverage
        One row a table and column: table, column, required, rows, filled, latest.
    as_of
        Last day of the period.

    Returns
    -------
    Answer
        Table with ``valid`` (rows not quarantined ÷ rows in), ``repeated`` (exact repeats merged ÷ rows
        in), ``complete`` (filled cells ÷ all cells of the optional columns) and ``days_behind``
        (days from the last row to ``as_of``).
    """
    need(ledger, "rows delivered", ASK)
    sums = ledger.groupby("table", sort=True)[["rows_in", "kept", "quarantined", "merged"]].sum()
    optional = coverage[~coverage["required"].astype(bool)]
    cells = optional.groupby("table")[["rows", "filled"]].sum()
    latest = coverage.groupby("table")["latest"].max()
    table = pd.DataFrame(
        {
            "rows_in": sums["rows_in"],
            "valid": 1 - sums["quarantined"] / sums["rows_in"].clip(lower=1),
            "repeated": sums["merged"] / sums["rows_in"].clip(lower=1),
            "complete": (cells["filled"] / cells["rows"].clip(lower=1)).reindex(sums.index),
            "days_behind": (pd.Timestamp(as_of) - latest.dt.normalize()).dt.days.reindex(
                sums.index
            ),
        }
    )
    table = table.rename_axis("table").reset_index()
    table = table.sort_values(["valid", "complete", "table"], ignore_index=True, na_position="last")
    rows, kept = int(sums["rows_in"].sum()), int(sums["kept"].sum())
    lost, merged = int(sums["quarantined"].sum()), int(sums["merged"].sum())
    valid = 1 - lost / max(rows, 1)
    late = table[table["days_behind"] > 92]
    return Answer(
        table=table,
        headline=f"{format_value(valid, '%')} of {rows:,} delivered rows can be used",
        so_what=f"{kept:,} rows are kept, {lost:,} quarantined with a reason and {merged:,} exact repeats merged; "
        "they add up to all rows delivered. " + _weakest(table, late),
        kind="descriptive",
        caption=f"Delivered tables, weakest first; complete = filled cells of the optional columns, to {as_of}",
        units={
            "rows_in": "count",
            "valid": "%",
            "repeated": "%",
            "complete": "%",
            "days_behind": "days",
        },
        source="intake ledger; tables as known at the end of the period",
        metrics=(
            Metric("rows_usable", valid, n=rows, unit="%"),
            Metric("tables_delivered", len(table), unit="count"),
        ),
    )


def _weakest(table: pd.DataFrame, late: pd.DataFrame) -> str:
    known = table.dropna(subset=["complete"]).sort_values(["complete", "table"])
    said = []
    if len(known):
        first = known.iloc[0]
        said.append(
            f"Least complete is {first['table'].replace('_', ' ')} ({format_value(first['complete'], '%')} of "
            "optional cells filled)"
        )
    if len(late):
        names = ", ".join(sorted(late["table"].str.replace("_", " "))[:3])
        said.append(
            f"the last row of {names} is more than three months old: check whether that is its rhythm "
            "or a late export"
        )
    else:
        said.append(
            "no table with times is more than three months behind, so the picture is current"
        )
    return "; ".join(said) + "."


@answers
def completeness(coverage: pd.DataFrame) -> Answer:
    """Return the optional columns that are filled least, over all delivered tables.

    Parameters
    ----------
    coverage
        As for `audit`.

    Returns
    -------
    Answer
        Table: field (table: column), rows, filled, share_filled; emptiest first, columns not delivered last.
    """
    need(coverage, "columns of the delivered tables", ASK)
    optional = coverage[~coverage["required"].astype(bool) & (coverage["rows"] > 0)].copy()
    need(optional, "optional columns of the delivered tables", ASK)
    optional["field"] = optional["table"] + ": " + optional["column"]
    optional["field"] = optional["field"].str.replace("_", " ")
    optional["share_filled"] = optional["filled"] / optional["rows"]
    absent = optional[optional["filled"] == 0]
    partly = optional[optional["filled"] > 0].sort_values(["share_filled", "table", "column"])
    columns = ["field", "rows", "filled", "share_filled"]
    table = pd.concat([partly, absent.sort_values(["table", "column"])])[columns]
    master = partly[partly["table"] == "customers"]
    firms = master.loc[master["column"] == "company", "filled"]
    of_firms = master["filled"].isin(firms) & (master["share_filled"] < 0.5)
    thin = master[(master["share_filled"] < 0.7) & ~of_firms]
    names = ", ".join(thin["column"].str.replace("_", " ").head(4))
    advice = (
        f"In the customer table {names} are known for fewer than 70 % of customers: use them to describe "
        "groups, never to leave customers out, and ask for them at the next contact."
        if len(thin)
        else f"Of customers {len(master)} optional columns are known, each for 70 % or more: segments may use them."
    )
    return Answer(
        table=table.reset_index(drop=True),
        headline=(
            f"{len(absent)} of {len(optional)} optional columns were not delivered"
            if len(absent) > len(optional) / 2
            else f"{len(partly[partly['share_filled'] < 0.7])} of {len(optional)} optional columns are less than 70 % full"
        ),
        so_what=f"{len(absent)} optional columns were not delivered at all, {len(partly)} are filled. {advice}",
        kind="descriptive",
        caption="Optional columns by share of rows filled, partly filled ones first",
        units={"rows": "count", "filled": "count", "share_filled": "%"},
        source="tables as known at the end of the period",
    )


@answers
def continuity(rows_by_quarter: pd.DataFrame, as_of: date) -> Answer:
    """Return how many rows each table gained in each quarter, and where quarters are missing.

    Parameters
    ----------
    rows_by_quarter
        table_name, quarter (first day), row_count.
    as_of
        Last day of the period; a quarter that ends after it is left out.

    Returns
    -------
    Answer
        Table: table, quarter (text), rows and ``level`` (rows ÷ the table's median quarter, at most 2).
    """
    need(rows_by_quarter, "rows with a time", "time stamps in the exports")
    complete = rows_by_quarter["quarter"] + pd.offsets.QuarterEnd(0) <= pd.Timestamp(as_of)
    frame = rows_by_quarter[complete]
    need(frame, "rows in complete quarters", "at least one full quarter of history")
    first = frame.loc[frame["table_name"] == "orders", "quarter"].min()
    frame = frame[frame["quarter"] >= (first if pd.notna(first) else frame["quarter"].min())]
    quarters = pd.date_range(frame["quarter"].min(), frame["quarter"].max(), freq="QS")
    grid = frame.pivot_table(index="table_name", columns="quarter", values="row_count").reindex(
        columns=quarters
    )
    started = grid.notna().cumsum(axis=1) > 0
    grid = grid.where(grid.notna() | ~started, 0)
    table = (
        grid.T.stack().rename("rows").rename_axis(["quarter", "table"]).reset_index()
    ).sort_values(["table", "quarter"], ignore_index=True)
    middle = table.groupby("table")["rows"].transform("median").clip(lower=1)
    table["level"] = (table["rows"] / middle).clip(upper=2).round(1)
    table["quarter"] = (
        table["quarter"].dt.year.astype(str) + " Q" + table["quarter"].dt.quarter.astype(str)
    )
    table["in_waves"] = table["rows"].eq(0).groupby(table["table"]).transform("mean") > 0.3
    gaps = table[(table["rows"] == 0) & ~table["in_waves"]]
    waves = ", ".join(sorted(set(table.loc[table["in_waves"], "table"].str.replace("_", " "))))
    thin = table[(table["level"] < 0.4) & (table["rows"] > 0) & ~table["in_waves"]]
    named = [f"{row.table.replace('_', ' ')} {row.quarter}" for row in gaps.itertuples()]
    return Answer(
        table=table[["table", "quarter", "rows", "level"]],
        headline=_gap_headline(len(gaps), table["table"].nunique(), len(quarters)),
        so_what=(
            f"Without rows: {', '.join(named[:4])}{' and more' if len(named) > 4 else ''}; ask whether the export was cut "
            "before reading a trend across the gap."
            if named
            else f"{len(thin)} quarters hold less than two fifths of their table's usual rows"
            + (f", first {thin.iloc[0]['table']} {thin.iloc[0]['quarter']}" if len(thin) else "")
            + "; trends over the other quarters can be read as changes of behaviour and not of the export."
        )
        + (f" Gathered in waves: {waves}." if waves else ""),
        kind="descriptive",
        caption="Rows by quarter as a multiple of the table's median quarter (1 = usual, capped at 2)",
        units={"rows": "count", "level": "ratio"},
        source="all delivered tables with times, complete quarters since the first order",
    )


def _gap_headline(gaps: int, tables: int, quarters: int) -> str:
    if gaps:
        return f"{gaps} table quarters are empty in {quarters} quarters of history"
    return f"{tables} tables cover {quarters} quarters without an empty one"


@answers
def intake_findings(findings: pd.DataFrame) -> Answer:
    """Return what intake found, worst first, with how to mend it; raw values are masked.

    Parameters
    ----------
    findings
        level (problem, note), table, file, row, count, message, mend.
    """
    columns = ["level", "table", "file", "rows", "finding", "mend"]
    shown = findings.assign(
        rows=pd.to_numeric(findings["count"]).fillna(1).astype("int64"),
        finding=findings["message"].astype(str).map(_masked),
    )
    shown["worst"] = shown["level"].ne("problem")
    shown = shown.sort_values(
        ["worst", "rows", "table", "finding"], ascending=[True, False, True, True]
    )
    problems = shown[shown["level"] == "problem"]
    touched = int(problems["rows"].sum())
    return Answer(
        table=shown[columns].reset_index(drop=True),
        headline=f"Intake raised {len(problems)} problems and {len(shown) - len(problems)} notes",
        so_what=(
            f"The problems touch {touched:,} rows; the first is in {problems.iloc[0]['table'].replace('_', ' ')}. "
            "Send the list to the owner of each export and run intake again."
            if len(problems)
            else "Nothing has to be mended before the analysis; keep the mapping for next year's delivery."
        ),
        kind="descriptive",
        caption="Findings of intake, problems first, raw values masked",
        units={"rows": "count"},
        source="intake findings",
    )


def _masked(message: str) -> str:
    """Return a message without the client's raw values (they may name a person)."""
    message = re.sub(r"\S+@\S+", "…", message)
    return re.sub(r"'[^']*'", "'…'", message)[:120]
