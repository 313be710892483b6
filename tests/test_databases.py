"""Databases: what stands in PostgreSQL or in a DuckDB file comes in as it stands there, and no password gets out."""

from __future__ import annotations

import itertools
import json
import logging
import socket
import sqlite3
import subprocess
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pandas as pd
import psycopg
import pytest
from conftest import skip_or_fail
from postgresql_server import PASSWORD, find_programs, serve
from psycopg import sql

from playbook.engagement import open_folder
from playbook.engagement.model import Database, Engagement, Limits, Source
from playbook.engagement.yaml_file import read_model
from playbook.errors import DataError, PlanError
from playbook.intake import databases, postgresql, take_in
from playbook.intake.databases import Databases, content_digest
from playbook.intake.delivered import Delivered
from playbook.intake.problems import FileRefused
from playbook.intake.take_in import examine
from playbook.runner import graph
from playbook.runner.run_steps import run_periods

VARIABLE = "SHOP_DATABASE"
AWKWARD = [
    None, "", " ", "\\N", "\\.", "NULL", '"', '""', "'", ",", ";", "\n", "\r\n", "\r", "a\nb,\"c\"", "\\", "\t", "\x01",
    "Müller", "客户", "😀", "%s %(a)s", "x" * 70_000, "1.234", "Total",
]  # fmt: skip


class Shop:
    """A fresh database of the server, whose address stands in the environment."""

    def __init__(self, server: str, name: str) -> None:
        self.server = server
        self.url = server.replace("/postgres?", f"/{name}?")

    def run(self, *statements: str | sql.Composed, values: tuple | None = None) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement, values)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    programs = find_programs()
    if programs is None:
        skip_or_fail("postgresql", "no PostgreSQL server is installed (Debian package postgresql)")
    assert programs is not None
    with serve(programs) as address:
        yield address


_NUMBERS = itertools.count()


@pytest.fixture
def shop(server: str, monkeypatch: pytest.MonkeyPatch) -> Shop:
    name = f"shop{next(_NUMBERS)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    found = Shop(server, name)
    monkeypatch.setenv(VARIABLE, found.url)
    return found


def _engagement(*relations: str, table: str = "customers", **more: object) -> Engagement:
    sources = [Source(database="shop", relation=relation, table=table) for relation in relations]
    databases = {"shop": Database(kind="postgresql", url_env=VARIABLE)}
    given = {"client": "A", "brand": "A", "currency": "EUR", "inbox": sources, "databases": databases}  # fmt: skip
    return Engagement(**given | more)  # type: ignore[arg-type]


def _duckdb(relation: str, file: str = "shop.duckdb", **more: object) -> Engagement:
    return _engagement(relation, databases={"shop": Database(kind="duckdb", file=file)}, **more)


Rows = list[tuple]


def _read(engagement: Engagement, inbox: Path = Path("inbox")) -> tuple[Delivered, Rows]:
    """Open the first relation of an engagement; return it with its rows, ``_row`` last."""
    with duckdb.connect() as connection, Databases(engagement, inbox) as databases:
        delivered = databases.open_relation(connection, engagement.inbox[0])
        return delivered, connection.execute(f"select * from {delivered.relation} order by _row").fetchall()  # fmt: skip


def _said(error: BaseException, caplog: pytest.LogCaptureFixture) -> str:
    """Return all that an error can show: message, chain, traceback and log."""
    chain: list[BaseException] = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(inner)
    return " ".join(map(repr, chain)) + "".join(traceback.format_exception(error)) + caplog.text


# PostgreSQL: values


