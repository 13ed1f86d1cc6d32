"""The database itself refuses to change or delete why an application was decided and a SAM revoked."""

from __future__ import annotations

from django.db import migrations

from nhicard.insurer.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("securitymodules", "0001_initial")]
    operations = [append_only("securitymodules_decision"), append_only("securitymodules_revocation")]
