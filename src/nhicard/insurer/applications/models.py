"""Cases and what happened to them; the dated changes of an institution's edition that follow from them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from nhicard.insurer.accounts.models import User
from nhicard.insurer.append_only import AppendOnly
from nhicard.insurer.registry.models import Institution


class State(models.TextChoices):
    """申請進度"""

    DRAFT = "draft", "填寫中"
    OFFICER = "officer", "承辦人_核定中"
    SUPERVISOR = "supervisor", "主管_核定中"
    AGREED = "agreed", "已核定_同意"
    REFUSED = "refused", "已核定_不同意"
    WITHDRAWN = "withdrawn", "撤回"


OPEN = (State.OFFICER, State.SUPERVISOR)


class Case(models.Model):
    """One application. A draft has no number yet; an institution has one draft a kind."""

    number = models.CharField(max_length=12, unique=True, null=True, help_text="ROC date and five digits")
    kind = models.CharField(max_length=12, help_text="data/kinds.csv")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="cases")
    applicant = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    contact_name = models.CharField(max_length=40, blank=True)
    contact_phone = models.CharField(max_length=20, blank=True)
    contact_email = models.EmailField(blank=True)
    wanted_from = models.DateField(null=True, help_text="requested effective date")
    remark = models.CharField(max_length=500, blank=True)
    consequences_read = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    officer = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", help_text="承辦人")
    proposed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    proposal = models.CharField(max_length=7, blank=True, help_text="agree or refuse, while the supervisor has it")
    supervisor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", help_text="核定之主管")
    effective_from = models.DateField(null=True)
    reason = models.CharField(max_length=500, blank=True, help_text="of the decision or the proposal")
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    due_on = models.DateField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["institution", "kind"], name="one_draft_a_kind", condition=Q(state=State.DRAFT)
            ),
            models.CheckConstraint(
                name="numbered_once_handed_in",
                condition=Q(state=State.DRAFT, number__isnull=True, submitted_at__isnull=True)
                | (~Q(state=State.DRAFT) & Q(number__isnull=False, submitted_at__isnull=False)),
            ),
        ]
        indexes = [models.Index(fields=["state", "due_on"], name="case_by_due_date")]

    def __str__(self) -> str:
        return self.number or f"draft {self.kind}"

    @property
    def is_open(self) -> bool:
        """Handed in and not yet decided."""
        return self.state in OPEN


class Event(AppendOnly):
    """One step of a case."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="events")
    number = models.PositiveIntegerField(help_text="from 1 within the case")
    at = models.DateTimeField()
    actor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=14)
    action = models.CharField(max_length=14)
    before = models.CharField(max_length=10, choices=State.choices)
    after = models.CharField(max_length=10, choices=State.choices)
    reason = models.CharField(max_length=500, blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "number"], name="one_event_a_step")]


class Attachment(models.Model):
    """A file beside an application, kept in the database; its type was read from its content."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="attachments")
    name = models.CharField(max_length=100)
    media_type = models.CharField(max_length=20)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")


class Change(models.TextChoices):
    """改版紀錄"""

    ADMITTED = "admitted", "核定 2.0 正式上傳"
    SWITCHED = "switched", "首筆 2.0 正式上傳收載"
    RETURNED = "returned", "核定回復 1.0"


class EditionChange(AppendOnly):
    """A dated change of what an institution uploads for real; undone only by a later one."""

    institution = models.CharField(max_length=10)
    number = models.PositiveIntegerField(help_text="from 1 within the institution")
    kind = models.CharField(max_length=8, choices=Change.choices)
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    case = models.ForeignKey(Case, null=True, on_delete=models.PROTECT, related_name="edition_changes")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["institution", "number"], name="one_edition_change_a_number"),
        ]


class DayNumber(models.Model):
    """The last number given to a case on a day: the row that those who hand in wait for."""

    day = models.DateField(unique=True)
    last = models.PositiveIntegerField(default=0)
