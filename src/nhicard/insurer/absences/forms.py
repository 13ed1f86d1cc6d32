"""What people fill in about absences."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from nhicard.insurer.absences.models import State
from nhicard.insurer.applications.forms import RocDateField
from nhicard.insurer.portal.texts import text


class Asked(forms.Form):
    """Which cases are looked for."""

    state = forms.ChoiceField(choices=[("", ""), *State.choices], required=False)
    q = forms.CharField(max_length=40, required=False)


class _DayField(RocDateField):
    def to_python(self, value: Any) -> date | None:
        """``112/11/01``, ``2023-11-01`` (what a browser's calendar sends), None where empty."""
        try:
            return date.fromisoformat(str(value or ""))
        except ValueError:
            return super().to_python(value)


class Report(forms.Form):
    """A journey of a physician, and who stands in."""

    physician = forms.CharField(max_length=10)
    replacement = forms.CharField(max_length=10)
    exit_on = _DayField()
    entry_on = _DayField(required=False)
    remark = forms.CharField(max_length=200, required=False)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for name, field in self.fields.items():
            field.label = text(f"absences.{name}")
            field.error_messages["required"] = text("absences.refused.required")
            field.error_messages["max_length"] = text("absences.refused.long")
            field.widget.attrs["aria-describedby"] = f"{name}-hint"

    def _id(self, name: str) -> str:
        return str(self.cleaned_data[name]).strip().upper()

    def clean_physician(self) -> str:
        """Capitals, without blanks."""
        return self._id("physician")

    def clean_replacement(self) -> str:
        """Capitals, without blanks."""
        return self._id("replacement")

    def clean(self) -> dict[str, Any]:
        """The coming back is not before the leaving."""
        told = super().clean() or {}
        if told.get("exit_on") and told.get("entry_on") and told["entry_on"] < told["exit_on"]:
            raise ValidationError({"entry_on": text("absences.refused.days")})
        return told
