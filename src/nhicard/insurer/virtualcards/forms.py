"""What people fill in about virtual cards."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from nhicard.formats import rocdate
from nhicard.insurer.applications.forms import RocDateField
from nhicard.insurer.portal.texts import text
from nhicard.insurer.virtualcards.models import Setting


class Change(forms.Form):
    """Join or leave a setting; the first or the last day, today where it is empty."""

    setting = forms.ChoiceField(choices=Setting.choices)
    day = RocDateField(required=False)


class MonthField(forms.Field):
    """``115/03`` or ``11503`` as the month's first day; None where it is empty."""

    def to_python(self, value: Any) -> date | None:
        """Raises ValidationError for what is no month."""
        told = str(value or "").strip()
        if not told:
            return None
        parts = re.fullmatch(r"(\d{3})[/.\-]?(\d{2})", told)
        try:
            return rocdate.parse_date(f"{parts[1]}{parts[2]}01" if parts else told)
        except ValueError:
            raise ValidationError(text("virtualcards.wrong.month")) from None


class Asked(forms.Form):
    """What the insurer looks for."""

    month = MonthField(required=False)
    division = forms.IntegerField(min_value=1, max_value=6, required=False)
    q = forms.CharField(max_length=40, required=False)
