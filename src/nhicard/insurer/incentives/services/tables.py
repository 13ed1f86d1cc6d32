"""What people take home: a settlement as CSV."""

from __future__ import annotations

import csv
import io
from typing import Final

from django.db.models import QuerySet

from nhicard.insurer.incentives.models import Line, Settlement
from nhicard.insurer.monitoring.services.downloads import harmless
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.registry.tables import pairs

_HEADER: Final = (
    *("分區代碼", "分區名稱", "結算序號", "截至日", "醫事機構代碼", "醫事機構簡稱", "項目代碼"),
    *("應得點數", "前已結算點數", "本次差額"),
)


def settlement_csv(settlement: Settlement) -> bytes:
    """A row a line, UTF-8 with a byte order mark; cells that no spreadsheet takes for formulas, save the numbers."""
    lines = list(settlement.lines.order_by("institution", "item"))
    names = short_names(settlement.lines.all())
    division = f"{pairs('divisions', 'division', 'name_zh')[str(settlement.division)]}業務組"
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(_HEADER)
    for line in lines:
        writer.writerow(
            (
                *(settlement.division, division, str(settlement), settlement.as_of.isoformat()),
                *(line.institution, harmless(names.get(line.institution, "")), line.item),
                *(line.entitled, line.before, line.difference),
            )
        )
    return stream.getvalue().encode("utf-8-sig")


def short_names(lines: QuerySet[Line]) -> dict[str, str]:
    """Names of the lines' institutions, by code."""
    found = Institution.objects.filter(code__in=lines.order_by().values("institution"))
    return dict(found.values_list("code", "short_name"))
