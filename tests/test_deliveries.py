"""Every broken or odd file is opened right, refused or asked about; nothing is guessed and nothing breaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import duckdb
import pytest
from deliveries import Case
from deliveries.book_cases import BOOKS, JSON, PACKED, PARQUET, STRANGERS
from deliveries.text_cases import ENCODINGS, LAYOUTS

from playbook.engagement.model import Limits, Source
from playbook.intake.files import Delivered, forget, open_file
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
