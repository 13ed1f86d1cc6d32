"""What people type, and how it is read: ROC dates at this edge only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from nhicard.formats import rocdate
from nhicard.insurer.accounts.models import User
from nhicard.insurer.applications.models import State
from nhicard.insurer.applications.tables import Kind, kinds
from nhicard.insurer.portal.texts import text

_PHONE = re.compile(r"[0-9()#\-+ ]{6,20}")


class RocDateField(forms.Field):
    """``112/11/01``, ``112-11-1`` or ``1121101``; None where it is empty."""

    widget = forms.TextInput

    def to_python(self, value: Any) -> date | None:
        """Raises ValidationError for what is no such day."""
        told = str(value or "").strip()
        if not told:
            return None
        parts = re.fullmatch(r"(\d{2,3})[/.\-](\d{1,2})[/.\-](\d{1,2})", told)
        digits = f"{parts[1]:0>3}{parts[2]:0>2}{parts[3]:0>2}" if parts else told
        try:
            return rocdate.parse_date(digits)
        except ValueError:
            raise ValidationError(text("applications.error.date")) from None

    def prepare_value(self, value: Any) -> Any:
        """A date as it is typed."""
        return roc_day(value) if isinstance(value, date) else value


def roc_day(day: date | None) -> str:
    """``112/11/01``; empty for None."""
    if day is None:
        return ""
    digits = rocdate.format_date(day)
    return f"{digits[:3]}/{digits[3:5]}/{digits[5:]}"


class _Form(forms.Form):
    """Labels and messages are the app's texts; a field with errors points at them."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for name, field in self.fields.items():
            field.label = field.label or text(f"applications.field.{name}")
            field.error_messages["required"] = text("applications.error.required")
            field.widget.attrs.setdefault("aria-describedby", f"{name}-hint")

    def full_clean(self) -> None:
        """Clean, and mark the fields that are wrong for those who do not see them."""
        super().full_clean()
        for name in self.errors:
            if name in self.fields:
                marks = {"aria-invalid": "true", "aria-describedby": f"{name}-error"}
                self.fields[name].widget.attrs |= marks


class CaseForm(_Form):
    """The application. Saved as a draft everything may be missing; handed in it must be whole."""

    contact_name = forms.CharField(max_length=40)
    contact_phone = forms.CharField(max_length=20)
    contact_email = forms.EmailField()
    wanted_from = RocDateField(required=False)
    remark = forms.CharField(max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    consequences_read = forms.BooleanField(required=False)

    def __init__(self, kind: Kind, today: date, *arguments: Any, whole: bool, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._today = today
        if kind.effect == "returned":
            self.fields["consequences_read"].required = whole
        else:
            del self.fields["consequences_read"]
        self.fields["remark"].required = whole and not kind.effect
        if not whole:
            for field in self.fields.values():
                field.required = False

    def clean_contact_phone(self) -> str:
        """Digits and what stands between them."""
        told: str = self.cleaned_data["contact_phone"]
        if told and not _PHONE.fullmatch(told):
            raise ValidationError(text("applications.error.phone"))
        return told

    def clean_wanted_from(self) -> date | None:
        """Not a day gone by."""
        day: date | None = self.cleaned_data["wanted_from"]
        if day and day < self._today:
            raise ValidationError(text("applications.refused.day_past"))
        return day

    def facts(self) -> dict[str, Any]:
        """For ``cases.write``."""
        return {"consequences_read": False} | self.cleaned_data


class OrderForm(_Form):
    """What goes with a step: reason, effective date, colleague."""

    reason = forms.CharField(max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    effective_from = RocDateField(required=False)
    officer = forms.ModelChoiceField(User.objects.none(), required=False)

    def __init__(self, colleagues: Iterable[User], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["officer"].queryset = colleagues  # type: ignore[attr-defined]
        self.fields["officer"].empty_label = text("applications.choose_one")  # type: ignore[attr-defined]
        self.fields["officer"].label_from_instance = lambda user: user.name  # type: ignore[attr-defined]


class QueryForm(_Form):
    """特約機構案件查詢作業: by number, kind and day of application."""

    number = forms.RegexField(r"^\s*[0-9]{1,12}\s*$", required=False)
    kind = forms.ChoiceField(required=False)
    first = RocDateField(required=False)
    last = RocDateField(required=False)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["number"].error_messages["invalid"] = text("applications.error.number")
        choices = [(code, text(f"applications.kind.{code}")) for code in kinds()]
        self.fields["kind"].choices = [("", text("applications.all")), *choices]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The range runs forward."""
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last and last < first:
            self.add_error("last", text("applications.error.range"))
        return self.cleaned_data


class WorkForm(QueryForm):
    """Filters of the work list."""

    state = forms.ChoiceField(required=False)
    age = forms.ChoiceField(required=False)
    mine = forms.BooleanField(required=False)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for name in ("number", "first", "last"):
            del self.fields[name]
        states = [each for each in State if each != State.DRAFT]
        self.fields["state"].choices = [  # type: ignore[attr-defined]
            ("", text("applications.open")),
            *((each.value, text(f"applications.state.{each.value}")) for each in states),
        ]
        ages = ("overdue", "soon")
        self.fields["age"].choices = [  # type: ignore[attr-defined]
            ("", text("applications.all")),
            *((each, text(f"applications.age.{each}")) for each in ages),
        ]
