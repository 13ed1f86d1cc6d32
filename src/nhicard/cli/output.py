"""The three outputs of ``nhicard check``: text for people, JSON and CSV for programs."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Final, Protocol

import polars as pl
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nhicard.checks.context import Context
from nhicard.checks.findings import SCHEMA, Findings, RuleOff, Tally

_SPOOL_BYTES = 8 << 20


class Page(Protocol):
    """The output of one file."""

    def add(self, part: Findings) -> None:
        """Take the findings of one slice."""

    def finish(self, tally: Tally) -> None:
        """Write what is left: the verdict on the whole file is known."""


class Report(Protocol):
    """The output of a whole run."""

    def file(self, name: str, context: Context) -> AbstractContextManager[Page]:
        """A page for a file."""

    def close(self) -> None:
        """The last file was written."""


def report_for(output: str, lang: str, show: int) -> Report:
    """The report of that name."""
    if output == "json":
        return JsonReport(sys.stdout)
    if output == "csv":
        return CsvReport(sys.stdout)
    return TextReport(Console(highlight=False), lang, show)


class JsonReport:
    """One JSON object a file, each on a line of its own; findings wait in a spooled file so that the counts,
    which are known last, can stand first."""

    def __init__(self, out: IO[str]) -> None:
        self.out = out

    @contextmanager
    def file(self, name: str, context: Context) -> Iterator[Page]:
        del context
        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES, mode="w+", encoding="utf-8") as spool:
            yield _JsonPage(name, spool, self.out)

    def close(self) -> None:
        self.out.flush()


class _JsonPage:
    def __init__(self, name: str, spool: IO[str], out: IO[str]) -> None:
        self.name = name
        self.spool = spool
        self.out = out
        self.last: Findings | None = None
        self.encoding = "ascii"
        self.empty = True

    def add(self, part: Findings) -> None:
        self.last = part
        if part.encoding != "ascii":
            self.encoding = part.encoding
        if not len(part):
            return
        lines = part.frame.write_ndjson().rstrip("\n").replace("\n", ",")
        self.spool.write(lines if self.empty else "," + lines)
        self.empty = False

    def finish(self, tally: Tally) -> None:
        assert self.last is not None
        head = {
            "file": self.name,
            "edition": self.last.edition,
            "encoding": self.encoding,
            "records": tally.records,
            "orders": tally.orders,
            "accepted": tally.accepted,
            "accepted_with_warnings": tally.accepted_with_warnings,
            "rejected": tally.rejected,
            "rules_off": [
                {"code": off.code, "reason": off.reason, "text_zh": off.zh, "text_en": off.en}
                for off in self.last.rules_off
            ],
        }
        self.out.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "findings": [')
        self.spool.seek(0)
        shutil.copyfileobj(self.spool, self.out)
        self.out.write("]}\n")


class CsvReport:
    """One row a finding, under one header for all files."""

    def __init__(self, out: IO[str]) -> None:
        self.out = out
        self.out.write(",".join(["file", *SCHEMA]) + "\n")

    @contextmanager
    def file(self, name: str, context: Context) -> Iterator[Page]:
        del context
        yield _CsvPage(name, self.out)

    def close(self) -> None:
        self.out.flush()


class _CsvPage:
    def __init__(self, name: str, out: IO[str]) -> None:
        self.name = name
        self.out = out

    def add(self, part: Findings) -> None:
        if len(part):
            self.out.write(part.frame.select(pl.lit(self.name).alias("file"), *SCHEMA).write_csv(include_header=False))

    def finish(self, tally: Tally) -> None:
        """Rows were written as they came; the verdicts are for the other formats."""


class TextReport:
    """For people: the verdict, the most frequent codes in plain words, the first findings."""

    def __init__(self, console: Console, lang: str, show: int) -> None:
        self.console = console
        self.lang = lang
        self.show = show

    @contextmanager
    def file(self, name: str, context: Context) -> Iterator[Page]:
        yield _TextPage(name, context, self)

    def close(self) -> None:
        """Nothing is left to write."""


class _TextPage:
    def __init__(self, name: str, context: Context, report: TextReport) -> None:
        self.name = name
        self.context = context
        self.report = report
        self.last: Findings | None = None
        self.encoding = "ascii"
        self.first: list[pl.DataFrame] = []
        self.shown = 0
        self.counts: pl.DataFrame | None = None

    def add(self, part: Findings) -> None:
        self.last = part
        if part.encoding != "ascii":
            self.encoding = part.encoding
        if not len(part):
            return
        if self.shown < self.report.show:
            head = part.frame.head(self.report.show - self.shown)
            self.first.append(head)
            self.shown += head.height
        counts = part.frame.group_by("code", "field", "severity").agg(
            pl.len().alias("count"), pl.first("text_zh", "text_en")
        )
        joined = counts if self.counts is None else pl.concat([self.counts, counts])
        self.counts = joined.group_by("code", "field", "severity").agg(pl.sum("count"), pl.first("text_zh", "text_en"))

    def finish(self, tally: Tally) -> None:
        assert self.last is not None
        show = self.report.console.print
        show(Text(self.name, style="bold"))
        show(
            f"  格式 {self.last.edition}，編碼 {self.encoding}，{tally.records:,} 筆就醫、{tally.orders:,} 筆醫令，"
            f"檢核時點 {self.context.as_of:%Y-%m-%d %H:%M}"
        )
        show(self._verdict(tally))
        if self.counts is not None:
            show(Padding(self._frequent(), (1, 0, 0, 2)))
        if self.first:
            show(Padding(self._findings(), (1, 0, 0, 2)))
        used = {name: source for name, source in self.context.references.used().items() if "_complete" not in name}
        if used:
            told = "；".join(f"{name}（{source}）" for name, source in used.items())
            show(Padding(Text(f"使用的清單 lists used: {told}", style="dim"), (1, 0, 0, 2)))
        if self.last.rules_off:
            show(Padding(Text(_off(self.last.rules_off), style="dim"), (1, 0, 0, 2)))
        show()

    def _verdict(self, tally: Tally) -> Group:
        line = Text("  ")
        line.append(f"接受 accepted {tally.accepted:,}", style="green")
        line.append("   ")
        line.append(f"接受但有提示 with warnings {tally.accepted_with_warnings:,}", style="yellow")
        line.append("   ")
        line.append(f"退件 rejected {tally.rejected:,}", style="bold red" if tally.rejected else "")
        bar = Text("  ")
        width = 60
        for count, style in (
            (tally.accepted, "green"),
            (tally.accepted_with_warnings, "yellow"),
            (tally.rejected, "red"),
        ):
            share = count * width / max(1, tally.records)
            bar.append("█" * (max(1, round(share)) if count else 0), style=style)
        if tally.whole_file_rejected:
            whole = Text("  整份檔案退件。 The whole file is rejected.", style="bold red")
            return Group(line, bar, whole)
        return Group(line, bar)

    def _frequent(self) -> Table:
        assert self.counts is not None
        table = Table(
            box=None,
            padding=(0, 2, 0, 0),
            title="最常見 Most frequent",
            title_justify="left",
            title_style="bold",
        )
        for name, justify in (("筆數", "right"), ("代碼", "left"), ("欄位", "left"), ("說明", "left")):
            table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
        for row in (
            self.counts.sort("count", "code", "field", descending=[True, False, False]).head(8).iter_rows(named=True)
        ):
            table.add_row(f"{row['count']:,}", self._code(row), row["field"] or "", self._words(row))
        return table

    def _findings(self) -> Group:
        frame = pl.concat(self.first)
        parts: list[Text] = [Text("最先發現 First findings", style="bold")]
        for row in frame.iter_rows(named=True):
            place = f"第 {row['record']} 筆" if row["record"] else "整份檔案"
            if row["order"]:
                place += f" 醫令 {row['order']}"
            where = f"行 {row['line']}" if row["line"] else ""
            line = Text(f"{place}  ")
            line.append(f"{row['field'] or ''}:", style="bold").append_text(self._code(row))
            if row["value"] is not None:
                line.append(f" = {_short(row['value'])!r}", style="cyan")
            line.append(f"  {where}  {row['key'] or ''}", style="dim")
            parts += [line, Padding(self._words(row), (0, 0, 0, 4))]  # type: ignore[list-item]
        return Group(*parts)

    def _code(self, row: dict[str, str]) -> Text:
        return Text(row["code"], style="yellow" if row["severity"] == "warn" else "red")

    def _words(self, row: dict[str, str]) -> Text:
        lang = self.report.lang
        words = Text(row["text_zh"] if lang != "en" else row["text_en"])
        if lang == "both":
            words.append("\n" + row["text_en"], style="dim")
        return words


def _short(value: str) -> str:
    return value if len(value) <= 40 else value[:37] + "…"


_REASONS: Final = {
    "list": "未載入的清單 lists not loaded (--reference)",
    "uploader": "未指定上傳院所 uploader not given (--institution)",
    "assumption": "依假設停用 switched off by assumption",
    "undecidable": "公開資料未載明條件 condition not in the public sources",
    "history": "需比對保險人已收載的紀錄 needs the insurer's records",
    "keys": "需要保險人的金鑰 needs the insurer's keys (--keys)",
    "insurer": "需保險人端的狀態 needs the insurer's own state",
}


def _off(rules_off: tuple[RuleOff, ...]) -> str:
    """How many codes were off, by reason; ``nhicard explain CODE`` says more of each."""
    lines = [f"未檢核 {len(rules_off)} 個代碼 codes that were off（nhicard explain CODE）:"]
    for reason, words in _REASONS.items():
        found = [off.code for off in rules_off if off.reason == reason]
        if found:
            lines.append(f"  {words}: {' '.join(found)}")
    return "\n".join(lines)
