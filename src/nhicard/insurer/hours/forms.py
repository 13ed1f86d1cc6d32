"""What people tell, and how it is read."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from nhicard.insurer.applications.forms import RocDateField
from nhicard.insurer.hours import specialties
from nhicard.insurer.hours.models import REMARK
from nhicard.insurer.hours.services.holidays import Draft, Open
from nhicard.insurer.hours.services.regular import MOST_FEE, Told
from nhicard.insurer.hours.week import CELLS, Session, Week
from nhicard.insurer.portal.texts import text

_INVALID: Final = ("invalid", "invalid_choice", "invalid_list")


class _Form(forms.Form):
    """Labels and messages are the app's texts; a field with errors points at them."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for name, field in self.fields.items():
            field.label = field.label or text(f"hours.field.{name}")
            field.error_messages["required"] = text("hours.error.required")
            field.error_messages |= {key: text("hours.error.invalid") for key in _INVALID}
            field.widget.attrs["aria-describedby"] = f"{self[name].auto_id}-hint"

    def refuse(self, name: str) -> None:
        """What a service did not take, told above the form."""
        self.add_error(None, ValidationError(text(name)))


class RegularForm(_Form):
    """Regular hours of one specialty."""

    specialty = forms.ChoiceField()
    valid_from = RocDateField()
    cells = forms.TypedMultipleChoiceField(coerce=int, choices=[(n, n) for n in range(1, CELLS + 1)], required=False)
    fee = forms.IntegerField(min_value=0, max_value=MOST_FEE, required=False)
    remark = forms.CharField(max_length=REMARK, required=False)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["specialty"].choices = choices()  # type: ignore[attr-defined]
        self.fields["fee"].error_messages |= {key: text("hours.error.fee") for key in ("min_value", "max_value")}

    def told(self) -> Told:
        """What a valid form tells."""
        facts = self.cleaned_data
        week = Week.of_numbers(facts["cells"])
        return Told(facts["specialty"], facts["valid_from"], week, facts["fee"], facts["remark"])


class HolidayForm(_Form):
    """Registration for a holiday. ``cells``: ``2022-04-02.morning.02``; ``extra``: specialties added to the form."""

    is_closed = forms.BooleanField(required=False)
    remark = forms.CharField(max_length=REMARK, required=False)

    def cells(self) -> frozenset[Open]:
        """The ticked sessions; raises ValueError for what no form of ours sends."""
        return frozenset(_open(each) for each in self.data.getlist("cells"))  # type: ignore[attr-defined]

    def added(self) -> set[str]:
        """Specialties that were added to the form, and the one that is to be added."""
        told: Any = self.data
        asked = [*told.getlist("extra"), told.get("add", "")]
        return {each for each in asked if each in specialties.specialties()}


class AnnouncementForm(_Form):
    """A holiday to be announced."""

    name_zh = forms.CharField(max_length=40)
    name_en = forms.CharField(max_length=60)
    first_day = RocDateField()
    last_day = RocDateField()
    opens_on = RocDateField()
    closes_on = RocDateField()

    def draft(self) -> Draft:
        """What a valid form tells."""
        return Draft(**self.cleaned_data)


class PublicForm(forms.Form):
    """What everybody may ask: everything may be left out."""

    day = forms.DateField(input_formats=["%Y-%m-%d"], required=False)
    county = forms.CharField(max_length=4, required=False)
    place = forms.CharField(max_length=40, required=False)
    session = forms.ChoiceField(choices=[(each.value, each.value) for each in Session], required=False)
    specialty = forms.RegexField(r"^[0-9A-Z]{2}\Z", required=False)
    page = forms.IntegerField(min_value=1, max_value=100_000, required=False)
    lang = forms.ChoiceField(choices=[("zh", "zh"), ("en", "en")], required=False)


def choices() -> list[tuple[str, str]]:
    """Specialties to choose from."""
    return [(code, f"{code} {specialties.name(code)}") for code in specialties.specialties()]


def _open(value: str) -> Open:
    day, session, specialty = value.split(".")
    return Open(date.fromisoformat(day), Session(session), specialty)
