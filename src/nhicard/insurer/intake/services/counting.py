"""The monitoring counters: recounted for every institution and day that a batch touched, in its transaction."""

from __future__ import annotations

import polars as pl
from django.db import connection

from nhicard.insurer.intake.models import DayCount, Visit

# (A) 1.0 records in force; (B) those whose 2.0 pre-check of the same patient and second is in force, by how it came.
_RECOUNT = """
INSERT INTO {counts} (institution, visit_date, category, accepted10, matched_by_vpn, matched_by_web)
SELECT institution, visit_date, category, count(*),
       sum(CASE WHEN arrived_by = 'vpn' THEN 1 ELSE 0 END), sum(CASE WHEN arrived_by = 'web' THEN 1 ELSE 0 END)
FROM (
  SELECT a.institution, a.visit_date, a.category, (
    SELECT max(b.channel) FROM {visits} b
    WHERE b.patient_id = a.patient_id AND b.visit_time = a.visit_time AND b.institution = a.institution
      AND b.edition = '2.0' AND b.is_precheck = %s AND b.state = 'accepted'
  ) AS arrived_by
  FROM {visits} a
  WHERE a.edition = '1.0' AND a.is_precheck = %s AND a.state = 'accepted'
    AND a.institution = %s AND a.visit_date = %s
) AS counted
GROUP BY institution, visit_date, category
"""


def recount(visits: pl.DataFrame) -> None:
    """Count anew the cells of the institutions and days of these visits."""
    cells = visits.select("institution", "visit_date").drop_nulls().unique().rows()
    tables = {"counts": DayCount._meta.db_table, "visits": Visit._meta.db_table}
    with connection.cursor() as cursor:
        for institution, day in cells:
            DayCount.objects.filter(institution=institution, visit_date=day).delete()
            cursor.execute(_RECOUNT.format(**tables), [True, False, institution, day])
