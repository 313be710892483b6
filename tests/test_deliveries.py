"""Every broken or odd file is opened right, refused or asked about; nothing is guessed and nothing breaks."""

from __future__ import annotations

import csv
import io
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from deliveries import Case
from deliveries.book_cases import BOOKS, JSON, PACKED, PARQUET, STRANGERS
from deliveries.text_cases import ENCODINGS, LAYOUTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playbook.engagement.delivery import Limits, Source
from playbook.engagement.model import Engagement
from playbook.intake import delimited, examine
from playbook.intake.files import Delivered, find_files, forget, open_file
from playbook.intake.problems import FileRefused, Undecided

CASES = [*ENCODINGS, *LAYOUTS, *BOOKS, *JSON, *PARQUET, *PACKED, *STRANGERS]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        connection.execute("set autoinstall_known_extensions = false; set timezone = 'UTC'")
        yield connection


def _open(connection: duckdb.DuckDBPyConnection, path: Path, case: Case) -> Delivered:
    path.write_bytes(case.bytes())
    source = Source(files="*", table="orders", **case.source)
    return open_file(connection, path, source, Limits(**case.limits))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_as_clients_send_it(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, case: Case
) -> None:
    path = tmp_path / case.file
    if case.refused:
        with pytest.raises(FileRefused) as refusal:
            _open(connection, path, case)
        assert case.refused in refusal.value.what
        assert refusal.value.what.startswith(f"{case.file}: ") and refusal.value.mend
        return
    if case.undecided:
        with pytest.raises(Undecided) as question:
            _open(connection, path, case)
        assert (question.value.ask, question.value.candidates) == case.undecided
        assert question.value.what.startswith(f"{case.file}: ")
        return
    delivered = _open(connection, path, case)
    assert delivered.headers == case.headers
    rows = connection.execute(f"select _row, * exclude (_row) from {delivered.relation} order by _row")  # fmt: skip
    assert rows.fetchall() == case.rows
    found = dict(zip(delivered.rejected.row, delivered.rejected.reason, strict=True))
    assert found.keys() == case.rejected.keys()
    assert all(words in found[row] for row, words in case.rejected.items())
    assert [(f.level, f.row, f.count) for f in delivered.findings] == [f[:3] for f in case.findings]
    assert all(f[3] in g.message for f, g in zip(case.findings, delivered.findings, strict=True))
    assert delivered.reading.notes == tuple(f.message for f in delivered.findings)
    assert asdict(delivered.reading).items() >= case.reading.items()
    forget(connection, delivered)


