"""Whole files: clean ones stay, broken ones come back, what cannot be read is not lost; and the command."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.strategies import batches
from typer.testing import CliRunner

from nhicard import Batch, Context, read, write
from nhicard.checks.cases.cases import base_record
from nhicard.checks.requirement import demanded, mask_columns
from nhicard.cli import fix as command
from nhicard.formats import EDITIONS, Edition, build
from nhicard.formats.writer import EPILOG
from nhicard.institution.mending import fix, repairs
from nhicard.institution.mending.content import content
from nhicard.synthetic import generate

AS_OF = datetime(2023, 10, 20, 12)
CONTEXT = Context(as_of=AS_OF)
ROWS = st.integers(0, 2**32 - 1)


def fullwidth(value: pl.Expr) -> pl.Expr:
    return value.str.replace_many(list("0123456789ABC"), list("０１２３４５６７８９ＡＢＣ"))


def western(value: pl.Expr) -> pl.Expr:
    return (value.str.head(3).cast(pl.Int64) + 1911).cast(pl.String) + value.str.slice(3)


def without_zeros(value: pl.Expr) -> pl.Expr:
    return pl.when(value.str.contains("^0+[1-9]")).then(value.str.strip_chars_start("0")).otherwise(value)


Break = Callable[[pl.Expr], pl.Expr]
#: For each repair of values: which fields its opposite spoils, and how.
OPPOSITES: dict[Edition, dict[str, tuple[str, Break]]] = {
    "1.0": {
        "halfwidth": ("A14 A17 A18 A19 A71 A72 A78", fullwidth),
        "trimmed": ("A12 A14 A18 A25 A73 A76 A78", lambda value: value + "  "),
        "plain_number": ("A19 A31 A32", lambda value: value + ".0"),
        "version": ("A02", lambda value: value.str.head(1)),
        "uppercase": ("A12 A15 A18", lambda value: value.str.to_lowercase()),
        "roc_date": ("A13 A17 A71", western),
        "zero_padded": ("A18 A23 A78", without_zeros),
        "one_decimal": ("A77", lambda value: value + "0"),
    },
    "2.0": {
        "halfwidth": ("M05 M07 M11 M15 M23 D01 D02 D03", fullwidth),
        "trimmed": ("M03 M05 M13 M35 D06 D09 D04", lambda value: " " + value + "\t"),
        "plain_number": ("M12 M44 M45", lambda value: value + ".00"),
        "uppercase": ("H01 M03 M06 M15 M16 D04", lambda value: value.str.to_lowercase()),
        "roc_date": ("M04 M11 M19 D01", western),
        "zero_padded": ("M07 M13", without_zeros),
        "one_decimal": ("D10", lambda value: value + "0"),
    },
}


def spoil(batch: Batch, seed: int, repair: str) -> Batch:
    """The batch, in a tenth of its rows spoilt by the opposite of the repair."""
    rng = np.random.default_rng(seed)
    if repair in OPPOSITES[batch.edition]:
        names, broken = OPPOSITES[batch.edition][repair]
        return replace(
            batch,
            visits=spoilt(batch.visits, names.split(), broken, rng),
            orders=spoilt(batch.orders, names.split(), broken, rng),
        )
    return {"absent": send_empty, "visit_time": shift_times, "numbered": lose_numbers}[repair](batch, rng)


def spoilt(frame: pl.DataFrame, names: list[str], broken: Break, rng: np.random.Generator) -> pl.DataFrame:
    return frame.with_columns(
        pl.when(pl.col(name).is_not_null() & pl.lit(pl.Series(rng.random(frame.height) < 0.1)))
        .then(broken(pl.col(name)))
        .otherwise(pl.col(name))
        .alias(name)
        for name in names
        if name in frame.columns
    )


def send_empty(batch: Batch, rng: np.random.Generator) -> Batch:
    masks = batch.visits.hstack(mask_columns(batch.edition, batch.visits))
    names = ("A11", "A16", "A22") if batch.edition == "1.0" else ("M01", "M02", "M14")
    chosen = pl.lit(pl.Series(rng.random(batch.visits.height) < 0.5))
    empty = [
        pl.when(pl.col(name).is_null() & demanded(batch.edition, "forbidden", name) & chosen)
        .then(pl.lit(""))
        .otherwise(pl.col(name))
        .alias(name)
        for name in names
    ]
    return replace(batch, visits=masks.with_columns(empty).select(batch.visits.columns))


def shift_times(batch: Batch, rng: np.random.Generator) -> Batch:
    name = "A71" if batch.edition == "1.0" else "D01"
    later = lambda value: value.str.head(7) + "235959"  # noqa: E731
    return replace(batch, orders=spoilt(batch.orders, [name], later, rng))


def lose_numbers(batch: Batch, rng: np.random.Generator) -> Batch:
    if batch.edition == "1.0":
        return batch
    return replace(batch, orders=spoilt(batch.orders, ["D03"], lambda _: pl.lit(""), rng))


@pytest.fixture(scope="module", params=EDITIONS)
def clean(request: pytest.FixtureRequest) -> Batch:
    return generate(request.param, 400, 7, AS_OF, 3)


def test_a_clean_file_stays_as_it_is(clean: Batch) -> None:
    fixed = fix(clean, CONTEXT)
    assert not fixed.changes.height
    assert not fixed.left.height
    assert write(fixed.batch) == write(clean)


@pytest.mark.parametrize("repair", [repair.name for repair in repairs()])
def test_what_the_opposite_of_a_repair_spoils_comes_back(clean: Batch, repair: str) -> None:
    if repair not in OPPOSITES[clean.edition] and repair not in ("absent", "visit_time", "numbered"):
        assert (clean.edition, repair) == ("2.0", "version")
        return
    broken = spoil(clean, 1, repair)
    fixed = fix(broken, CONTEXT)
    assert fixed.batch.visits.equals(clean.visits)
    assert fixed.batch.orders.equals(clean.orders)
    assert set(fixed.changes["repair"]) <= {repair}
    unchanged = broken.visits.equals(clean.visits) and broken.orders.equals(clean.orders)
    assert bool(fixed.changes.height) != unchanged
    assert not unchanged or (clean.edition, repair) in {("1.0", "numbered"), ("2.0", "absent")}


@settings(max_examples=5, deadline=None)
@given(seed=ROWS)
def test_several_spoilings_at_once_come_back(seed: int) -> None:
    clean = generate("2.0", 40, 5, AS_OF)
    broken = clean
    for at, repair in enumerate(("zero_padded", "uppercase", "roc_date", "one_decimal", "halfwidth", "trimmed")):
        broken = spoil(broken, seed + at, repair)
    fixed = fix(broken, CONTEXT)
    clinical = [name for name, kind in content("2.0").items() if kind == "clinical" and name in clean.visits.columns]
    assert fixed.batch.visits.drop(clinical).equals(clean.visits.drop(clinical))
    assert fixed.batch.orders.select("D01", "D02", "D03", "D06").equals(clean.orders.select("D01", "D02", "D03", "D06"))
    assert not fix(fixed.batch, CONTEXT).changes.height


@settings(max_examples=25, deadline=None)
@given(batch=batches())
def test_any_batch_is_mended_once(batch: Batch) -> None:
    fixed = fix(batch, CONTEXT)
    assert not fix(fixed.batch, CONTEXT).changes.height
    protected = {name for name, kind in content(batch.edition).items() if kind == "signature"}
    assert not protected & set(fixed.changes.filter(pl.col("repair") != "absent")["field"])
    assert set(fixed.left["reason"].is_null()) <= {False}


# ---- the command ----


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.chdir(tmp_path)  # no settings file of the user
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    app = typer.Typer()
    command.register(app)

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, [*map(str, arguments), "--as-of", "2023-10-20T12:00"])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return call


def broken_file(folder: Path, encoding: str = "big5", remark: str | None = None, **fields: str) -> Path:
    visit, orders = base_record("2.0", "bases", "outpatient")
    if remark:
        orders[1]["D15"] = remark
    file = folder / "upload.xml"
    text = write(build("2.0", [(visit | fields, orders)])).decode("cp950")
    file.write_bytes(text.encode("utf-8" if encoding == "utf-8" else "cp950"))
    return file


def test_file_is_mended_beside_the_input(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    file = broken_file(tmp_path, M03="a123456789", M44="1,450")
    before = file.read_bytes()
    code, out, _ = run(file, "-o", tmp_path / "mended.xml", "--format", "json")
    told = json.loads(out)
    assert code == 0
    assert file.read_bytes() == before
    mended = read(tmp_path / "mended.xml").visits
    assert mended.select("M03", "M44").row(0) == ("A123456789", "1450")
    assert {change["repair"] for change in told["changes"]} == {"uppercase", "plain_number"}
    assert "123456" not in out  # IDs are masked
    assert (tmp_path / "mended.xml").stat().st_mode & 0o077 == 0
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_ids_are_shown_on_demand(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = run(broken_file(tmp_path, M03="a123456789"), "--dry-run", "--show-ids")
    assert "'a123456789' → 'A123456789'" in out


def test_what_is_left_makes_exit_code_1(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = run(broken_file(tmp_path, M04="701212", M44="=1+1"), "--dry-run", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 1
    assert {(row["field"], row["reason"]) for row in rows} == {("M04", "two_readings"), ("M44", "money")}
    assert {row["before"] for row in rows} == {"701****", "'=1+1"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["upload.xml"]


def test_input_is_never_overwritten(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    file = broken_file(tmp_path, M44="1,450")
    before = file.read_bytes()
    link = tmp_path / "link.xml"
    link.hardlink_to(file)
    for target in (file, link):
        code, _, told = run(file, "-o", target)
        assert code == 2
        assert "--dry-run" not in told
        assert file.read_bytes() == before
    assert run(file)[0] == 2


def test_utf8_becomes_big5(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    file = broken_file(tmp_path, "utf-8", remark="備註")
    code, out, _ = run(file, "-o", tmp_path / "mended.xml", "--format", "json")
    assert code == 0
    assert [change["repair"] for change in json.loads(out)["changes"]] == ["big5"]
    mended = read(tmp_path / "mended.xml")
    assert (mended.encoding, mended.orders["D15"][1]) == ("big5", "備註")


@pytest.mark.parametrize(
    ("spoiled", "by"),
    [("<X99>1</X99></MB1>", "</MB1>"), ("", EPILOG)],
    ids=["unknown field", "no end"],
)
def test_faulty_structure_is_not_written(
    tmp_path: Path, run: Callable[..., tuple[int, str, str]], spoiled: str, by: str
) -> None:
    file = broken_file(tmp_path)
    file.write_bytes(file.read_bytes().replace(by.encode(), spoiled.encode()))
    code, out, told = run(file, "-o", tmp_path / "mended.xml", "--format", "json")
    assert code == 2
    assert "未寫出" in told
    assert "structure" in {row["reason"] for row in json.loads(out)["left"]}
    assert not (tmp_path / "mended.xml").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello"])
def test_unusable_input(tmp_path: Path, run: Callable[..., tuple[int, str, str]], content: bytes) -> None:
    file = tmp_path / "upload.xml"
    file.write_bytes(content)
    code, out, told = run(file, "-o", tmp_path / "mended.xml")
    assert (code, out) == (2, "")
    assert told.startswith("nhicard: ")
