"""What the pages show, in the language of the request."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils import translation

from nhicard.insurer.applications.forms import roc_day
from nhicard.insurer.hours.models import Holiday, HolidayRegistration, RegularHours
from nhicard.insurer.hours.services import holidays
from nhicard.insurer.hours.services.holidays import Open, Standing
from nhicard.insurer.hours.specialties import name as specialty_name
from nhicard.insurer.hours.week import SESSIONS, WEEKDAYS, Cell, Session, Week
from nhicard.insurer.portal.texts import text


def is_english() -> bool:
    """Whether the page is in English."""
    return (translation.get_language() or "").startswith("en")


def day_text(day: date) -> str:
    """``111/04/02（六）``, in English ``2022-04-02 (Sat)``."""
    weekday = text(f"hours.weekday.{day.weekday()}.short")
    return f"{day.isoformat()} ({weekday})" if is_english() else f"{roc_day(day)}（{weekday}）"


@dataclass(frozen=True, slots=True)
class Box:
    """A session that can be ticked or is shown. ``label`` tells it to who cannot see the table."""

    value: str
    label: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Line:
    """Boxes beside one another, with their heading."""

    heading: str
    boxes: tuple[Box, ...]


def weekdays() -> list[str]:
    """Monday to Sunday."""
    return [text(f"hours.weekday.{number}.short") for number in range(WEEKDAYS)]


def session_names() -> list[tuple[str, str]]:
    """Values and names of the sessions."""
    return [(each.value, text(f"hours.session.{each}")) for each in SESSIONS]


def week(open_cells: Collection[Cell]) -> list[Line]:
    """A week as a table: a line a session, a box a weekday; values are the cells' numbers."""
    return [
        Line(
            text(f"hours.session.{session}"),
            tuple(
                Box(
                    str(cell.number),
                    f"{text(f'hours.weekday.{cell.weekday}')} {text(f'hours.session.{session}')}",
                    cell in open_cells,
                )
                for cell in (Cell(weekday, session) for weekday in range(WEEKDAYS))
            ),
        )
        for session in SESSIONS
    ]


@dataclass(frozen=True, slots=True)
class Regular:
    """Regular hours of one specialty."""

    code: str
    specialty: str
    since: str
    lines: list[Line]
    is_offered: bool
    fee: str
    remark: str
    at: str
    by: str


def regular(row: RegularHours) -> Regular:
    """A row as it is shown."""
    return Regular(
        code=row.specialty,
        specialty=specialty_name(row.specialty),
        since=day_text(row.valid_from),
        lines=week(row.week.open),
        is_offered=bool(row.week.open),
        fee="" if row.fee is None else text("hours.money", amount=f"{row.fee:,}"),
        remark=row.remark,
        at=f"{row.at:%Y-%m-%d %H:%M}",
        by=row.by.username if row.by else text("hours.by_file"),
    )


@dataclass(frozen=True, slots=True)
class HolidayShown:
    """A holiday and, where somebody's standing is asked, what it is."""

    number: int
    name: str
    days: str
    window: str
    is_taken: bool
    state: str
    state_name: str
    left: str


def holiday(row: Holiday, today: date, registration: HolidayRegistration | None = None) -> HolidayShown:
    """A holiday as it is shown to an institution."""
    state = holidays.standing(registration)
    taken = holidays.is_taken(row, today)
    return HolidayShown(
        number=row.pk,
        name=row.name_en if is_english() else row.name_zh,
        days=text(
            "hours.holiday.days",
            first=day_text(row.first_day),
            last=day_text(row.last_day),
            count=len(holidays.days(row)),
        ),
        window=text("hours.holiday.window", opens=day_text(row.opens_on), closes=day_text(row.closes_on)),
        is_taken=taken,
        state=state.value,
        state_name=text(f"hours.standing.{state}"),
        left=text("hours.holiday.left", count=(row.closes_on - today).days + 1) if taken else "",
    )


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a holiday in the form: the main specialty's line, the others behind an arrow."""

    heading: str
    main: Line
    others: tuple[Line, ...]

    @property
    def is_unfolded(self) -> bool:
        """Whether anything behind the arrow is open."""
        return any(box.is_open for line in self.others for box in line.boxes)


def days(row: Holiday, offered: Iterable[str], chosen: Collection[Open]) -> list[Day]:
    """The form's days; the first of the offered specialties is the main one."""
    codes = list(offered)
    return [
        Day(
            day_text(day),
            _line(day, codes[0], chosen),
            tuple(_line(day, code, chosen) for code in codes[1:]),
        )
        for day in holidays.days(row)
    ]


def by_regular_hours(row: Holiday, hours: Iterable[RegularHours]) -> frozenset[Open]:
    """What would be open on the holiday's days by the regular hours."""
    return frozenset(
        Open(day, session, each.specialty)
        for each in hours
        for day in holidays.days(row)
        for session in Week.of_letters(each.cells).on(day)
    )


def _line(day: date, specialty: str, chosen: Collection[Open]) -> Line:
    return Line(
        specialty_name(specialty),
        tuple(
            Box(
                f"{day.isoformat()}.{session}.{specialty}",
                f"{day_text(day)} {text(f'hours.session.{session}')} {specialty_name(specialty)}",
                Open(day, session, specialty) in chosen,
            )
            for session in SESSIONS
        ),
    )


@dataclass(frozen=True, slots=True)
class Count:
    """How many have registered, of how many."""

    place: str
    required: int
    open: int
    closed: int

    @property
    def missing(self) -> int:
        """Those that have not."""
        return self.required - self.open - self.closed


def count(place: str, standings: Collection[Standing]) -> Count:
    """Counts of the standings of all that have to register."""
    found = list(standings)
    return Count(place, len(found), found.count(Standing.OPEN), found.count(Standing.CLOSED))


def sessions_told(told: Mapping[Session, tuple[str, ...]]) -> list[tuple[str, str]]:
    """Sessions with their specialties, by name."""
    between = text("hours.separator")
    return [
        (text(f"hours.session.{session}"), between.join(specialty_name(code) for code in codes))
        for session, codes in told.items()
    ]
