"""The form in which an announcement is written."""

from __future__ import annotations

from typing import Any

from django import forms

from nhicard.insurer.announcements.models import Section
from nhicard.insurer.announcements.services.audience import Segment
from nhicard.insurer.announcements.services.specialties import prefixes
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Kind
from nhicard.insurer.registry.tables import pairs

_ADDRESSED = (Kind.HOSPITAL, Kind.CLINIC, Kind.PHARMACY)
_LARGEST_GROUP = 2**63 - 1


def _choices(divisions: list[int]) -> dict[str, list[tuple[Any, str]]]:
    """What an audience can be said with, in the language of the request."""
    return {
        "divisions": [(number, text(f"division.{number}")) for number in divisions],
        "kinds": [(kind.value, text(f"announcements.kind.{kind.value}")) for kind in _ADDRESSED],
        "specialties": [(each, text(f"announcements.specialty.{each}")) for each in prefixes()],
    }


def _fits(kinds: list[str], specialties: list[str]) -> bool:
    """Whether an institution of these kinds can be of these specialties."""
    of_prefix = pairs("code_prefixes", "prefix", "kind")
    return any(of_prefix[prefix] in kinds for each in specialties for prefix in prefixes()[each])


class AnnouncementForm(forms.Form):
    """Section, words, audience and how long it is shown; files come beside it."""

    section = forms.ChoiceField()
    title = forms.CharField(max_length=120)
    body = forms.CharField(widget=forms.Textarea(attrs={"rows": 8}), max_length=10_000)
    divisions = forms.TypedMultipleChoiceField(coerce=int, required=False, widget=forms.CheckboxSelectMultiple)
    kinds = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    specialties = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    expires_on = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    is_public = forms.BooleanField(required=False)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for name, field in self.fields.items():
            field.label = text(f"announcements.{name}")
            field.error_messages["required"] = text("announcements.error.required")
        choices = _choices(list(range(1, 7)))
        choices["section"] = [(each.value, text(f"announcements.section.{each.value}")) for each in Section]
        for name, offered in choices.items():
            chosen: Any = self.fields[name]
            chosen.choices = offered
        for name in ("divisions", "kinds", "specialties"):
            self.fields[name].help_text = text(f"announcements.{name}.hint")

    def clean_specialties(self) -> list[str]:
        """Not together with kinds none of which can be of them."""
        chosen: list[str] = self.cleaned_data["specialties"]
        kinds: list[str] = self.cleaned_data.get("kinds", [])
        if chosen and kinds and not _fits(kinds, chosen):
            raise forms.ValidationError(text("announcements.error.nobody"))
        return chosen


class GroupForm(forms.Form):
    """A segment, and the LINE group it has already, if it has one. A division says its own segments only."""

    division = forms.TypedChoiceField(coerce=int, required=False, empty_value=None)
    kind = forms.ChoiceField(required=False)
    specialty = forms.ChoiceField(required=False)
    group = forms.IntegerField(required=False, min_value=1, max_value=_LARGEST_GROUP)

    def __init__(self, *arguments: Any, own_division: int | None, **named: Any) -> None:
        super().__init__(*arguments, **named)
        choices = _choices([own_division] if own_division else list(range(1, 7)))
        for name, of_many in (("division", "divisions"), ("kind", "kinds"), ("specialty", "specialties")):
            chosen: Any = self.fields[name]
            blank = [] if name == "division" and own_division else [("", text("announcements.everyone"))]
            chosen.choices = blank + choices[of_many]
        for name, field in self.fields.items():
            field.label = text(f"announcements.line.{name}")
            field.error_messages["required"] = text("announcements.error.required")
        self.fields["division"].required = bool(own_division)
        self.fields["group"].widget.attrs["aria-describedby"] = "group-hint"

    def clean_specialty(self) -> str:
        """Not together with a kind that cannot be of it."""
        chosen: str = self.cleaned_data["specialty"]
        kind: str = self.cleaned_data.get("kind", "")
        if chosen and kind and not _fits([kind], [chosen]):
            raise forms.ValidationError(text("announcements.error.nobody"))
        return chosen

    def segment(self) -> Segment:
        """What was chosen."""
        said = self.cleaned_data
        return Segment(said["division"], said["kind"], said["specialty"])