def test_each_type_arrives_as_the_text_that_says_the_same(shop: Shop) -> None:
    shop.run(
        "create domain price as money",
        "create table t (a_numeric numeric(30,3), b_float float8, c_money money, d_domain price, e_bool bool, f_char char(5), "
        "g_time timestamptz, h_naive timestamp, i_day date, j_bytes bytea, k_json jsonb, l_big bigint, m_real real, n_list int[])",
        "insert into t values (12345678901234567890123456.789, 1e15, 1234.5, 7, true, 'ab', '2024-03-31 03:30:00+02', "
        "'2024-03-31 02:30:00.25', '2024-02-01', '\\xdead', '{\"a\": [1, null]}', 9007199254740993, 0.1, '{1,2}')",
    )
    delivered, rows = _read(_engagement("public.t"))
    assert delivered.headers == ["a_numeric", "b_float", "c_money", "d_domain", "e_bool", "f_char", "g_time", "h_naive",
                                 "i_day", "j_bytes", "k_json", "l_big", "m_real", "n_list"]  # fmt: skip
    assert rows == [
        ("12345678901234567890123456.789", "1000000000000000", "1234.50", "7.00", "true", "ab", "2024-03-31 01:30:00+00",
         "2024-03-31 02:30:00.25", "2024-02-01", "\\xdead", '{"a": [1, null]}', "9007199254740993", "0.1", "{1,2}", 1)
    ]  # fmt: skip
    assert [f.message.split("'")[1] for f in delivered.findings] == ["j_bytes", "k_json", "n_list"]
    assert (delivered.reading.file, delivered.reading.kind) == ("shop.public.t", "postgresql")


@pytest.mark.parametrize("wide", [False, True])
def test_awkward_text_comes_back_and_nothing_differs_from_empty(shop: Shop, wide: bool) -> None:
    shop.run(
        "create table t (v text)" if not wide else "create table t (v text, w text default 'a')"
    )
    for value in AWKWARD:
        shop.run("insert into t (v) values (%s)", values=(value,))
    _, rows = _read(_engagement("t"))
    assert sorted((row[0] for row in rows), key=repr) == sorted(AWKWARD, key=repr)
    assert [row[-1] for row in rows] == list(range(1, len(AWKWARD) + 1))


def test_the_order_of_rows_is_the_keys_whatever_the_order_of_writing(shop: Shop) -> None:
    shop.run(
        "create table by_key (b text, n int, a text, primary key (n, b))",
        "insert into by_key values ('z', 2, '1'), ('a', 10, '2'), ('Z', 2, '3'), ('é', 2, '4')",
    )
    assert [row[1] for row in _read(_engagement("by_key"))[1]] == ["Z", "z", "é", "a"]


def test_the_same_content_gives_the_same_rows_without_a_key(shop: Shop) -> None:
    shop.run(
        "create schema other",
        "create table public.t (id int, note text, j json)",
        "create table other.t (j json, note text, id int)",
        "insert into public.t values (2, null, '{}'), (1, '', '[]'), (2, '', '{}'), (2, null, '{}')",
        "insert into other.t values ('{}', null, 2), ('{}', null, 2), ('{}', '', 2), ('[]', '', 1)",
    )
    (one, rows), (two, again) = _read(_engagement("public.t")), _read(_engagement("other.t"))
    assert one.headers == two.headers and rows == again and len(rows) == 4


def test_names_are_never_read_as_statements(shop: Shop) -> None:
    evil = 'x"; drop table keep; --'
    columns = [evil, "ID", "id", "_row", "%s", "a,b", "ä 1", "c0"]
    shop.run("create table keep (a int)")
    shop.run(
        sql.SQL("create table {} ({})").format(
            sql.Identifier(evil),
            sql.SQL(", ").join(sql.Identifier(c) + sql.SQL(" int") for c in columns),
        ),
        sql.SQL("insert into {} values (1, 2, 3, 4, 5, 6, 7, 8)").format(sql.Identifier(evil)),
    )
    delivered, rows = _read(_engagement(f"public.{evil}"))
    found = dict(zip(delivered.headers, rows[0], strict=False))
    assert (found[evil], found["ID"], found["id (column 6)"], found["_row'"]) == (
        "1",
        "2",
        "3",
        "4",
    )
    assert (found["%s"], found["a,b"], found["ä 1"], found["c0"]) == ("5", "6", "7", "8")
    assert _read(_engagement("keep"))[1] == []


