"""What people fill in about cases."""

from __future__ import annotations

from django import forms

from nhicard.insurer.followup.models import Kind, State


class Asked(forms.Form):
    """Which cases are looked for."""

    kind = forms.ChoiceField(choices=[("", ""), *Kind.choices], required=False)
    state = forms.ChoiceField(choices=[("", ""), *State.choices], required=False)
    q = forms.CharField(max_length=40, required=False)
