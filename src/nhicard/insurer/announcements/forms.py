"""The form in which an announcement is written."""

from __future__ import annotations

from typing import Any

from django import forms

from nhicard.insurer.announcements.models import Section
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Kind

_ADDRESSED = (Kind.HOSPITAL, Kind.CLINIC, Kind.PHARMACY)


class AnnouncementForm(forms.Form):
    """Section, words, audience and how long it is shown; files come beside it."""

    section = forms.ChoiceField(choices=Section.choices)
    title = forms.CharField(max_length=120)
    body = forms.CharField(widget=forms.Textarea(attrs={"rows": 8}), max_length=10_000)
    divisions = forms.TypedMultipleChoiceField(coerce=int, required=False, widget=forms.CheckboxSelectMultiple)
    kinds = forms.MultipleChoiceField(
        choices=[(kind.value, kind.label) for kind in _ADDRESSED], required=False, widget=forms.CheckboxSelectMultiple
    )
    expires_on = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    is_public = forms.BooleanField(required=False)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for name, field in self.fields.items():
            field.label = text(f"announcements.{name}")
        divisions: Any = self.fields["divisions"]
        divisions.choices = [(number, text(f"division.{number}")) for number in range(1, 7)]