def test_numbers_of_a_typed_column_need_no_decimal_mark_and_prove_none_for_text(
    shop: Shop, tmp_path: Path
) -> None:
    shop.run(
        "create table orders (order_id text primary key, ordered_at date, revenue numeric(10,3), cost text)",
        "insert into orders values ('1', '2024-02-01', 1.234, '1.234'), ('2', '2024-02-01', 2.345, '2.345')",
    )
    (tmp_path / "inbox").mkdir()
    columns = {"ordered_at": "ordered_at", "revenue": "revenue", "discount": "cost"}
    source = Source(database="shop", relation="orders", table="orders", columns=columns)
    intake = examine(tmp_path / "inbox", _engagement("x", inbox=[source]), tmp_path / "run")
    read = intake.columns.set_index("column")
    assert (read.loc["revenue", "read_as"], read.loc["revenue", "decided_by"]) == ("decimal point", "type of the column")  # fmt: skip
    assert [point["column"] for point in intake.undecided] == ["discount"]


# PostgreSQL: which relation, and in which state


def test_an_unknown_relation_is_named_with_those_that_are_near(shop: Shop) -> None:
    shop.run("create table customers (id int)", "create schema crm", "create table crm.customers (id int)",
             "create table crm.orders (id int)")  # fmt: skip
    with pytest.raises(FileRefused, match=r"no table 'crm\.custmers'; near: crm\.customers"):
        _read(_engagement("crm.custmers"))
    with pytest.raises(FileRefused, match=r"several schemas \(crm\.customers, public\.customers\)"):
        _read(_engagement("customers"))
    with pytest.raises(FileRefused, match=r"no table 'pg_catalog\.pg_authid'"):
        _read(_engagement("pg_catalog.pg_authid"))
    assert _read(_engagement("orders"))[0].headers == ["id"]


def test_views_are_read_and_what_the_user_may_not_see_is_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    shop.run(
        "create table t (id int primary key)", "insert into t values (1), (2)", "create view v as select * from t",
        "create materialized view m as select * from t", "create table empty_one ()", "create table hidden (id int)",
        "create table part (id int)", "insert into part values (1), (2)", "alter table part enable row level security",
        "do $$ begin if not exists (select from pg_roles where rolname = 'reader') then create role reader login password 'r'; end if; end $$",
        "grant select on t, v, m, part to reader", "create policy p on part to reader using (id = 1)",
    )  # fmt: skip
    assert [len(_read(_engagement(name))[1]) for name in ("v", "m")] == [2, 2]
    with pytest.raises(FileRefused, match="no columns"):
        _read(_engagement("empty_one"))
    monkeypatch.setenv(VARIABLE, shop.url.replace(f"canary:{PASSWORD}", "reader:r"))
    delivered, rows = _read(_engagement("part"))
    assert len(rows) == 1 and "row security" in delivered.findings[0].message
    with pytest.raises(
        FileRefused, match=r"shop\.hidden: the user may not read it; ask for the right"
    ):
        _read(_engagement("hidden"))


def test_all_relations_are_of_one_moment_and_the_connection_is_closed_after_the_last(shop: Shop) -> None:  # fmt: skip
    shop.run("create table a (id int)", "create table b (id int)", "insert into a values (1)")
    engagement = _engagement("a", "b")
    users = "select count(*) from pg_stat_activity where application_name = 'playbook'"
    with duckdb.connect() as connection, Databases(engagement, Path("inbox")) as databases:
        for source, open_after in zip(engagement.inbox, (1, 0), strict=True):
            delivered = databases.open_relation(connection, source)
            found = connection.execute(f"select count(*) from {delivered.relation}").fetchall()
            assert found == [(1 if source.relation == "a" else 0,)]
            shop.run("insert into b values (1)")
            with psycopg.connect(shop.url) as other:
                deadline = itertools.count()
                while other.execute(users).fetchall() != [(open_after,)]:
                    other.rollback()
                    assert next(deadline) < 2000


