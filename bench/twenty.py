"""Twenty journeys of many kinds over the data set of the head-to-head, and what they ask of it as one query by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from bench.data import NOW, Data
from bench.project import PROJECT, write_project

AFTER_ALL = """backfill: current
reentry: never
steps:
  - wait: {first} days
  - branch:
      - when: {{event: {{name: purchase, within: 30 days}}}}
        steps: [{{exit: bought}}]
      - otherwise:
          - wait: {second} days
          - task: {{team: sales, title: Have a look, due: 7 days}}
"""
SINCE = """reentry: {{after: 30 days}}
steps:
  - wait_for: {{event: {awaited}, timeout: {first} days}}
  - branch:
      - when: {{event: {{name: {awaited}, since: entry}}}}
        steps: [{{exit: came}}]
      - otherwise:
          - wait: {second} days
          - task: {{team: sales, title: Have a look, due: 7 days}}
"""

# (plan, region, what of events), so that most customers are in some segment and none in all.
SEGMENTS = (
    ("free", "EU", ("event: {name: login, within: 90 days}",
                    "event: {name: purchase, where: {amount: {above: 20}}, within: 365 days}")),
    ("free", "NA", ("event: {name: login, within: 180 days}",)),
    ("free", "APAC", ("event: {name: page_view, within: 365 days}",)),
    ("pro", "EU", ("event: {name: purchase, within: 180 days, count: {at_least: 1}}",)),
    ("pro", "NA", ("not: {event: {name: support, within: 180 days}}",)),
    ("pro", "APAC", ("event: {name: login, within: 365 days, count: {at_least: 5}}",)),
    ("team", "EU", ("event: {name: login, within: 60 days}",)),
    ("team", "NA", ("event: {name: purchase, within: 365 days, sum: {property: amount, at_least: 80}}",)),
    ("free", "EU", ("not: {event: {name: login, within: 60 days}}",)),
    ("free", "NA", ("event: {name: purchase, where: {amount: {below: 50}}, within: 365 days}",)),
)  # fmt: skip
EVENTS = (
    ("purchase", "{amount: {above: 95}}", "login"), ("support", "", "support"), ("page_view", "", "purchase"),
    ("purchase", "{amount: {below: 5}}", "purchase"), ("login", "", "purchase"), ("support", "", "login"),
)  # fmt: skip

MEMORY = "3GB"
"""What the engine may take; the aims are a million customers in less than 4 GiB, ten millions in less than 8."""
FLAGS = ("l60", "l90", "l180", "l5", "p20", "p50", "p180", "sum80", "v365", "s180")


def write_twenty(folder: Path, memory: str = MEMORY) -> None:
    """Write the project: ten journeys whose trigger is a segment, six of an event, and one each of four other kinds."""
    write_project(folder, None)
    (folder / "journeys/retention/picks.yaml").unlink()
    head, _, _ = PROJECT.partition("segments:")
    head += f"engine: duckdb:///var/engine.duckdb?memory={memory}\n"
    lines = [
        head.replace("CHANNELS", "{default: file}").replace("data/events.parquet", "data/events/*.parquet"),
        "segments:",
    ]
    for number, (plan, region, asked) in enumerate(SEGMENTS):
        lines += [
            f"  s{number}:",
            "    all:",
            f"      - customer: {{plan: {plan}, region: {region}, created_at: {{before: 7 days}}}}",
        ]
        lines += [f"      - {one}" for one in asked]
    (folder / "journeys/project.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for number in range(len(SEGMENTS)):
        _write(
            folder,
            f"in-{number}",
            f"{{enters: {{segment: s{number}}}}}",
            AFTER_ALL.format(first=30 + number, second=30),
        )
    for number, (name, where, awaited) in enumerate(EVENTS):
        trigger = f"{{event: {{name: {name}{', where: ' + where if where else ''}}}}}"
        _write(folder, f"on-{number}", trigger, SINCE.format(awaited=awaited, first=2 + number, second=2))
    _write(folder, "gone", "{inactive: {event: login, for: 60 days}}", SINCE.format(awaited="login", first=7, second=2))
    _write(folder, "year", "{date: {of: customer.created_at, every: year, at: '10:00'}}",
           "reentry: each_occurrence\nsteps:\n  - task: {team: sales, title: A year, due: 7 days}\n")  # fmt: skip
    _write(folder, "left", "{leaves: {segment: s0}}", SINCE.format(awaited="login", first=7, second=2))
    _write(folder, "plan", "{changes: {attribute: plan}}",
           "reentry: {after: 30 days}\nsteps:\n  - task: {team: sales, title: Another plan}\n")  # fmt: skip


def _write(folder: Path, name: str, trigger: str, rest: str) -> None:
    text = f"journey: {name}\nstage: retention\ntopic: picks\ntrigger: {trigger}\n{rest}"
    (folder / f"journeys/retention/{name}.yaml").write_text(text, encoding="utf-8")


def by_hand(data: Data, as_of: dt.datetime = NOW) -> str:
    """What the conditions of the twenty ask of every customer's events, as one query that counts the segments."""
    at = f"TIMESTAMPTZ '{as_of.isoformat(' ')}'"

    def since(days: int) -> str:
        return f"occurred_at > {at} - INTERVAL {days} DAY"

    amount = "CAST(properties ->> '$.amount' AS DOUBLE)"
    segments = (
        ("free", "EU", "l90 AND p20"), ("free", "NA", "l180"), ("free", "APAC", "v365"), ("pro", "EU", "p180"),
        ("pro", "NA", "NOT s180"), ("pro", "APAC", "l5"), ("team", "EU", "l60"), ("team", "NA", "sum80"),
        ("free", "EU", "NOT l60"), ("free", "NA", "p50"),
    )  # fmt: skip
    counts = ",\n    ".join(
        f"count(*) FILTER (plan = '{plan}' AND region = '{region}' AND {rule})" for plan, region, rule in segments
    )
    flags = ", ".join(f"coalesce({name}, false) AS {name}" for name in FLAGS)
    return f"""
SELECT {counts}, max(last_login)
FROM (
    SELECT c.plan, c.region, {flags}, last_login
    FROM read_parquet('{data.customers}') AS c LEFT JOIN (
        SELECT customer_id,
            bool_or(name = 'login' AND {since(90)}) AS l90, bool_or(name = 'login' AND {since(180)}) AS l180,
            bool_or(name = 'login' AND {since(60)}) AS l60,
            count(*) FILTER (name = 'login' AND {since(365)}) >= 5 AS l5,
            max(occurred_at) FILTER (name = 'login') AS last_login,
            bool_or(name = 'purchase' AND {since(365)} AND {amount} > 20) AS p20,
            bool_or(name = 'purchase' AND {since(180)}) AS p180,
            sum({amount}) FILTER (name = 'purchase' AND {since(365)}) >= 80 AS sum80,
            bool_or(name = 'purchase' AND {since(365)} AND {amount} < 50) AS p50,
            bool_or(name = 'page_view' AND {since(365)}) AS v365, bool_or(name = 'support' AND {since(180)}) AS s180
        FROM read_parquet('{data.events}') WHERE occurred_at <= {at} GROUP BY customer_id
    ) AS e ON e.customer_id = c.customer_id
    WHERE c.created_at <= {at} - INTERVAL 7 DAY
)"""
