"""Prints the tables for people, and writes the same as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from typing import Any

from _common import terminal

from . import daemons, flat
from .figures import Table, allowed_per_second, percentile
from .journeys import Trip, together
from .measure import Result
from .subjects import NAMES
from .targets import Judged

COLUMNS = ("", "webhooks/s", "CPU ms", "memory MB", "calls", "bytes sent", "p50 ms", "p99 ms")


def show(table: Table, trips: Sequence[Trip], judged: Sequence[Judged]) -> None:
    """Prints one table per cell and journey, then each target with the cells that miss it."""
    for cell, subjects in table.items():
        terminal.heading(cell.name)
        rows = []
        for name in (name for name in NAMES if name in subjects):
            figures = subjects[name]
            digits = 0 if figures.per_second >= 100 else 1
            rows.append(
                (
                    name,
                    f"{figures.per_second:.{digits}f}",
                    f"{figures.cpu_ms:.2f}",
                    f"{figures.memory_mb:.0f}",
                    f"{figures.calls:.2f}",
                    f"{figures.request_bytes:.0f}",
                    f"{figures.p50_ms:.0f}",
                    f"{figures.p99_ms:.0f}",
                )
            )
        terminal.table(COLUMNS, rows)
        if cell.latency_ms and "branchline" in subjects:
            allowed = allowed_per_second(cell, subjects["branchline"])
            terminal.say(f"Little's law allows {allowed:.0f} webhooks a second")
    _show_trips(trips)
    if judged:
        terminal.heading("Targets, each per webhook and in every cell")
    for target in dict.fromkeys(one.target for one in judged):
        cells = [one for one in judged if one.target == target]
        missed = [one for one in cells if not one.met]
        count = len(cells)
        if not missed:
            where = f"{count} of {count} cells" if count > 1 else cells[0].cell.name
            terminal.done(f"{target}: {where}")
            continue
        word = terminal.paint("missed", "red")
        print(f"  {word} {target}: in {len(missed)} of {count} cells")
        for one in missed:
            terminal.say(f"{one.cell.name}: {one.figure:.3g} (limit {one.limit:.3g})")


def show_accounts(flats: Sequence[flat.Flat], courses: Sequence[daemons.Course]) -> None:
    """Prints what webhooks cost in accounts of several sizes, and how daemons shared a backlog."""
    if flats:
        terminal.heading("At the start, of a webhook that opens, and of one that pushes")
        terminal.table(("", *flat.COLUMNS), list(flat.rows(flats)))
        for line in flat.calls(flats):
            terminal.say(line)
    if courses:
        heading = f"Daemons with a backlog, at {daemons.RATE} calls to CodePipeline a second"
        terminal.heading(heading)
        terminal.table(daemons.COLUMNS, list(daemons.rows(courses)))


def _show_trips(trips: Sequence[Trip]) -> None:
    for journey, times in together(trips):
        terminal.heading(journey.name)
        rows = [
            (name, f"{percentile(times[name], 50):.1f}", f"{percentile(times[name], 99):.1f}")
            for name in NAMES
            if name in times
        ]
        terminal.table(("", "p50 ms", "p99 ms"), rows)
        calls = ", ".join(journey.calls)
        terminal.say(f"the calls before it ({calls}) take {journey.calls_ms} ms")
        held = mean(trip.held_ms for trip in trips if trip.journey == journey)
        terminal.say(f"a call was delayed by {held:.1f} ms")


def write(
    file: Path,
    results: Sequence[Result],
    table: Table,
    trips: Sequence[Trip],
    judged: Sequence[Judged],
    accounts: Sequence[flat.Flat | daemons.Course],
) -> None:
    """Writes everything as JSON."""
    cells: list[dict[str, Any]] = [
        {
            **asdict(cell),
            "subjects": {name: asdict(figures) for name, figures in subjects.items()},
        }
        for cell, subjects in table.items()
    ]
    whole = {
        "machine": machine(),
        "cells": cells,
        "targets": [asdict(one) for one in judged],
        "rounds": [result.plain() for result in results],
        "trips": [asdict(trip) for trip in trips],
        "accounts": [asdict(one) for one in accounts],
    }
    file.write_text(json.dumps(whole, indent=1) + "\n")


def machine() -> dict[str, Any]:
    """Returns what the figures depend on: the processors, the system and its load."""
    return {
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "load_average": list(os.getloadavg()),
    }
