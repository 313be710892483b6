"""PostgreSQL: what stands there comes in as it stands, of one moment, and no password gets out."""

from __future__ import annotations

import itertools
import logging
import socket
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
from relations import VARIABLE, engagement_of, read_relation

from playbook.engagement import open_folder
from playbook.engagement.delivery import Limits, Source
from playbook.engagement.model import Engagement
from playbook.engagement.yaml_file import read_model
from playbook.errors import DataError, PlanError
from playbook.intake import postgresql, take_in
from playbook.intake.databases import Databases, content_digest
from playbook.intake.problems import FileRefused
from playbook.intake.take_in import examine
from playbook.runner import graph
from playbook.runner.run_steps import run_periods

pytestmark = pytest.mark.postgresql
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
    assert programs is not None  # or the line above has ended the test
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
    delivered, rows = read_relation(engagement_of("public.t"))
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
    _, rows = read_relation(engagement_of("t"))
    assert sorted((row[0] for row in rows), key=repr) == sorted(AWKWARD, key=repr)
    assert [row[-1] for row in rows] == list(range(1, len(AWKWARD) + 1))


def test_the_order_of_rows_is_the_keys_whatever_the_order_of_writing(shop: Shop) -> None:
    shop.run(
        "create table by_key (b text, n int, a text, primary key (n, b))",
        "insert into by_key values ('z', 2, '1'), ('a', 10, '2'), ('Z', 2, '3'), ('é', 2, '4')",
    )
    assert [row[1] for row in read_relation(engagement_of("by_key"))[1]] == ["Z", "z", "é", "a"]


def test_the_same_content_gives_the_same_rows_without_a_key(shop: Shop) -> None:
    shop.run(
        "create schema other",
        "create table public.t (id int, note text, j json)",
        "create table other.t (j json, note text, id int)",
        "insert into public.t values (2, null, '{}'), (1, '', '[]'), (2, '', '{}'), (2, null, '{}')",
        "insert into other.t values ('{}', null, 2), ('{}', null, 2), ('{}', '', 2), ('[]', '', 1)",
    )
    (one, rows), (two, again) = (
        read_relation(engagement_of("public.t")),
        read_relation(engagement_of("other.t")),
    )
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
    delivered, rows = read_relation(engagement_of(f"public.{evil}"))
    found = dict(zip(delivered.headers, rows[0], strict=False))
    assert (found[evil], found["ID"], found["id (column 6)"], found["_row'"]) == (
        "1",
        "2",
        "3",
        "4",
    )
    assert (found["%s"], found["a,b"], found["ä 1"], found["c0"]) == ("5", "6", "7", "8")
    assert read_relation(engagement_of("keep"))[1] == []


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
    intake = examine(tmp_path / "inbox", engagement_of("x", inbox=[source]), tmp_path / "run")
    read = intake.columns.set_index("column")
    assert (read.loc["revenue", "read_as"], read.loc["revenue", "decided_by"]) == ("decimal point", "type of the column")  # fmt: skip
    assert [point["column"] for point in intake.undecided] == ["discount"]


# PostgreSQL: which relation, and in which state


def test_an_unknown_relation_is_named_with_those_that_are_near(shop: Shop) -> None:
    shop.run("create table customers (id int)", "create schema crm", "create table crm.customers (id int)",
             "create table crm.orders (id int)")  # fmt: skip
    with pytest.raises(FileRefused, match=r"no table 'crm\.custmers'; near: crm\.customers"):
        read_relation(engagement_of("crm.custmers"))
    with pytest.raises(FileRefused, match=r"several schemas \(crm\.customers, public\.customers\)"):
        read_relation(engagement_of("customers"))
    with pytest.raises(FileRefused, match=r"no table 'pg_catalog\.pg_authid'"):
        read_relation(engagement_of("pg_catalog.pg_authid"))
    assert read_relation(engagement_of("orders"))[0].headers == ["id"]


