"""What people type: ROC months and days at this edge only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from nhicard.formats import rocdate
from nhicard.insurer.bandwidth import months
from nhicard.insurer.bandwidth.services.evidence import FASTEST, LARGEST_BILL
from nhicard.insurer.portal.texts import text


class Month(forms.Field):
    """``111/02`` or ``11102``."""

    widget = forms.TextInput(attrs={"maxlength": "7"})

    def to_python(self, value: Any) -> Any:
        """The month's first day. Raises ValidationError."""
        told = str(value or "").strip()
        if not told:
            return None
        try:
            return months.parse(told)
        except ValueError:
            raise ValidationError(text("bandwidth.error.month")) from None

    def prepare_value(self, value: Any) -> Any:
        """As it is typed."""
        return months.told(value) if isinstance(value, date) else value


class Day(forms.Field):
    """``111/02/13``, ``1110213`` or ``2022-02-13``."""

    def to_python(self, value: Any) -> Any:
        """The day. Raises ValidationError."""
        told = str(value or "").strip()
        if not told:
            return None
        try:
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", told):
                return date.fromisoformat(told)
            return rocdate.parse_date(told.replace("/", "").zfill(7))
        except ValueError:
            raise ValidationError(text("bandwidth.error.day")) from None


class _Form(forms.Form):
    """Labels and messages are the app's texts; a field with errors points at them."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for name, field in self.fields.items():
            field.label = text(f"bandwidth.field.{name}")
            field.error_messages["required"] = text("bandwidth.error.required")
            for kind in ("invalid", "min_value", "max_value"):
                field.error_messages[kind] = text("bandwidth.error.number")
            field.widget.attrs.setdefault("aria-describedby", f"{name}-hint")

    def full_clean(self) -> None:
        """Clean, and mark the fields that are wrong for those who do not see them."""
        super().full_clean()
        for name in self.errors:
            if name in self.fields:
                self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"{name}-error"}


class ApplyForm(_Form):
    """An application to take part."""

    line_type = forms.ChoiceField()
    wanted_from = Month()
    contact_name = forms.CharField(max_length=40)
    contact_phone = forms.RegexField(r"^[0-9()#\-+ ]{6,20}$")

    def __init__(self, choices: Sequence[tuple[str, str]], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["line_type"].choices = choices  # type: ignore[attr-defined]
        self.fields["contact_phone"].error_messages["invalid"] = text("bandwidth.error.phone")


class EvidenceForm(_Form):
    """The bill of a month."""

    fee_month = Month()
    bill = forms.IntegerField(min_value=1, max_value=LARGEST_BILL)
    mbps = forms.IntegerField(min_value=1, max_value=FASTEST)
    file = forms.FileField()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["file"].error_messages["empty"] = text("applications.refused.file_empty")
        self.fields["file"].widget.attrs["accept"] = ".pdf,.png,.jpg,.jpeg"


class LeaveForm(_Form):
    """The last month."""

    last_month = Month()


class DecideForm(_Form):
    """The division's word."""

    effective_from = Month(required=False)
    reason = forms.CharField(max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))


class AskedForm(forms.Form):
    """Filters of lists; everything may be left out."""

    as_of = Day(required=False)
    division = forms.IntegerField(min_value=1, max_value=6, required=False)
    group = forms.CharField(max_length=20, required=False)
    page = forms.CharField(max_length=6, required=False)
