"""The table for people, and the same for machines."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from _sandbox import terminal

from .figures import Table, allowed_per_second
from .measure import Result
from .subjects import NAMES
from .targets import Judged

COLUMNS = ("", "webhooks/s", "CPU ms", "memory MB", "calls", "bytes sent", "p50 ms", "p99 ms")


def show(table: Table, judged: Sequence[Judged]) -> None:
    """Prints a table a cell, then each target with the cells in which it is missed."""
    for cell, subjects in table.items():
        terminal.heading(cell.name)
        rows = []
        for name in (name for name in NAMES if name in subjects):
            f = subjects[name]
            rows.append(
                (
                    name,
                    f"{f.per_second:.0f}" if f.per_second >= 100 else f"{f.per_second:.1f}",
                    f"{f.cpu_ms:.2f}",
                    f"{f.memory_mb:.0f}",
                    f"{f.calls:.2f}",
                    f"{f.request_bytes:.0f}",
                    f"{f.p50_ms:.0f}",
                    f"{f.p99_ms:.0f}",
                )
            )
        terminal.table(COLUMNS, rows)
        if cell.latency_ms and "branchline" in subjects:
            terminal.say(f"Little's law allows {allowed_per_second(cell, subjects['branchline']):.0f} webhooks a second")
    terminal.heading("Targets, each per webhook and in every cell")
    for target in dict.fromkeys(one.target for one in judged):
        of_it = [one for one in judged if one.target == target]
        missed = [one for one in of_it if not one.met]
        if not missed:
            worst = f"{len(of_it)} of {len(of_it)} cells" if len(of_it) > 1 else of_it[0].cell.name
            terminal.done(f"{target}: {worst}")
            continue
        print(f"  {terminal.paint('missed', 'red')} {target}: in {len(missed)} of {len(of_it)} cells")
        for one in missed:
            terminal.say(f"{one.cell.name}: {one.figure:.3g} (limit {one.limit:.3g})")


def write(file: Path, results: Sequence[Result], table: Table, judged: Sequence[Judged]) -> None:
    """All of it as JSON."""
    cells: list[dict[str, Any]] = [
        {**asdict(cell), "subjects": {name: asdict(figures) for name, figures in subjects.items()}}
        for cell, subjects in table.items()
    ]
    whole = {
        "machine": machine(),
        "cells": cells,
        "targets": [asdict(one) for one in judged],
        "rounds": [result.plain() for result in results],
    }
    file.write_text(json.dumps(whole, indent=1) + "\n")


def machine() -> dict[str, Any]:
    """What the figures depend on and a reader of them cannot see."""
    return {
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "load_average": list(os.getloadavg()),
    }
