"""What people fill in about findings."""

from __future__ import annotations

from typing import Any

from django import forms

from nhicard.insurer.detectors.detector import detectors
from nhicard.insurer.detectors.models import State
from nhicard.insurer.portal.texts import text


class Asked(forms.Form):
    """Which findings are looked for."""

    detector = forms.ChoiceField(required=False)
    state = forms.ChoiceField(choices=[("", ""), *State.choices], required=False)
    q = forms.CharField(max_length=40, required=False)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        field = self.fields["detector"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", ""), *((name, name) for name in detectors())]


class CaseText(forms.Form):
    """A case text for all."""

    title = forms.CharField(max_length=120)
    body = forms.CharField(max_length=5000, widget=forms.Textarea(attrs={"rows": 14}))

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for name, field in self.fields.items():
            field.label = text(f"detectors.field.{name}")
            field.error_messages["required"] = text("detectors.required")
