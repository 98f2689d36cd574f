"""Turn the published CDNOW files into the customers and events of this project.

    python convert.py CDNOW_master.txt CDNOW_sample.txt

Writes data/customers.parquet and data/events.parquet beside this file. The source knows days, not hours:
every order is put at 00:00 UTC of its day. The e-mail addresses are made up and lead nowhere.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from pathlib import Path

import duckdb

DATA = Path(__file__).parent / "data"
CUSTOMERS = {
    "customer_id": "VARCHAR", "email": "VARCHAR", "created_at": "TIMESTAMPTZ",
    "in_fader_hardie_sample": "BOOLEAN",
}  # fmt: skip
EVENTS = {
    "event_id": "VARCHAR", "customer_id": "VARCHAR", "name": "VARCHAR", "occurred_at": "TIMESTAMPTZ",
    "properties": "VARCHAR",
}  # fmt: skip


def main(master: Path, sample: Path) -> None:
    """Read both files, write both tables, say what was written."""
    in_sample = {words[0] for words in lines(sample)}
    first: dict[str, str] = {}
    events = []
    for number, (customer, day, quantity, dollars) in enumerate(lines(master), 1):
        order = f"cdnow-{number:06}"
        at = f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00Z"
        properties = {
            "order_id": order,
            "quantity": int(quantity),
            "total": float(dollars),
            "currency": "USD",
        }
        events.append([order, customer, "order_placed", at, json.dumps(properties, separators=(",", ":"))])
        first[customer] = min(at, first.get(customer, at))
    customers = [[c, f"customer-{c}@example.com", at, str(c in in_sample)] for c, at in first.items()]
    DATA.mkdir(exist_ok=True)
    write(DATA / "customers.parquet", CUSTOMERS, customers)
    write(DATA / "events.parquet", EVENTS, events)
    sys.stdout.write(f"{len(customers):,} customers and {len(events):,} orders written to {DATA}\n")


def lines(file: Path) -> list[list[str]]:
    """The words of every line that begins with a customer's number."""
    split = [line.split() for line in file.read_text(encoding="ascii").splitlines()]
    return [words for words in split if words and words[0].isdigit()]


def write(path: Path, columns: dict[str, str], rows: list[list[str]]) -> None:
    """One Parquet file with typed columns."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
        file.flush()
        table = duckdb.read_csv(file.name, header=False, columns=columns)
        table.write_parquet(str(path))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