def test_views_are_read_and_what_the_user_may_not_see_is_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    shop.run(
        "create table t (id int primary key)", "insert into t values (1), (2)", "create view v as select * from t",
        "create materialized view m as select * from t", "create table empty_one ()", "create table hidden (id int)",
        "create table part (id int)", "insert into part values (1), (2)", "alter table part enable row level security",
        "do $$ begin if not exists (select from pg_roles where rolname = 'reader') then create role reader login password 'r'; end if; end $$",
        "grant select on t, v, m, part to reader", "create policy p on part to reader using (id = 1)",
    )  # fmt: skip
    assert [len(read_relation(engagement_of(name))[1]) for name in ("v", "m")] == [2, 2]
    with pytest.raises(FileRefused, match="no columns"):
        read_relation(engagement_of("empty_one"))
    monkeypatch.setenv(VARIABLE, shop.url.replace(f"canary:{PASSWORD}", "reader:r"))
    delivered, rows = read_relation(engagement_of("part"))
    assert len(rows) == 1 and "row security" in delivered.findings[0].message
    with pytest.raises(
        FileRefused, match=r"shop\.hidden: the user may not read it; ask for the right"
    ):
        read_relation(engagement_of("hidden"))


def test_all_relations_are_of_one_moment_and_the_connection_is_closed_after_the_last(shop: Shop) -> None:  # fmt: skip
    shop.run("create table a (id int)", "create table b (id int)", "insert into a values (1)")
    engagement = engagement_of("a", "b")
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
    engagement = engagement_of("bad", "worse", "t")
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
    engagement = engagement_of("t", "small", limits=limits)
    with duckdb.connect() as connection, Databases(engagement, Path("inbox")) as databases:
        with pytest.raises(FileRefused, match=r"more than the 0\.5 MB allowed"):
            databases.open_relation(connection, engagement.inbox[0])
        assert databases.open_relation(connection, engagement.inbox[1]).headers == ["id"]
    with pytest.raises(FileRefused, match="2 columns are more than the 1 allowed"):
        read_relation(engagement_of("t", limits=Limits(columns=1)))
    with pytest.raises(FileRefused, match="line_kilobytes"):
        read_relation(engagement_of("t", limits=Limits(line_kilobytes=0.5)))


def test_a_statement_that_takes_too_long_is_given_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setitem(postgresql.SETTINGS, "statement_timeout", "100ms")
    shop.run(
        "create view v as select a.i from generate_series(1, 100000) a(i), generate_series(1, 100000) b"
    )
    with pytest.raises(FileRefused, match="took longer than 100ms"):
        read_relation(engagement_of("v"))


def test_rows_that_do_not_arrive_are_noticed(shop: Shop) -> None:
    shop.run("create view v as select 1 as id")
    engagement = engagement_of("v")
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
    for ask in (
        lambda: read_relation(engagement_of("t")),
        lambda: content_digest(engagement_of("t")),
    ):
        with pytest.raises((PlanError, DataError), match=said) as caught:
            ask()
        assert VARIABLE in str(caught.value)
        assert PASSWORD not in _said(caught.value, caplog)


def test_a_lost_connection_shows_nothing_either(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    shop.run("create table t (id int)")
    engagement = engagement_of("t")
    with duckdb.connect() as connection, Databases(engagement, Path("inbox")) as databases:
        databases._session("shop")
        shop.run(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'playbook'"
        )
        with pytest.raises(FileRefused, match=r"shop\.t: ") as caught:
            databases.open_relation(connection, engagement.inbox[0])
    assert PASSWORD not in _said(caught.value, caplog)


# What is up to date


def test_the_digest_follows_the_content_and_nothing_else(shop: Shop) -> None:
    shop.run("create table t (id int, note text)", "insert into t values (1, null), (2, 'x')")
    engagement = engagement_of("t", "not_there")
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