def test_a_view_that_writes_is_refused_and_the_next_relation_is_read(shop: Shop) -> None:
    shop.run(
        "create table t (id int)", "insert into t values (1)",
        "create function w() returns int language plpgsql as 'begin insert into t values (2); return 1; end'",
        "create view bad as select w() as id", "create view worse as select 1 / (id - 1) as id from t",
    )  # fmt: skip
    engagement = _engagement("bad", "worse", "t")
    with duckdb.connect() as connection, Databases(engagement, Path("inbox")) as databases:
        with pytest.raises(FileRefused, match="ReadOnlySqlTransaction"):
            databases.open_relation(connection, engagement.inbox[0])
        with pytest.raises(FileRefused, match="DivisionByZero"):
            databases.open_relation(connection, engagement.inbox[1])
        delivered = databases.open_relation(connection, engagement.inbox[2])
        assert connection.execute(f"select * from {delivered.relation}").fetchall() == [("1", 1)]
        left = connection.execute("select count(*) from duckdb_tables()").fetchall()
        assert left == [(1,)]


def test_limits_hold_for_relations_too(shop: Shop) -> None:
    shop.run("create table t (id int, v text)", "insert into t select i, repeat('x', 1000) from generate_series(1, 5000) i",
             "create table small (id int)")  # fmt: skip
    limits = Limits(unpacked_megabytes=0.5)
    engagement = _engagement("t", "small", limits=limits)
    with duckdb.connect() as connection, Databases(engagement, Path("inbox")) as databases:
        with pytest.raises(FileRefused, match=r"more than the 0\.5 MB allowed"):
            databases.open_relation(connection, engagement.inbox[0])
        assert databases.open_relation(connection, engagement.inbox[1]).headers == ["id"]
    with pytest.raises(FileRefused, match="2 columns are more than the 1 allowed"):
        _read(_engagement("t", limits=Limits(columns=1)))
    with pytest.raises(FileRefused, match="line_kilobytes"):
        _read(_engagement("t", limits=Limits(line_kilobytes=0.5)))


def test_a_statement_that_takes_too_long_is_given_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setitem(postgresql.SETTINGS, "statement_timeout", "100ms")
    shop.run(
        "create view v as select a.i from generate_series(1, 100000) a(i), generate_series(1, 100000) b"
    )
    with pytest.raises(FileRefused, match="took longer than 100ms"):
        _read(_engagement("v"))


def test_rows_that_do_not_arrive_are_noticed(shop: Shop) -> None:
    shop.run("create view v as select 1 as id")
    engagement = _engagement("v")
    with duckdb.connect() as connection, Databases(engagement, Path("inbox")) as databases:
        session = databases._session("shop")
        session.count = lambda relation: 7  # type: ignore[method-assign]
        with pytest.raises(FileRefused, match="counts 7 rows and 1 arrived"):
            databases.open_relation(connection, engagement.inbox[0])


# PostgreSQL: the address stays where it is


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


