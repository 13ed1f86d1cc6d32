"""What the pages post, made clean: lengths, no NUL characters. Pages write their own fields."""

from __future__ import annotations

from django import forms


class Credentials(forms.Form):
    """First step."""

    username = forms.CharField(max_length=40)
    password = forms.CharField(max_length=200, strip=False)


class Code(forms.Form):
    """Second step: a one-time code or a recovery code."""

    code = forms.CharField(max_length=40)


class SignedByCard(forms.Form):
    """A signature block; names as on the wire."""

    clientRandom = forms.CharField(max_length=64)
    hospitalId = forms.CharField(max_length=10)
    samId = forms.CharField(max_length=12, required=False)
    hpcId = forms.CharField(max_length=12, required=False)
    hpcIdNo = forms.CharField(max_length=10, required=False)
    signature = forms.CharField(max_length=400)


class NewPassword(forms.Form):
    """Change of password."""

    present = forms.CharField(max_length=200, strip=False)
    password = forms.CharField(max_length=200, strip=False)
    again = forms.CharField(max_length=200, strip=False)
