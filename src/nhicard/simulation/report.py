"""What a run showed: figures as JSON, a page in Markdown, the queue as a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from nhicard.bench.measure import machine
from nhicard.simulation.run import Look, Ran, waits

_WIDTH, _HEIGHT, _LEFT, _TOP = 900, 180, 60, 30


def figures(ran: Ran) -> dict[str, Any]:
    """The figures by name."""
    day, seconds = ran.day, waits(ran)
    requests = np.sort([each.acknowledged - each.begun for each in ran.uploads])
    records = sum(each.records for each in ran.uploads)
    sending = max(each.acknowledged for each in ran.uploads) - ran.start
    part = {name: _percentiles(values) for name, values in (("receipt", requests), ("result", seconds))}
    return {
        "machine": machine(),
        "database": ran.database,
        "load of the machine, before and after": [round(each, 1) for each in ran.load],
        "institutions": day.there,
        "visits": day.visits,
        "hours": [day.first, day.last],
        "seconds": day.seconds,
        "times real time": round(day.speed, 1),
        "load as a multiple of the nation's": round(day.nations, 2),
        "uploads": len(ran.uploads),
        "records": records,
        "records a second while sending": round(records / sending, 1),
        "uploads a second while sending": round(len(ran.uploads) / sending, 1),
        "sent twice": sum(each.repeated for each in ran.uploads),
        "tried more than once": sum(each.tries > 1 + each.repeated for each in ran.uploads),
        "seconds to the receipt": part["receipt"],
        "seconds to the result": part["result"],
        "seconds to the result, no outage": _percentiles(_undisturbed(ran)),
        "most waiting": max(look.waiting for look in ran.seen.looks),
        "greatest age of the queue, s": round(max(look.age for look in ran.seen.looks), 1),
        "last result after the last receipt, s": round(ran.ended - ran.start - sending, 1),
        "database growth per 1000 records, MB": round((ran.bytes_after - ran.bytes_before) / records * 1000 / 2**20, 2),
        "losses": ran.losses,
    }


def write(ran: Ran, folder: Path) -> dict[str, Any]:
    """``simulation.json``, ``simulation.md`` and ``simulation.svg`` in the folder; the figures."""
    told = figures(ran)
    folder.mkdir(parents=True, exist_ok=True)
    looks = [[round(look.at, 1), look.waiting, round(look.age, 1), look.results] for look in ran.seen.looks]
    whole = told | {"queue (second, waiting, age, results)": looks}
    (folder / "simulation.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    (folder / "simulation.md").write_text(_markdown(told), encoding="utf-8")
    (folder / "simulation.svg").write_text(picture(ran.seen.looks), encoding="utf-8")
    return told


def picture(looks: Sequence[Look]) -> str:
    """Submissions waiting and the age of the oldest, over the seconds of the run, as SVG."""
    panels: list[tuple[str, Sequence[float]]] = [
        ("submissions waiting", [look.waiting for look in looks]),
        ("age of the oldest, s", [look.age for look in looks]),
        ("results so far", [look.results for look in looks]),
    ]
    times = [look.at for look in looks]
    height = len(panels) * (_HEIGHT + _TOP) + _TOP
    drawn = "".join(_panel(place, name, times, values) for place, (name, values) in enumerate(panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        f'font-size="13"><rect width="100%" height="100%" fill="white"/>{drawn}</svg>\n'
    )


def _panel(place: int, name: str, times: Sequence[float], values: Sequence[float]) -> str:
    top = _TOP + place * (_HEIGHT + _TOP)
    width, most, last = _WIDTH - _LEFT - 20, max(*values, 1), max(*times, 1)
    points = " ".join(
        f"{_LEFT + max(at, 0) / last * width:.1f},{top + _HEIGHT - value / most * _HEIGHT:.1f}"
        for at, value in zip(times, values, strict=True)
    )
    bottom = top + _HEIGHT
    return (
        f'<text x="{_LEFT}" y="{top - 6}">{name}</text>'
        f'<text x="{_LEFT - 6}" y="{top + 10}" text-anchor="end">{most:,.0f}</text>'
        f'<text x="{_LEFT - 6}" y="{bottom}" text-anchor="end">0</text>'
        f'<text x="{_LEFT + width}" y="{bottom + 15}" text-anchor="end">{last:.0f} s</text>'
        f'<path d="M{_LEFT} {top}V{bottom}H{_LEFT + width}" fill="none" stroke="#888"/>'
        f'<polyline points="{points}" fill="none" stroke="#1a5fb4" stroke-width="1.5"/>'
    )


def _undisturbed(ran: Ran) -> Any:
    """Seconds to the result of what was sent before the workers' outage began to matter."""
    until = ran.start + ran.day.worker_stops[0] * ran.day.seconds - _CLEAR
    chosen = [each for each in ran.uploads if each.begun < until]
    return np.sort([ran.seen.first_seen[each.receipt] - each.begun for each in chosen])


_CLEAR: Final = 10.0  # what was sent so shortly before may still have waited


def _percentiles(values: Any) -> dict[str, float | None]:
    return {f"p{q}": round(float(np.percentile(values, q)), 3) if len(values) else None for q in (50, 99, 100)}


def _markdown(told: dict[str, Any]) -> str:
    lines = ["| what | figure |", "|---|---|"]
    for name, value in told.items():
        lines.append(f"| {name} | {_plain(value)} |")
    return "\n".join(lines) + "\n\n![the queue over the run](simulation.svg)\n"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {each}" for name, each in value.items())
    if isinstance(value, list):
        return " – ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