WRONG: dict[str, tuple[Callable[[str], str], str]] = {
    "wrong password": (lambda url: url.replace(PASSWORD, f"{PASSWORD}-no"), "user or password is wrong"),
    "host down": (lambda url: f"postgresql://canary:{PASSWORD}@127.0.0.1:{_free_port()}/x", "nothing answers at that host and port"),
    "no socket": (lambda url: url.replace("host=/tmp/", "host=/tmp/none-"), "nothing answers at that socket"),
    "unknown database": (lambda url: url.replace("/shop", f"/{PASSWORD}"), "no such database"),
    "unknown option": (lambda url: url + f"&{PASSWORD}=1", "holds no valid address"),
    "password with a slash": (lambda url: f"postgresql://canary:{PASSWORD}/{PASSWORD}@127.0.0.1/x", "check the address"),
    "no address": (lambda url: PASSWORD, "holds no valid address"),
    "other program": (lambda url: f"mysql://canary:{PASSWORD}@127.0.0.1/x", "holds no valid address"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_no_error_shows_the_password(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    broken, said = WRONG[case]
    address = broken(shop.url)
    monkeypatch.setenv(VARIABLE, address)
    caplog.set_level(logging.DEBUG)
    for ask in (lambda: _read(_engagement("t")), lambda: content_digest(_engagement("t"))):
        with pytest.raises((PlanError, DataError), match=said) as caught:
            ask()
        assert VARIABLE in str(caught.value)
        assert PASSWORD not in _said(caught.value, caplog)


def test_a_lost_connection_shows_nothing_either(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    shop.run("create table t (id int)")
    engagement = _engagement("t")
    with duckdb.connect() as connection, Databases(engagement, Path("inbox")) as databases:
        databases._session("shop")
        shop.run(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'playbook'"
        )
        with pytest.raises(FileRefused, match=r"shop\.t: ") as caught:
            databases.open_relation(connection, engagement.inbox[0])
    assert PASSWORD not in _said(caught.value, caplog)


def test_a_missing_variable_is_named_with_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(
        PlanError, match=rf"{VARIABLE} is not set; .*export {VARIABLE}='postgresql://user:password@"
    ):
        _read(_engagement("t"))


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


# What is up to date


def test_the_digest_follows_the_content_and_nothing_else(shop: Shop) -> None:
    shop.run("create table t (id int, note text)", "insert into t values (1, null), (2, 'x')")
    engagement = _engagement("t", "not_there")
    seen = [content_digest(engagement)]
    for change in ("update t set note = '' where id = 1", "insert into t values (2, 'x')", "delete from t where id = 1",
                   "alter table t rename note to remark", "alter table t alter id type bigint", "create table not_there (id int)"):  # fmt: skip
        shop.run(change)
        seen.append(content_digest(engagement))
    assert len(set(seen)) == len(seen)
    shop.run(
        "create table u as select * from t order by id desc",
        "drop table t",
        "alter table u rename to t",
    )
    assert content_digest(engagement) == seen[-1]


@pytest.fixture
def folder(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An engagement ``acme`` whose orders and customers stand in PostgreSQL under German names."""
    monkeypatch.setenv("PLAYBOOK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PLAYBOOK_RUNS", str(tmp_path / "runs"))
    acme = tmp_path / "data" / "acme"
    (acme / "inbox").mkdir(parents=True)
    (acme / "plans").mkdir()
    (acme / "plans" / "2025.yml").write_text("as_of: 2025-12-31\n")
    (acme / "engagement.yml").write_text(
        "client: Acme\nbrand: Acme\ncurrency: EUR\ndatabases:\n"
        f"  shop: {{kind: postgresql, url_env: {VARIABLE}}}\n  goods: {{kind: duckdb, file: goods.duckdb}}\ninbox:\n"
        "  - {database: shop, relation: laden.kunden, table: customers, columns: {customer_id: Kundennr, name: Name, birth_date: Geburtstag}}\n"
        "  - {database: shop, relation: laden.auftraege, table: orders, columns: {order_id: Auftrag, customer_id: Kundennr, "
        "ordered_at: Bestellt am, revenue: Umsatz}}\n"
        "  - {database: goods, relation: artikel, table: products, columns: {product_id: Artikel, name: Bezeichnung, unit_cost: Kosten}}\n"
    )
    shop.run(
        "create schema laden",
        'create table laden.kunden ("Kundennr" char(4) primary key, "Name" varchar, "Geburtstag" date)',
        'create table laden.auftraege ("Umsatz" numeric(12,2), "Auftrag" bigint, "Kundennr" text, "Bestellt am" timestamptz)',
        "insert into laden.kunden values ('0007', 'Müller, \"Ada\"', '1980-02-01'), ('0001', 'Grace', null)",
        "insert into laden.auftraege values (10.10, 2, '0007', '2025-01-05 01:30:00+02'), (1234.5, 1, null, '2025-02-06 00:00+00'), (-5.05, 3, '0001', '2025-03-07 00:00+00')",
    )
    with duckdb.connect(str(acme / "inbox" / "goods.duckdb")) as goods:
        goods.execute(
            "create table artikel (Kosten decimal(10,3), Artikel varchar, Bezeichnung varchar)"
        )
        goods.execute("insert into artikel values (1.234, '010', 'Öl'), (2.5, '002', null)")
    return acme


def test_a_delivery_from_databases_equals_the_same_delivery_as_files(folder: Path, tmp_path: Path) -> None:  # fmt: skip
    engagement = read_model(folder / "engagement.yml", Engagement)
    found = take_in(folder / "inbox", engagement, tmp_path / "a")
    assert found.unmapped == [] and [f for f in found.findings if f["level"] == "problem"] == []
    assert found.readings.kind.tolist() == ["postgresql", "postgresql", "duckdb"]
    inbox = tmp_path / "files"
    inbox.mkdir()
    (inbox / "kunden.csv").write_text(
        'Kundennr;Name;Geburtstag\n0001;Grace;\n0007;"Müller, ""Ada""";01.02.1980\n0007;"Müller, ""Ada""";01.02.1980\n'
    )
    (inbox / "auftraege.csv").write_text(
        "Auftrag;Kundennr;Bestellt am;Umsatz\n3;0001;2025-03-07;-5,05\n1;;2025-02-06;1234,50\n2;0007;2025-01-04T23:30:00Z;10,10\n"
    )
    (inbox / "artikel.csv").write_text("Artikel,Bezeichnung,Kosten\n010,Öl,1.2340\n002,,2.5\n")
    names = iter(("kunden.csv", "auftraege.csv", "artikel.csv"))
    sources = [
        s.model_copy(update={"database": "", "relation": "", "files": next(names)})
        for s in engagement.inbox
    ]
    as_files = take_in(
        inbox, engagement.model_copy(update={"inbox": sources, "databases": {}}), tmp_path / "b"
    )
    tables = [sorted((tmp_path / side / "tables").iterdir()) for side in "ab"]
    assert [p.name for p in tables[0]] == [p.name for p in tables[1]] == ["customers.parquet", "orders.parquet", "products.parquet"]  # fmt: skip
    assert [p.read_bytes() for p in tables[0]] == [p.read_bytes() for p in tables[1]]
    assert found.ledger.kept.tolist() == as_files.ledger.kept.tolist() == [2, 3, 2]
    orders = pd.read_parquet(tmp_path / "a" / "tables" / "orders.parquet")
    assert orders.ordered_at.astype(str).tolist()[1] == "2025-01-04 23:30:00"


def test_nothing_an_intake_leaves_holds_the_address(folder: Path, tmp_path: Path) -> None:
    run_periods(open_folder("acme"), ["2025"], "intake")
    left = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert any(path.name == "manifest.json" for path in left)
    assert not [path for path in left if PASSWORD.encode() in path.read_bytes()]


def test_a_run_is_up_to_date_until_the_database_changes(
    folder: Path, shop: Shop, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> bool:
        run_periods(open_folder("acme"), ["2025"], "intake")
        return "nothing to do" in capsys.readouterr().out

    assert [run(), run()] == [False, True]
    shop.run('update laden.auftraege set "Umsatz" = 11 where "Auftrag" = 2')
    assert [run(), run()] == [False, True]
    monkeypatch.setenv(VARIABLE, f"postgresql://canary:{PASSWORD}@127.0.0.1:{_free_port()}/x")
    with pytest.raises(DataError, match="nothing answers"):
        run()


def test_what_changes_while_intake_reads_is_read_again(folder: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    import playbook.intake

    def slow(*given: object) -> object:
        found = take_in(*given)  # type: ignore[arg-type]
        shop.run("delete from laden.auftraege")
        return found

    acme, step = open_folder("acme"), graph.STEPS["intake"]
    with monkeypatch.context() as patched:
        patched.setattr(playbook.intake, "take_in", slow)
        run_periods(acme, ["2025"], "intake")
    assert not graph.fresh(acme, "2025", step, graph.fingerprint(acme, "2025", step, {}))


# DuckDB files


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
    delivered, rows = _read(_duckdb("main.t"), inbox)
    assert delivered.headers == ["c0", "f", "id", "l", "n", "w"]
    assert rows == [("", None, "2", None, None, None, 1), (None, "0.1", "3", None, "-1.000", None, 2),
                    ("a", "2", "10", "[1]", "1.500", "2023-12-31T23:00:00Z", 3)]  # fmt: skip
    assert (delivered.path.name, delivered.typed) == ("shop.main.t", {"f", "id", "n"})
    assert [row[1] for row in _read(_duckdb("no_key"), inbox)[1]] == ["1", "2", None]


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
        _read(_duckdb("v"), inbox)
    assert PASSWORD not in str(caught.value)
    from playbook.intake.duckdb_tables import _opened

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
            _read(_duckdb("t", f"{name}.duckdb"), inbox)
        words = ("cannot be opened", "cannot be read", "is empty", "no such file")
        assert any(word in str(caught.value) for word in words), str(caught.value)
        assert f"{name}.duckdb" in str(caught.value)
    assert len(_read(_duckdb("t"), inbox)[1]) == 100_000


def test_a_duckdb_file_stays_inside_the_inbox(inbox: Path, tmp_path: Path) -> None:
    _write_duckdb(tmp_path, "create table t (id integer)")
    (inbox / "link.duckdb").symlink_to(tmp_path / "shop.duckdb")
    with pytest.raises(FileRefused, match="links out of the inbox"):
        _read(_duckdb("t", "link.duckdb"), inbox)
    for outside in ("../shop.duckdb", str(tmp_path / "shop.duckdb"), "a/../../shop.duckdb"):
        with pytest.raises(ValueError, match="a path inside the inbox"):
            Database(kind="duckdb", file=outside)


def test_duckdb_limits_and_near_names(inbox: Path) -> None:
    _write_duckdb(inbox, "create table orders (id integer)", "create schema s", "create table s.orders (id integer)",
                  "create table big as select 1 as a, 'x' as b from range(300000)")  # fmt: skip
    with pytest.raises(FileRefused, match=r"no table 's\.order'; near: s\.orders"):
        _read(_duckdb("s.order"), inbox)
    with pytest.raises(FileRefused, match=r"several schemas \(main\.orders, s\.orders\)"):
        _read(_duckdb("orders"), inbox)
    with pytest.raises(FileRefused, match=r"more than the 0\.5 MB allowed"):
        _read(_duckdb("big", limits=Limits(unpacked_megabytes=0.5)), inbox)
    with pytest.raises(FileRefused, match=r"more than the 0\.1 MB allowed"):
        _read(_duckdb("big", limits=Limits(file_megabytes=0.1)), inbox)


def test_a_refused_relation_is_a_finding_and_the_rest_loads(inbox: Path, tmp_path: Path) -> None:
    _write_duckdb(
        inbox, "create table customers (customer_id varchar)", "insert into customers values ('1')"
    )
    sources = [
        Source(database="shop", relation=r, table=t)
        for r, t in (("customers", "customers"), ("gone", "reviews"))
    ]
    databases = {"shop": Database(kind="duckdb", file="shop.duckdb")}
    intake = examine(inbox, _engagement("x", inbox=sources, databases=databases), tmp_path / "run")
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
    _read(_duckdb("t"), inbox)
    assert given == [{}]
