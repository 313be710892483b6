"""Makes orders, customers and products from order lines, for clients who deliver only lines."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from playbook.engagement.model import Engagement
from playbook.errors import PlanError
from playbook.warehouse import quoted

__all__ = ["derive", "number_lines"]

FROM = "made from order_lines"


def number_lines(db: duckdb.DuckDBPyConnection) -> None:
    """Number the lines of each order in file order, where the client's export has no line number."""
    db.execute(
        "create or replace temp table all_order_lines as select *, "
        "row_number() over (partition by order_id order by _file, _row) as line from all_order_lines"
    )


def derive(
    db: duckdb.DuckDBPyConnection,
    engagement: Engagement,
    files: dict[str, list[str]],
    find: Callable,
) -> None:
    """Make the tables that the mapping asks to derive from ``all_order_lines``.

    An order's revenue is the sum of its lines, its customer and time the first ones its lines name; a
    customer's or product's attributes are the most frequent ones, ties going to the first in order.
    """
    for source in engagement.inbox:
        for name in source.derive:
            if source.table != "order_lines":
                raise PlanError(
                    f"engagement.yml: inbox: {name} can be derived from order_lines only, not {source.table}"
                )
            if name in files or "order_lines" not in files:
                continue
            filled = {**source.columns, **source.join}
            given = [c.split(".", 1)[1] for c in filled if c.startswith(f"{name}.")]
            select = _SELECT[name](given)
            if name == "orders" and "unit_cost" in source.columns:
                select = select.replace(
                    " as revenue,", f" as revenue, {_LINE_SUM.format('unit_cost')} as cost,"
                )
            db.execute(f"create temp table all_{name} as {select}")
            files[name] = []
            _note_conflicts(db, name, given, find)


def _lines(condition: str = "true") -> str:
    return f"(select * from all_order_lines where _problem is null and not _merged and {condition})"


def _hidden(system: str = "cast(null as varchar)") -> str:
    return (
        f"'{FROM}' as _file, row_number() over () as _row, cast(null as varchar) as _problem, "
        f"false as _merged, {system} as _system"
    )


_LINE_SUM = "cast(sum(cast(quantity as decimal(18,4)) * {}) as decimal(18,2))"


def _orders(given: list[str]) -> str:
    first = [f"arg_min({quoted(f'orders.{c}')}, row(_file, _row)) as {quoted(c)}" for c in given]
    hidden = _hidden("arg_min(_system, row(_file, _row))")
    return (
        f"select order_id, {', '.join(first)}, {_LINE_SUM.format('unit_price')} as revenue, {hidden} "
        f"from {_lines()} group by order_id order by order_id"
    )


def _most_frequent(owner: str, key: str, given: list[str], more: str = "") -> str:
    modes = [
        f"mode({quoted(f'{owner}.{c}')} order by {quoted(f'{owner}.{c}')}) as {quoted(c)}"
        for c in given
    ]
    chosen = ", ".join([f"{key}", *modes]) + more
    return f"select {chosen}, {_hidden()} from {_lines(f'{key} is not null')} group by {key} order by {key}"


def _customers(given: list[str]) -> str:
    lines = _most_frequent(
        "customers",
        quoted("orders.customer_id"),
        given,
        f", min({quoted('orders.ordered_at')}) as acquired_at",
    )
    return lines.replace(
        f"select {quoted('orders.customer_id')}",
        f"select {quoted('orders.customer_id')} as customer_id",
        1,
    )


def _products(given: list[str]) -> str:
    return _most_frequent("products", "product_id", given)


_SELECT = {"orders": _orders, "customers": _customers, "products": _products}


def _note_conflicts(
    db: duckdb.DuckDBPyConnection, name: str, given: list[str], find: Callable
) -> None:
    key = {
        "orders": "order_id",
        "customers": quoted("orders.customer_id"),
        "products": "product_id",
    }[name]
    for column in given:
        label = quoted(f"{name}.{column}")
        row = db.execute(
            f"select count(*) from (select {key} from {_lines()} where {key} is not null group by {key} "
            f"having count(distinct {label}) > 1)"
        ).fetchone()
        if row and row[0]:
            rule = "the first is used" if name == "orders" else "the most frequent is used"
            find(f"{column} differs between the lines of one of the {name}; {rule}", "tell us which one is right",
                 "note", name, FROM, None, row[0])  # fmt: skip
