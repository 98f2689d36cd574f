"""Many rows at once into a table of the mailroom, each database in its own quickest way; rows that are there stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, MetaData, Table, bindparam, literal, null, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

Row = tuple[Any, ...]


def insert_alike(db: Connection, table: Table, alike: Mapping[str, Any], own: Sequence[str], rows: list[Row]) -> int:
    """Insert rows of their `own` columns, in the order of the table, into SQLite; all others are alike. How many are
    new.

    What is alike stands in the statement: to bind it for every row costs as much as the insert itself.
    """
    values: dict[str, Any] = {name: bindparam(name, None) for name in own}
    for name, value in alike.items():
        values[name] = null() if value is None else literal(value, literal_execute=True)
    statement = sqlite.insert(table).values(values).on_conflict_do_nothing()
    compiled = statement.compile(dialect=db.dialect, compile_kwargs={"render_postcompile": True})
    assert compiled.positiontup == list(own), "the columns of the rows are not in the order of the table"
    return db.exec_driver_sql(str(compiled), rows).rowcount


def copy_new(db: Connection, table: Table, columns: Sequence[str], rows: Callable[[], Iterable[Row]]) -> int:
    """Insert by COPY into PostgreSQL: straight in where no key is there, which is the rule; else from beside. How many
    are new.

    `rows` may be asked several times; the server takes them while they are being made.
    """
    try:
        with db.begin_nested():
            return _copy_new(db, table, columns, rows)
    except DataError:
        return _copy_new(db, table, columns, lambda: map(showable, rows()))


def _copy_new(db: Connection, table: Table, columns: Sequence[str], rows: Callable[[], Iterable[Row]]) -> int:
    try:
        with db.begin_nested():
            return _copy(db, table, columns, rows())
    except IntegrityError:
        beside = table.to_metadata(MetaData(), name=f"new_{table.name}", schema="pg_temp")
        own, other = map(db.dialect.identifier_preparer.format_table, (table, beside))
        db.exec_driver_sql(f"CREATE TEMP TABLE IF NOT EXISTS {beside.name} (LIKE {own}) ON COMMIT DROP")
        _copy(db, beside, columns, rows())
        found = select(*(beside.c[name] for name in columns))
        taken = postgresql.insert(table).from_select(list(columns), found).on_conflict_do_nothing()
        new = db.execute(taken, execution_options={"preserve_rowcount": True}).rowcount
        db.exec_driver_sql(f"TRUNCATE {other}")
        return new


def showable(row: Row) -> Row:
    """A row as PostgreSQL can keep it: it has no zero character in text, and U+FFFD is the sign for what cannot be
    shown. One such name in the data must not keep a whole night outside."""
    return tuple(value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in row)


def _copy(db: Connection, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> int:
    words, driver = db.dialect.identifier_preparer, db.dialect.loaded_dbapi
    statement = f"COPY {words.format_table(table)} ({', '.join(map(words.quote, columns))}) FROM STDIN"
    count = 0
    try:
        with closing(db.connection.cursor()) as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
                count += 1
    except driver.Error as error:  # as SQLAlchemy tells of it, without any values
        raise DBAPIError.instance(statement, None, error, driver.Error, True) from error
    return count
