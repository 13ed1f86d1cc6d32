"""The insurer's open data: read, written again byte for byte, imported and exported."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.insurer.hours import offices
from typer.testing import CliRunner

from nhicard.cli import hours as command
from nhicard.insurer.hours import layouts
from nhicard.insurer.hours.layouts import BadFile, Clinic, FixedHours, Style
from nhicard.insurer.hours.models import Premises, RegularHours
from nhicard.insurer.hours.services import files, regular
from nhicard.insurer.hours.week import Week
from nhicard.insurer.operations import database
from nhicard.insurer.registry.models import Contract, Institution

#: Made-up institutions; every quirk that the public file has.
SAMPLE = Path(__file__).parent / "fixed_hours.csv"
STAMP = datetime(2022, 5, 13, 8, 0, 38)


def _registered() -> None:
    """The sample's institutions, under contract except the one that the sample says is closed."""
    for row in layouts.read(SAMPLE.read_bytes()).rows:
        assert isinstance(row, FixedHours)
        place = Institution.objects.create(
            code=row.code, name=row.name, short_name=row.name, kind="clinic", category=row.category
        )
        Institution.objects.filter(pk=place.pk).update(division=int(row.division))
        Contract.objects.create(institution=place, valid_from=date(2010, 1, 1))


def test_the_sample_has_the_quirks() -> None:
    data = SAMPLE.read_bytes()
    text = data.decode()
    assert data.startswith(b"\xef\xbb\xbf")
    for quirk in (",-,", "，", "／", "\n0199", ",2,4,2022,", "NNNNNNYNNNNNNYNNNNNYY", ",20220513080038\r\n"):
        assert quirk in text, quirk
    assert '"' not in text


def test_the_sample_is_written_again_byte_for_byte() -> None:
    found = layouts.read(SAMPLE.read_bytes())
    assert not found.faults
    rows = [row for row in found.rows if isinstance(row, FixedHours)]
    assert len(rows) == len(SAMPLE.read_bytes().splitlines()) - 1
    assert layouts.write(rows, found.style) == SAMPLE.read_bytes()


CELLS = st.text(
    st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"], blacklist_characters=',"\ufeff'), max_size=12
)
ROWS = st.builds(
    FixedHours,
    code=st.from_regex(r"[0-9A-Z]{10}", fullmatch=True),
    name=CELLS,
    division=st.sampled_from("123456"),
    category=st.sampled_from("12345X"),
    year=st.integers(1995, 2100).map(str),
    letters=st.text("NY", min_size=21, max_size=21),
    remark=CELLS,
    state=st.sampled_from("0236A"),
    updated=st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(layouts.stamp),
)
STYLES = st.builds(
    Style,
    header=st.permutations([*layouts.FIXED_HOURS, "備用"]).flatmap(
        lambda names: st.tuples(*(st.sampled_from([name, f"{name} ", f" {name}"]) for name in names))
    ),
    has_bom=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n"]),
    ends_with_newline=st.booleans(),
)


@given(st.lists(ROWS, min_size=1, max_size=4), STYLES)
def test_any_file_of_the_layout_is_written_again_byte_for_byte(rows: list[FixedHours], style: Style) -> None:
    data = layouts.write(rows, style)
    found = layouts.read(data)
    assert (list(found.rows), found.style, found.faults) == (rows, style, ())
    assert layouts.write(found.rows, found.style) == data  # type: ignore[arg-type]


@pytest.mark.django_db
def test_the_sample_is_imported_and_exported_byte_for_byte() -> None:
    _registered()
    done = files.take(SAMPLE.read_bytes(), STAMP)
    assert (done.rows, done.new, done.older, done.unknown, done.faults) == (6, 6, 0, (), ())
    style = layouts.read(SAMPLE.read_bytes()).style
    assert layouts.write(files.rows(STAMP.date(), STAMP), style) == SAMPLE.read_bytes()
    assert files.take(SAMPLE.read_bytes(), STAMP).new == 0, "the same file again adds nothing"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "-"),
        ("  ", "-"),
        ("週六,日休診", "週六，日休診"),
        ("早上\r\n休診", "早上  休診"),
        ('"臨"', "＂臨＂"),
        ("08/12", "08/12"),
    ],
)
def test_what_a_cell_must_not_hold(text: str, told: str) -> None:
    assert layouts.cell(text) == told


GOOD = "5999990010,測試藥局甲,1,5,2022,NNNNNNYNNNNNNYNNNNNYY,-,0,20220513080038"
HEADER = ",".join(layouts.FIXED_HOURS)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (GOOD.replace("5999990010", "599999001"), "10 characters"),
        (GOOD.replace("NYY,", "NYYY,"), "21 letters"),
        (GOOD.replace("NYY,", "nyy,"), "21 letters"),
        (GOOD.replace("2022,", "111,"), "year"),
        (GOOD.replace("20220513080038", "20221313080038"), "yyyyMMddHHmmss"),
        (GOOD.replace(",-,", ",早上,休診,"), "10 cells instead of 9"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_loses_no_other(line: str, said: str) -> None:
    found = layouts.read(f"{HEADER}\n{GOOD}\n{line}\n{GOOD}\n".encode())
    assert len(found.rows) == 2
    (fault,) = found.faults
    assert fault.line == 3
    assert said in fault.en


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", "醫事機構代碼,醫事機構名稱\n".encode(), HEADER.encode("cp950"), b'\xef\xbb\xbf"a\x00\n']
)
def test_what_is_none_of_the_files(data: bytes) -> None:
    with pytest.raises(BadFile):
        layouts.read(data)


