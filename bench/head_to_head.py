"""The head-to-head: the whole flow, and in turn with it the floors, in several rounds of one run.

A round is: the rule by hand, the nights of the journey in a process of their own, the same rule by `journey audience`,
and the same letters twice without state. Every ratio is between medians of the same rounds.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import floors
from bench.data import NOW, Data, write_data
from bench.machine import load, machine, middle
from bench.page import figures
from bench.project import write_project
from bench.sinks import ROOT, Sink, smtp_sink
from journey_engine import audience
from journey_engine.checks import open_project

__all__ = ["figures", "measure"]

NIGHTS = ("enter", "send", "after")
BY_HAND = 3  # so often in each round; the best counts

Round = dict[str, Any]


def measure(customers: int, rounds: int, say: Callable[[str], None], *, style_sheet: bool = False) -> dict[str, Any]:
    """Run it; the result is plain data for JSON."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary, smtp_sink() as sink:
        folder = Path(temporary)
        say(f"{customers:,} customers, {customers * 10:,} events; mail sink: {sink.kind}")
        data = write_data(folder / "data", customers)
        write_project(folder, sink.port, style_sheet=style_sheet)
        done = []
        for number in range(1, rounds + 1):
            done.append(_round(folder, data, sink))
            whole, mails = done[-1]["whole"]["seconds"], done[-1]["mails_a_second"]
            say(f"round {number} of {rounds}: whole flow {whole:.1f} s, {mails:,.0f} mails/s, load {done[-1]['load']}")
        return {
            "what": "head-to-head", "customers": customers, "style_sheet": style_sheet, "sink": sink.kind,
            "machine": machine(), "rounds": done, "median": middle(done),
        }  # fmt: skip


def _round(folder: Path, data: Data, sink: Sink) -> Round:
    before = load()
    by_hand = min((floors.by_hand(data) for _ in range(BY_HAND)), key=lambda spent: spent.seconds)
    flow = _flow(folder)
    counted = _audience(folder)
    letters = floors.letters_of(folder, 1 + NIGHTS.index("send"))
    stateless, bare = floors.stateless(folder, letters), floors.letters(folder, letters, sink.port)
    assert counted.count == by_hand.count == flow["nights"]["enter"]["entered"], "not the same customers"
    send = flow["nights"]["send"]
    assert send["mails"] == len(letters) == stateless.count, "not the same letters"
    dispatch, first = send["phases"]["dispatch"], flow["nights"]["enter"]["phases"]
    decided = sum(first[phase]["seconds"] for phase in ("collect", "facts", "sweep"))
    kept = decided + sum(first[phase]["seconds"] for phase in ("commit", "publish", "door"))
    after = sum(flow["nights"]["after"]["phases"][phase]["seconds"] for phase in ("collect", "facts", "sweep"))
    return {
        **flow,
        "load": max(before, load()),
        "evaluated_a_second": send["customers"] / decided,
        "evaluated_after_a_second": send["customers"] / after,
        "entered_a_second": by_hand.count / kept,
        "mails_a_second": send["mails"] / dispatch["seconds"],
        "mails_a_cpu_second": send["mails"] / dispatch["cpu"],
        "by_hand": {"seconds": by_hand.seconds, "cpu": by_hand.cpu},
        "audience": {"seconds": counted.seconds, "cpu": counted.cpu},
        "decided": {"seconds": decided},
        "stateless_mails": _speeds(stateless),
        "bare_mails": _speeds(bare),
    }


def _speeds(spent: floors.Spent) -> dict[str, float]:
    return {"a_second": spent.count / spent.seconds, "a_cpu_second": spent.count / spent.cpu}


def _flow(folder: Path) -> Round:
    """Every night in one new process, from an empty store."""
    shutil.rmtree(folder / "var", ignore_errors=True)
    start = time.perf_counter()
    command = [sys.executable, "-m", "bench.flow", str(folder), str(len(NIGHTS))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"bench: the flow failed\n{done.stderr}")
    said = json.loads(done.stdout)
    nights = dict(zip(NIGHTS, said["nights"], strict=True))
    extra = nights["after"]["phases"].values()
    return {
        "nights": nights,
        "whole": {
            "seconds": seconds - sum(phase["seconds"] for phase in extra),
            "cpu": said["cpu"] - sum(phase["cpu"] for phase in extra),
        },
        "peak_mib": said["peak_mib"],
    }


def _audience(folder: Path) -> floors.Spent:
    loaded = open_project(folder)
    predicate = audience.read_condition("active-buyers", loaded)
    watch = floors.Watch()
    found = audience.count(loaded, predicate, NOW, sample=0)
    return watch.spent(found.customers)
