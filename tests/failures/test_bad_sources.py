"""Sources that cannot be trusted: the night says which file, row or setting and what to do, and changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from tests.failures.small_shop import CUSTOMER, EVENT, Shop, customer, words


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, journeys=["welcome"])


def test_a_missing_file_is_named_with_its_nearest_neighbour(shop: Shop) -> None:
    (shop.folder / "data/events.csv").rename(shop.folder / "data/event.csv")
    error = words(shop.refusal("02"))
    assert f"there is no file {shop.folder}/data/events.csv (did you mean 'event.csv'?)" in error
    assert "mend `path:` in journeys/project.yaml" in error


def test_the_command_says_it_in_two_lines_and_ends_with_2(shop: Shop) -> None:
    (shop.folder / "data/customers.csv").unlink()
    done = shop.command("run", "--as-of", "2026-03-02T02:00:00Z")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 2
    assert "Traceback" not in done.stderr


def test_a_folder_in_the_place_of_a_file_is_no_file(shop: Shop) -> None:
    shop.project("customers: data/customers.csv", "customers: data")
    assert "such as `path: data/*.csv`" in words(shop.refusal("02"))


def test_a_missing_column_is_named_with_the_nearest_one(shop: Shop) -> None:
    rows = [
        {name.replace("customer_id", "customer_no"): value for name, value in row.items()} for row in shop.customers
    ]
    shop.table("data/customers.csv", (), rows)
    error = words(shop.refusal("02"))
    assert (
        "data/customers.csv has no column 'customer_id' (did you mean 'customer_no'?); it has: customer_no, " in error
    )
    assert "`customers: {columns: {customer_id: ...}}`" in error
    shop.project("customers: data/customers.csv",
                 "customers: {path: data/customers.csv, columns: {customer_id: customer_no}}")  # fmt: skip
    assert shop.run("02").customers == 30


def test_a_column_whose_name_differs_in_case_is_suggested(shop: Shop) -> None:
    rows = [{name.title(): value for name, value in row.items()} for row in shop.events]
    shop.table("data/events.csv", (), rows)
    assert "no column 'event_id' (did you mean 'Event_Id'?)" in words(shop.refusal("02"))


def test_a_mapped_column_that_is_not_there_is_named(shop: Shop) -> None:
    shop.project("customers: data/customers.csv", "customers: {path: data/customers.csv, columns: {email: e_mail}}")
    error = words(shop.refusal("02"))
    assert error.startswith(
        "journeys/project.yaml:4:56: data/customers.csv has no column 'e_mail' (did you mean 'email'?)"
    )


def test_a_missing_table_is_named_with_its_setting(shop: Shop) -> None:
    shop.project("customers: data/customers.csv", "customers: {table: raw.people}")
    error = words(shop.refusal("02"))
    assert "customers: there is no table 'raw.people' in the engine" in error
    assert "journeys/project.yaml" in error


@pytest.mark.parametrize("name", ["customers", "main.events", "Enrollments", "meta"])
def test_a_table_of_the_engine_itself_is_no_source(shop: Shop, name: str) -> None:
    shop.project("customers: data/customers.csv", f"customers: {{table: {name}}}")
    error = words(shop.refusal("02"))
    assert f"the table '{name}' is the engine's own" in error
    assert "table: raw." in error


def test_a_table_in_a_schema_of_its_own_is_read_whatever_it_is_called(shop: Shop) -> None:
    (shop.folder / "var").mkdir()
    with duckdb.connect(str(shop.folder / "var/engine.duckdb")) as engine:
        engine.execute('CREATE SCHEMA "select"')
        engine.execute(f"""CREATE TABLE "select".customers AS FROM read_csv('{shop.folder}/data/customers.csv')""")
        engine.execute(f"CREATE TABLE feedback AS FROM read_csv('{shop.folder}/data/events.csv', all_varchar = true)")
    shop.project("customers: data/customers.csv", "customers: {table: select.customers}")
    shop.project("events: data/events.csv", "events: {table: feedback}")
    done = shop.run("02")
    assert (done.customers, done.journeys["welcome"].entered) == (30, 10)


JUNK = bytes(range(256)) * 40


UNREADABLE: dict[str, tuple[bytes, str, str]] = {
    "junk": (JUNK, "is no text", "CSV in UTF-8"),
    "parquet as csv": (b"PAR1" + JUNK, "is no text", ".parquet"),
    "a value too many": (
        b"customer_id,first_name\nc1,Ann\nc2,Bob,Berlin\n",
        "line 3 cannot be read: the header has 2 columns, this row has 3",
        "between double quotes",
    ),
    "a value too few": (
        b"customer_id,first_name\nc1,Ann\nc2\n",
        "line 3 cannot be read: the header has 2 columns, this row has 1",
        "nothing was changed",
    ),
    "latin": (b"customer_id,name\nc1,A\nc2,B\xf6b\n", "line 3 cannot be read: it is not written in UTF-8", "in UTF-8"),
    "open quote": (
        b'customer_id,first_name\nc1,Ann\nc2,"Bob\n',
        "line 3 cannot be read: a value begins with a double quote that does not end it, and the file ends there",
        "twice",
    ),
    "mixed line ends": (b"customer_id,name\r\nc1,Ann\nc2,Bob\r\n", "lines end in different ways", "one kind of line"),
    "latin header": (
        b"customer_id,f\xf6rst\nc1,Ann\n",
        "line 1 cannot be read: it is not written in UTF-8",
        "in UTF-8",
    ),
    "twins": (b"customer_id,name,name\nc1,Ann,A\n", "line 1: there is a column 'name' twice", "a name of its own"),
    "case": (b"customer_id,plan,Plan\nc1,a,b\n", "column 'Plan' and 'plan', which differ only in case", "of its own"),
    "empty": (b"", "is empty: not even a header", "export it again"),
    "header only": (b"customer_id,email\n", "0 rows, at least 1 are expected", "check the export"),
    "blank lines": (b"\n\n\n", "line 1: there is no header", "export it again"),
}


@pytest.mark.parametrize(("content", "said", "remedy"), UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_file_is_named_with_the_line(shop: Shop, content: bytes, said: str, remedy: str) -> None:
    shop.write("data/customers.csv", content)
    error = words(shop.refusal("02"))
    assert "data/customers.csv" in error
    assert said in error
    assert remedy in error
    assert "Bob" not in error


@pytest.mark.parametrize("what", ["TIME '09:30'", "{'at': TIMESTAMP '2026-03-01 09:30:00'}"], ids=["time", "struct"])
def test_a_column_of_instants_that_can_hold_none_is_named_with_its_type(shop: Shop, what: str) -> None:
    shop.parquet(
        "data/events.parquet", f"SELECT 'e1' AS event_id, 'c001' AS customer_id, 'n' AS name, {what} AS occurred_at"
    )
    shop.project("events: data/events.csv", "events: data/events.parquet")
    error = words(shop.refusal("02"))
    assert "data/events.parquet: the column 'occurred_at' is of type" in error
    assert "write instants as" in error


def test_a_parquet_file_that_lost_its_end_is_told_without_our_own_statement(shop: Shop) -> None:
    shop.parquet("data/customers.parquet", f"SELECT * FROM read_csv('{shop.folder}/data/customers.csv')")
    file = shop.folder / "data/customers.parquet"
    file.write_bytes(file.read_bytes()[:-40])
    shop.project("customers: data/customers.csv", "customers: data/customers.parquet")
    error = words(shop.refusal("02"))
    assert "data/customers.parquet" in error
    assert "LINE 1" not in error
    assert "read_parquet" not in error


def test_a_pipe_in_the_place_of_a_source_is_no_file(shop: Shop) -> None:
    (shop.folder / "data/events.csv").unlink()
    os.mkfifo(shop.folder / "data/events.csv")
    assert "data/events.csv is no file: a pipe" in words(shop.refusal("02"))


HEADERS = {
    "as lines end": ("a\nb", "\n"),
    "as lines of windows end": ("a\r\nb", "\r\n"),
    "one of unix in a file of windows": ("a\nb", "\r\n"),
    "one of windows in a file of unix": ("a\r\nb", "\n"),
}


@pytest.mark.parametrize(("name", "end"), HEADERS.values(), ids=HEADERS)
def test_a_line_break_in_the_name_of_a_column_costs_no_event(shop: Shop, name: str, end: str) -> None:
    events = [",".join(str(one[key]) for key in EVENT[:4]) + ",x" for one in shop.events]
    shop.write("data/events.csv", (end.join([",".join(EVENT[:4]) + f',"{name}"', *events]) + end).encode())
    if name == f"a{end}b":
        assert shop.run("02").events_received == 17
    else:
        error = words(shop.refusal("02"))
        assert "events.csv, line 1: the name of column 5 holds a line break" in error
        assert "in one line" in error


@pytest.mark.parametrize(
    "row",
    ["c1,zaphod@example.com,Zaphod,UTC", "c1,zaphod,zaphod,Zaphod", "17,Zaphod,Berlin,UTC", "Zaphod,1979-02-01,x,y"],
)
def test_a_file_without_header_is_told_without_its_values(shop: Shop, row: str) -> None:
    shop.write("data/customers.csv", f"{row}\n{row}\n")
    error = words(shop.refusal("02"))
    assert "data/customers.csv: line 1 looks like data, not a header" in error
    assert "zaphod" not in error.lower()


def test_a_broken_row_after_many_good_ones_is_found_too(shop: Shop) -> None:
    rows = "".join(f"c{number},Ann\n" for number in range(100_000))
    shop.write("data/customers.csv", f"customer_id,first_name\n{rows}c,Ann,Berlin\n")
    assert "line 100002 cannot be read" in words(shop.refusal("02"))


@pytest.mark.parametrize("content", [JUNK, b"", b"PAR1PAR1", b"customer_id\nc1\n"])
def test_a_parquet_file_that_is_none_is_named(shop: Shop, content: bytes) -> None:
    shop.write("data/customers.parquet", content)
    shop.project("customers: data/customers.csv", "customers: data/customers.parquet")
    assert "data/customers.parquet" in words(shop.refusal("02"))


def test_files_of_another_kind_are_refused(shop: Shop) -> None:
    shop.write("data/customers.xlsx", b"PK")
    shop.project("customers: data/customers.csv", "customers: data/customers.xlsx")
    assert "files of type .xlsx cannot be read" in words(shop.refusal("02"))


def test_an_events_file_with_a_header_only_is_a_shop_that_has_just_opened(shop: Shop) -> None:
    shop.table("data/events.csv", EVENT, [])
    done = shop.run("02")
    assert (done.customers, done.events_received) == (30, 0)


def test_a_file_of_windows_with_semicolons_is_read(shop: Shop) -> None:
    lines = [";".join(CUSTOMER), *(";".join(str(row[name]) for name in CUSTOMER) for row in shop.customers), ""]
    shop.write("data/customers.csv", b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert shop.run("02").customers == 30


def test_files_of_a_glob_are_put_together_by_the_names_of_their_columns(shop: Shop) -> None:
    shop.table("data/[2026]/a.csv", CUSTOMER, shop.customers[:10])
    shop.table(
        "data/[2026]/b.csv", ("plan", *reversed(CUSTOMER)), [row | {"plan": "pro"} for row in shop.customers[10:]]
    )
    shop.table("data/[2026]/c.csv", CUSTOMER, [customer(3), customer(40)])
    shop.project("customers: data/customers.csv", 'customers: "data/[[]2026]/*.csv"')
    done = shop.run("02")
    assert done.customers == 31
    assert done.notes[0].endswith("the first row counts (first: row 1 below the header of c.csv)")
    assert shop.rows("SELECT count(*), count(plan) FROM customers") == [(31, 20)]


def test_a_project_folder_may_have_any_name(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "it's [my] {shop} *", journeys=["welcome"])
    assert shop.run("02").journeys["welcome"].entered == 10


def test_a_customer_file_cut_in_half_commits_nothing_until_the_operator_says_it_is_right(shop: Shop) -> None:
    shop.run("02")
    full = shop.customers
    shop.customers = full[:15]
    shop.save()
    error = words(shop.refusal("03"))
    assert "data/customers.csv: 15 of the 30 customers of the last run are missing (50%)" in error
    assert "--accept-loss" in error
    assert shop.run("03", accept_loss=True).customers == 15
    shop.customers = full
    shop.save()
    done = shop.run("04")
    assert done.customers == 30
    assert len(shop.rows("SELECT 1 FROM enrollments WHERE journey = 'welcome'")) == 28


def test_one_customer_in_twenty_may_be_missing(shop: Shop) -> None:
    shop.customers = [customer(number) for number in range(40)]
    shop.save()
    shop.run("02")
    shop.customers = shop.customers[2:]
    shop.save()
    assert shop.run("03").customers == 38
    shop.customers = shop.customers[2:]
    shop.save()
    assert "2 of the 38 customers" in words(shop.refusal("04"))


@pytest.mark.parametrize(
    ("source", "expects", "said"),
    [
        ("customers", "rows: 31", "data/customers.csv: 30 rows, at least 31 are expected"),
        ("events", "rows: 1000", "rows, at least 1000 are expected"),
        ("events", "freshness: 1 hour", "the newest event should not be older than 1 hour at 2026-03-09T02:00:00Z"),
    ],
)
def test_a_source_that_misses_what_is_expected_of_it_commits_nothing(
    shop: Shop, source: str, expects: str, said: str
) -> None:
    path = f"data/{source}.csv"
    shop.project(f"{source}: {path}", f"{source}: {{path: {path}, expects: {{{expects}}}}}")
    error = words(shop.refusal("09"))
    assert said in error
    assert "change `expects:` in journeys/project.yaml" in error
    assert shop.run("09", accept_loss=True).customers == 30


def test_what_the_mailroom_tells_does_not_make_a_stale_source_fresh(shop: Shop) -> None:
    shop.project("events: data/events.csv", "events: {path: data/events.csv, expects: {freshness: 5 days}}")
    for day in ("04", "08"):
        shop.run(day)
    assert "it is 2026-03-06T12:00:00Z" in words(shop.refusal("12"))
