"""References to visits from other apps."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor


class _MayBeAway(ForwardManyToOneDescriptor):  # type: ignore[type-arg]  # it takes none when it runs
    def __get__(self, instance: Any, cls: Any = None) -> Any:
        try:
            return super().__get__(instance, cls)
        except ObjectDoesNotExist:
            return None


class VisitLink(models.ForeignKey[Any, Any]):
    """A visit, None while its month is in the archive; the number stays. Visits are partitioned, so that no id of
    theirs is unique for the database: it has no constraint."""

    forward_related_accessor_class = _MayBeAway

    def __init__(self, to: Any = "intake.Visit", on_delete: Any = models.PROTECT, **options: Any) -> None:
        options |= {"null": True, "related_name": "+", "db_constraint": False}
        super().__init__(to, on_delete, **options)

    def deconstruct(self) -> Any:
        """For migrations a plain foreign key."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.ForeignKey", arguments, options
