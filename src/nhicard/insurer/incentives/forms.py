"""What the addresses of the pages ask for."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from nhicard.formats import rocdate
from nhicard.insurer.incentives.engine import State
from nhicard.insurer.incentives.scheme import INSTITUTIONS


class Day(forms.Field):
    """``112/12/31``, ``1121231`` or ``2023-12-31``."""

    def to_python(self, value: Any) -> Any:
        told = str(value or "").strip()
        if not told:
            return None
        try:
            if "-" in told:
                return date.fromisoformat(told)
            return rocdate.parse_date(told.replace("/", "").zfill(7))
        except ValueError as trouble:
            raise ValidationError("not a day") from trouble


class Asked(forms.Form):
    """Filters of the list; everything may be left out."""

    q = forms.CharField(max_length=40, required=False)
    item = forms.CharField(max_length=4, required=False)
    state = forms.ChoiceField(choices=[(each.value, each.value) for each in State], required=False)
    kind = forms.ChoiceField(choices=[(each, each) for each in INSTITUTIONS], required=False)
    division = forms.IntegerField(min_value=1, max_value=6, required=False)
    as_of = Day(required=False)
    totals = forms.BooleanField(required=False)
    page = forms.IntegerField(min_value=1, max_value=10_000, required=False)