def test_the_corpus_is_large_and_leaves_nothing_behind(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert len(CASES) >= 90 and len({case.name for case in CASES}) == len(CASES)
    left = connection.execute("select table_name from duckdb_tables() union all select view_name from duckdb_views() where not internal")  # fmt: skip
    assert not left.fetchall()


def _open_orders(connection: duckdb.DuckDBPyConnection, path: Path, **limits: float) -> Delivered:
    return open_file(connection, path, Source(files="*", table="orders"), Limits(**limits))


def test_no_copy_of_the_clients_data_stays_behind(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    case = next(case for case in PACKED if case.name == "a packed file cut off")
    with pytest.raises(FileRefused):
        _open(connection, tmp_path / case.file, case)
    assert not list(scratch.iterdir())


def test_a_line_of_64_megabytes_is_refused_in_little_memory(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,")
        for _ in range(64):
            file.write(b"x" * 1_000_000)
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(FileRefused, match="line 2 is longer than the 4,096 kB allowed"):
        _open_orders(connection, path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 40_000_000 and time.monotonic() - began < 5


def test_the_rest_of_the_delivery_loads_beside_every_broken_file(delivery: Path) -> None:
    """One inbox holds all the odd files: the good ones are kept whole, and each bad one has its word."""
    inbox = delivery / "acme" / "inbox"
    sources = [{"files": "customers.csv", "table": "customers"}, {"files": "orders.csv", "table": "orders"}]  # fmt: skip
    refused, undecided = set(), set()
    for number, case in enumerate(c for c in CASES if not c.limits and "columns" not in c.source):
        name = f"{number:03}{Path(case.file.removesuffix('.gz')).suffix}{'.gz' * case.file.endswith('.gz')}"  # fmt: skip
        (inbox / name).write_bytes(case.bytes())
        sources.append({"files": name, "table": "products", **case.source})
        refused |= {name} if case.refused and "stands twice" not in case.refused else set()
        undecided |= {name} if case.undecided else set()
    engagement = Engagement.model_validate(
        {"client": "A", "brand": "A", "currency": "EUR", "inbox": sources}
    )
    intake = examine(inbox, engagement, delivery / "run")
    kept = intake.ledger.set_index("file")
    assert kept.loc[["customers.csv", "orders.csv"], "kept"].tolist() == [2, 3]
    assert len(refused) > 50 and len(undecided) > 10
    assert refused <= {f["file"] for f in intake.findings if f["level"] == "problem"}
    assert undecided == {point["file"] for point in intake.undecided if not point["column"]}
    assert all(f["message"] and f["mend"] for f in intake.findings)
    said = " ".join(f["message"] + f["mend"] for f in intake.findings)
    assert not any(word in said for word in ("Traceback", "Error:", "Exception", "0x", "/tmp"))


def test_a_link_out_of_the_inbox_is_refused(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (tmp_path / "secret.csv").write_text("a\n", encoding="utf-8")
    (inbox / "orders.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(FileRefused, match=r"orders.csv: links out of the inbox"):
        find_files(inbox, "orders*")


def test_a_name_that_is_a_pattern_reads_no_other_file(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for ending, write in ((".csv", pd.DataFrame.to_csv), (".parquet", pd.DataFrame.to_parquet)):
        folder = tmp_path / "year=2024" / ending
        folder.mkdir(parents=True)
        for name in ("orders1", "orders2", "orders*"):
            write(pd.DataFrame({"order_id": [name], "b": ["x"]}), folder / f"{name}{ending}", index=False)  # fmt: skip
        delivered = _open_orders(connection, folder / f"orders*{ending}")
        rows = connection.execute(f"select * from {delivered.relation}").fetchall()
        assert rows == [("orders*", "x", 2)]
        forget(connection, delivered)


def test_reading_runs_no_code_of_a_file(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    harm = tmp_path / "harm"
    path = tmp_path / "a.csv"
    path.write_bytes(f"cos\nsystem\n(S'touch {harm}'\ntR.".encode())
    with pytest.raises(FileRefused):
        _open_orders(connection, path)
    assert not harm.exists()


cell = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    rows=st.lists(st.tuples(cell, cell), max_size=12),
    breaks=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(",;\t|"),
    ragged=st.lists(st.integers(0, 11), max_size=3),
)
def test_both_ways_of_reading_agree_with_the_csv_module(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, rows: list, breaks: str, mark: str, ragged: list[int]
) -> None:  # fmt: skip
    """In parallel or record by record, every row comes back with the number it has in the file."""
    records: list[list[str]] = [["order_id", "channel", "revenue"]]
    records += [[str(n), *row] for n, row in enumerate(rows)]
    records = [r[:1] if n - 1 in ragged else r for n, r in enumerate(records)]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=mark, lineterminator=breaks).writerows(records)
    path = tmp_path / "a.csv"
    path.write_bytes(text.getvalue().encode())
    found = []
    for in_parallel in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not in_parallel:
                patch.setattr(delimited, "_in_parallel", lambda *_: False)
            source = Source(
                files="*", table="orders", delimiter=mark, encoding="utf-8", header_row=1
            )
            delivered = open_file(connection, path, source, Limits())
        shown = connection.execute(f"select * from {delivered.relation} order by _row").fetchall()
        found.append((shown, delivered.rejected.row.tolist()))
        forget(connection, delivered)
    assert found[0] == found[1]
    whole = [(*(v or None for v in r), n) for n, r in enumerate(records[1:], 2) if len(r) == 3]
    assert found[0] == (whole, [n for n, r in enumerate(records[1:], 2) if len(r) == 1])
