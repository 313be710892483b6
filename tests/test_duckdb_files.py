"""DuckDB files and the entries of databases: a hostile file reads nothing else, an address stands in no file."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from pathlib import Path

import duckdb
import pytest
from postgresql_server import PASSWORD
from relations import VARIABLE, duckdb_engagement, engagement_of, read_relation

from playbook.engagement.delivery import Database, Limits, Source
from playbook.engagement.model import Engagement
from playbook.engagement.yaml_file import read_model
from playbook.errors import PlanError
from playbook.intake import databases
from playbook.intake.duckdb_tables import _opened
from playbook.intake.problems import FileRefused
from playbook.intake.take_in import examine


def test_a_missing_variable_is_named_with_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(
        PlanError, match=rf"{VARIABLE} is not set; .*export {VARIABLE}='postgresql://user:password@"
    ):
        read_relation(engagement_of("t"))


@pytest.mark.parametrize(
    "entry",
    [
        f'kind: postgresql, url_env: "postgresql://u:{PASSWORD}@h/d"',
        f'kind: postgresql, url_env: "host=h password={PASSWORD}"',
        f'kind: postgresql, url_env: X, url: "postgresql://u:{PASSWORD}@h/d"',
        f'kind: "postgresql://u:{PASSWORD}@h/d"',
        f'kind: duckdb, file: "postgresql://u:{PASSWORD}@h/d"',
        f'kind: postgresql, url_env: ["postgresql://u:{PASSWORD}@h/d"]',
        f'kind: postgresql, url_env: "postgresql://u:{PASSWORD}@h/d',
    ],
)
def test_an_address_in_the_engagement_file_is_refused_and_not_repeated(tmp_path: Path, entry: str) -> None:  # fmt: skip
    path = tmp_path / "engagement.yml"
    path.write_text(
        f"client: A\nbrand: A\ncurrency: EUR\ndatabases:\n  shop: {{{entry}}}\ninbox:\n  - {{database: shop, relation: t, table: orders}}\n"
    )
    with pytest.raises(PlanError) as caught:
        read_model(path, Engagement)
    assert PASSWORD not in str(caught.value) and "line " in str(caught.value)


def test_a_database_without_entry_is_named(tmp_path: Path) -> None:
    path = tmp_path / "engagement.yml"
    path.write_text(
        "client: A\nbrand: A\ncurrency: EUR\ninbox:\n  - {database: shop, relation: t, table: orders}\n"
    )
    with pytest.raises(
        PlanError, match=r"database 'shop' has no entry under databases \(there are: none\)"
    ):
        read_model(path, Engagement)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def _write_duckdb(inbox: Path, *statements: str, name: str = "shop.duckdb") -> Path:
    with duckdb.connect(str(inbox / name)) as connection:
        for statement in statements:
            connection.execute(statement)
    return inbox / name


def test_a_duckdb_table_arrives_as_text_in_a_fixed_order(inbox: Path) -> None:
    _write_duckdb(
        inbox, "set timezone = 'Asia/Tokyo'",
        "create table t (id integer primary key, c0 varchar, f double, n decimal(20,3), w timestamptz, l integer[])",
        "insert into t values (10, 'a', 2, 1.5, '2024-01-01 00:00:00+01', [1]), (2, '', 'nan', null, null, null), (3, null, 0.1, -1, null, null)",
        "create table no_key (b varchar, a varchar)", "insert into no_key values ('2', 'x'), (null, 'x'), ('1', 'x')",
    )  # fmt: skip
    delivered, rows = read_relation(duckdb_engagement("main.t"), inbox)
    assert delivered.headers == ["c0", "f", "id", "l", "n", "w"]
    assert rows == [("", None, "2", None, None, None, 1), (None, "0.1", "3", None, "-1.000", None, 2),
                    ("a", "2", "10", "[1]", "1.500", "2023-12-31T23:00:00Z", 3)]  # fmt: skip
    assert (delivered.path.name, delivered.typed) == ("shop.main.t", {"f", "id", "n"})
    assert [row[1] for row in read_relation(duckdb_engagement("no_key"), inbox)[1]] == [
        "1",
        "2",
        None,
    ]


def test_a_duckdb_file_cannot_read_other_files(inbox: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(f"a\n{PASSWORD}\n")
    _write_duckdb(
        inbox,
        f"create view v as select * from read_csv('{secret}')",
        f"create macro m() as (select max(a) from read_csv('{secret}'))",
        "create table t (id integer)",
    )
    with pytest.raises(FileRefused, match="it is a view, which is not read") as caught:
        read_relation(duckdb_engagement("v"), inbox)
    assert PASSWORD not in str(caught.value)
    with _opened(inbox / "shop.duckdb", tmp_path / "spill", 500) as connection:
        for attempt in ("from client.main.v", "select client.main.m()", f"from read_csv('{secret}')", f"attach '{secret}' as s",
                        "set enable_external_access = true", "insert into client.main.t values (1)", "load httpfs"):  # fmt: skip
            with pytest.raises(duckdb.Error):
                connection.execute(attempt)


def test_a_file_that_is_no_sound_duckdb_file_is_refused(inbox: Path) -> None:
    sound = _write_duckdb(
        inbox, "create table t as select range as id from range(100000)"
    ).read_bytes()
    with sqlite3.connect(inbox / "sqlite.duckdb") as lite:
        lite.execute("create table t (id)")
    lite.close()
    broken = {
        "text": b"id,name\n1,a\n", "cut": sound[: len(sound) // 2], "empty": b"",
        "newer": sound[:12] + (2**40).to_bytes(8, "little") + sound[20:],
        "damaged": sound[:20_000] + bytes(4000) + sound[24_000:],
    }  # fmt: skip
    for name, content in broken.items():
        (inbox / f"{name}.duckdb").write_bytes(content)
    for name in [*broken, "sqlite", "absent"]:
        with pytest.raises(FileRefused) as caught:
            read_relation(duckdb_engagement("t", f"{name}.duckdb"), inbox)
        words = ("cannot be opened", "cannot be read", "is empty", "no such file")
        assert any(word in str(caught.value) for word in words), str(caught.value)
        assert f"{name}.duckdb" in str(caught.value)
    assert len(read_relation(duckdb_engagement("t"), inbox)[1]) == 100_000


def test_a_duckdb_file_stays_inside_the_inbox(inbox: Path, tmp_path: Path) -> None:
    _write_duckdb(tmp_path, "create table t (id integer)")
    (inbox / "link.duckdb").symlink_to(tmp_path / "shop.duckdb")
    with pytest.raises(FileRefused, match="links out of the inbox"):
        read_relation(duckdb_engagement("t", "link.duckdb"), inbox)
    for outside in ("../shop.duckdb", str(tmp_path / "shop.duckdb"), "a/../../shop.duckdb"):
        with pytest.raises(ValueError, match="a path inside the inbox"):
            Database(kind="duckdb", file=outside)


def test_duckdb_limits_and_near_names(inbox: Path) -> None:
    _write_duckdb(inbox, "create table orders (id integer)", "create schema s", "create table s.orders (id integer)",
                  "create table big as select 1 as a, 'x' as b from range(300000)")  # fmt: skip
    with pytest.raises(FileRefused, match=r"no table 's\.order'; near: s\.orders"):
        read_relation(duckdb_engagement("s.order"), inbox)
    with pytest.raises(FileRefused, match=r"several schemas \(main\.orders, s\.orders\)"):
        read_relation(duckdb_engagement("orders"), inbox)
    with pytest.raises(FileRefused, match=r"more than the 0\.5 MB allowed"):
        read_relation(duckdb_engagement("big", limits=Limits(unpacked_megabytes=0.5)), inbox)
    with pytest.raises(FileRefused, match=r"more than the 0\.1 MB allowed"):
        read_relation(duckdb_engagement("big", limits=Limits(file_megabytes=0.1)), inbox)


def test_a_refused_relation_is_a_finding_and_the_rest_loads(inbox: Path, tmp_path: Path) -> None:
    _write_duckdb(
        inbox, "create table customers (customer_id varchar)", "insert into customers values ('1')"
    )
    sources = [
        Source(database="shop", relation=r, table=t)
        for r, t in (("customers", "customers"), ("gone", "reviews"))
    ]
    databases = {"shop": Database(kind="duckdb", file="shop.duckdb")}
    intake = examine(
        inbox, engagement_of("x", inbox=sources, databases=databases), tmp_path / "run"
    )
    assert intake.ledger.kept.tolist() == [1]
    problem = next(f for f in intake.findings if f["level"] == "problem")
    assert problem["file"] == "shop.gone" and "no table 'gone'" in problem["message"]
    assert (
        json.loads((tmp_path / "run" / "quarantine" / "intake.json").read_text())["unmapped"] == []
    )


def test_the_process_that_opens_a_clients_file_knows_no_address(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    _write_duckdb(inbox, "create table t (id integer)")
    given, really = [], subprocess.run

    def run(*arguments: object, **options: object) -> object:
        given.append(options["env"])
        return really(*arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(databases.subprocess, "run", run)
    read_relation(duckdb_engagement("t"), inbox)
    assert given == [{}]