@pytest.mark.django_db
def test_who_is_not_in_the_register_is_told() -> None:
    done = files.take(f"{HEADER}\n{GOOD}\n".encode(), STAMP)
    assert (done.new, done.unknown) == (0, ("5999990010",))


@pytest.mark.django_db
@pytest.mark.parametrize(("registered", "is_kept"), [(date(2022, 5, 13), False), (date(2022, 5, 14), True)])
def test_an_own_registration_newer_than_the_file_is_kept(registered: date, is_kept: bool) -> None:
    place = offices.place("5999990010", kind="pharmacy")
    offices.hours(place, "00", offices.EVERY_DAY, registered)  # at midnight; the file is of eight in the morning
    done = files.take(f"{HEADER}\n{GOOD}\n".encode(), STAMP)
    assert (done.older, done.new) == ((1, 0) if is_kept else (0, 1))
    (row,) = regular.in_force(Institution.objects.all(), date(2022, 6, 1))[place.pk]
    assert row.week == offices.EVERY_DAY, "what a file tells never stands in for what the institution told"


@pytest.mark.django_db
def test_hours_of_a_coming_year_hold_from_its_first_day() -> None:
    place = offices.place("5999990010", kind="pharmacy")
    files.take(f"{HEADER}\n{GOOD.replace(',2022,', ',2023,')}\n".encode(), STAMP)
    assert RegularHours.objects.get().valid_from == date(2023, 1, 1)
    everybody = Institution.objects.all()
    assert place.pk not in regular.in_force(everybody, date(2022, 12, 31))
    assert place.pk in regular.in_force(everybody, date(2023, 1, 1))


@pytest.mark.django_db
def test_a_list_of_clinics_brings_addresses_and_phrases() -> None:
    place = offices.place("3599990010")
    week = Week.of_letters("NNNNNYYNNNNNYYYYYYYYY")
    data = (
        "醫事機構代碼 ,醫事機構名稱,電話,地址,固定看診時段,備註\r\n"
        f'3599990010,測試診所,02-00000000,"台北市測試區測試路1號, 2樓",{week.phrases},-\r\n'
        "3599990029,測試診所乙,-,-,星期一上午看診,-\r\n"
    ).encode()
    found = layouts.read(data)
    assert [row.code for row in found.rows if isinstance(row, Clinic)] == ["3599990010"]
    assert [fault.line for fault in found.faults] == [3]
    assert files.take(data, STAMP).new == 1
    assert RegularHours.objects.get(institution=place).week == week
    assert Premises.objects.get(institution=place).address == "臺北市測試區測試路1號, 2樓"


@pytest.mark.django_db
def test_a_contract_that_ended_makes_a_place_closed_in_the_file() -> None:
    place = offices.place("5999990010", kind="pharmacy")
    files.take(f"{HEADER}\n{GOOD}\n".encode(), STAMP)
    assert [row.state for row in files.rows(STAMP.date(), STAMP)] == ["0"]
    place.contracts.update(valid_until=date(2022, 5, 12))
    assert [row.state for row in files.rows(STAMP.date(), STAMP)] == ["2"]


@pytest.mark.django_db
def test_several_specialties_are_one_row() -> None:
    place = offices.place(name="測試,診所")
    offices.hours(place, "01", offices.WEEKDAYS, date(2022, 3, 1), remark="週三,晚上休診")
    offices.hours(place, "04", offices.EVERY_DAY, date(2022, 3, 1))
    (row,) = files.rows(date(2022, 3, 1), STAMP)
    assert (row.letters, row.name, row.remark) == ("NNNNNNNNNNNNYYYYYYYYY", "測試，診所", "週三，晚上休診")


@pytest.mark.django_db
def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.HOME = tmp_path
    monkeypatch.setattr(database, "why_unusable", lambda: "")
    _registered()
    runner, at = CliRunner(), ["--as-of", "2022-05-13T08:00:38"]
    taken = runner.invoke(command.app, ["import", str(SAMPLE), *at])
    assert (taken.exit_code, "new hours: 6" in taken.output) == (0, True)
    assert runner.invoke(command.app, ["export", *at]).exit_code == 0
    published = tmp_path / "hours" / "fixed-hours.csv"
    assert [each.name for each in published.parent.iterdir()] == ["fixed-hours.csv"]
    assert published.read_bytes() == SAMPLE.read_bytes(), "the style of the sample is the one that is written"
    bad = tmp_path / "bad.csv"
    bad.write_text(f"{HEADER}\n{GOOD}x\n")
    faulty = runner.invoke(command.app, ["import", str(bad), *at])
    assert (faulty.exit_code, "line 2" in faulty.output) == (1, True)
    assert runner.invoke(command.app, ["import", str(tmp_path / "none.csv")]).exit_code == 2
    assert runner.invoke(command.app, ["export", "-o", str(bad / "in-a-file"), *at]).exit_code == 2
