"""What people fill in about SAMs."""

from __future__ import annotations

from typing import Any

from django import forms

from nhicard.insurer.portal.texts import text
from nhicard.insurer.securitymodules.models import Reason
from nhicard.insurer.securitymodules.services import SHORTEST_PASSWORD


class Download(forms.Form):
    """The password that protects the file, twice."""

    password = forms.CharField(min_length=SHORTEST_PASSWORD, max_length=128, strip=False)
    again = forms.CharField(max_length=128, strip=False)

    def clean(self) -> dict[str, Any]:
        """Both the same."""
        told = super().clean() or {}
        if told.get("password") != told.get("again"):
            raise forms.ValidationError(text("securitymodules.not_the_same"))
        return told


class Decide(forms.Form):
    """Approve or refuse."""

    decision = forms.ChoiceField(choices=[("approve", ""), ("refuse", "")])
    reason = forms.CharField(max_length=200, required=False)


class Revoke(forms.Form):
    """Why, and whether another one is applied for at once."""

    reason = forms.ChoiceField(choices=Reason.choices)
    anew = forms.BooleanField(required=False)


class Search(forms.Form):
    """What a division looks for."""

    q = forms.CharField(max_length=40, required=False)
    kind = forms.ChoiceField(choices=[("", ""), ("card", ""), ("cloud", "")], required=False)
    state = forms.ChoiceField(choices=[("", ""), ("good", ""), ("revoked", "")], required=False)
