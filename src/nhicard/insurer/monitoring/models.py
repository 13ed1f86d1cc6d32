"""Qualifications (H1) with what they rest on. Triggers of the database refuse to change or delete a row (0002)."""

from __future__ import annotations

from django.db import models


class Qualification(models.Model):
    """An institution that met both conditions. ``evidence``: the report as it stood (services/evidence.py)."""

    institution = models.CharField(max_length=10, db_index=True)
    at = models.DateTimeField(help_text="H1 holds from here")
    decided_by = models.CharField(max_length=40, help_text="username, or the name of the job")
    evidence = models.JSONField()
