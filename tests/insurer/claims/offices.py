"""A clinic that claims: its people, its claim files, and the visits that it uploaded."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final

import polars as pl
from tests.insurer.portal import people

from nhicard.formats import rocdate
from nhicard.formats.claims import Claims, Kind, write
from nhicard.insurer.claims.models import ClaimFile
from nhicard.insurer.claims.services import checking, receiving
from nhicard.insurer.intake.kinds import Channel
from nhicard.insurer.intake.models import Order, Submission, Visit
from nhicard.insurer.intake.services import bulk
from nhicard.insurer.registry import authority
from nhicard.insurer.registry.models import Institution
from nhicard.synthetic.claims import generate_claims

NOW: Final = datetime(2026, 5, 6, 10, 30)
MONTH: Final = date(2026, 4, 1)


@cache
def _made(kind: Kind, cases: int, seed: int, keys: Any) -> Claims:
    return generate_claims(kind, cases, seed, NOW, keys=keys)


def claims(kind: Kind = "outpatient", cases: int = 12, seed: int = 1) -> Claims:
    """A claim for 112-10 that no rule finds fault with, with genuine identifiers."""
    return _made(kind, cases, seed, authority.authority().keys)


def code_of(made: Claims) -> str:
    """The institution that claims."""
    return str(made.totals[made.table.roles["institution"]][0])


def institution(made: Claims | None = None) -> Institution:
    """The institution of a claim, in the register."""
    made = made or claims()
    kinds = {"outpatient": "clinic", "inpatient": "hospital", "pharmacy": "pharmacy"}
    return people.institution(code_of(made), kind=kinds[made.kind])


def with_totals(made: Claims, **said: str) -> bytes:
    """The claim's file with other values by role in tdata."""
    totals = made.totals.with_columns(pl.lit(value).alias(made.table.roles[role]) for role, value in said.items())
    return _written(made, totals, made.cases)


def with_cases(made: Claims, **said: pl.Expr) -> bytes:
    """The claim's file with other values by role in its cases."""
    cases = made.cases.with_columns(value.alias(made.table.roles[role]) for role, value in said.items())
    return _written(made, made.totals, cases)


def without_identifiers(made: Claims) -> bytes:
    """The claim's file as it was before the revision."""
    return with_cases(made, identifier=pl.lit(None, pl.String))


def first_case(made: Claims, **said: str) -> bytes:
    """The claim's file with other values by role in its first case."""
    changed = {
        role: pl.when(pl.col("case") == 1).then(pl.lit(value)).otherwise(pl.col(made.table.roles[role]))
        for role, value in said.items()
    }
    return with_cases(made, **changed)


def _written(made: Claims, totals: pl.DataFrame, cases: pl.DataFrame) -> bytes:
    return write(Claims(made.table, totals, cases, made.orders))


def upload_visits(made: Claims, *, is_precheck: bool = False, now: datetime = NOW) -> None:
    """Put the visits that a claim speaks of on record, as accepted uploads of 2.0, orders and all."""
    roles, code = made.table.roles, code_of(made)
    submission = Submission.objects.create(
        receipt=f"{Submission.objects.count():042d}",
        institution=code,
        channel=Channel.VPN,
        kind="A2" if is_precheck else "A1",
        content_hash=Submission.objects.count().to_bytes(32, "big"),
        size=1,
        received_at=now,
        state="checked",
    )
    physician = roles.get("physician")
    told = made.cases.select(
        record=pl.col("case").cast(pl.Int64),
        patient_id=roles["person"],
        staff_id=pl.col(physician).fill_null("") if physician else pl.lit(""),
        identifier=pl.col(roles["identifier"]).fill_null("") if "identifier" in roles else pl.lit(""),
        visit_date=rocdate.as_date(pl.col(roles["visit_day"])),
        visit_time=pl.col(roles["visit_day"]) + "093000",
    )
    blank = ("original_identifier", "original_institution", "actual_identifier")
    rows = told.with_columns(
        submission_id=pl.lit(submission.pk, pl.Int64),
        edition=pl.lit("2.0"),
        is_precheck=pl.lit(is_precheck),
        channel=pl.lit("vpn"),
        state=pl.lit("accepted"),
        received_at=pl.lit(now, pl.Datetime("us")),
        visit_month=pl.col("visit_date").dt.month_start(),
        data_type=pl.lit("1"),
        upload_kind=pl.lit("A"),
        institution=pl.lit(code),
        category=pl.lit("01"),
        sequence=pl.lit("0001"),
        key=pl.concat_str(pl.lit(f"{submission.pk} "), pl.col("record").cast(pl.String)),
        fields=pl.lit(json.dumps({"M12": "1"}, separators=(",", ":"))),
        **{name: pl.lit("") for name in blank},
    )
    bulk.insert(Visit, rows)
    codes = made.orders.join(rows.select("record", "visit_month"), left_on="case", right_on="record").select(
        "visit_month",
        record=pl.col("case").cast(pl.Int64),
        order=pl.col("order").cast(pl.Int64),
        code=pl.col(roles["order_code"]).fill_null(""),
        fields=pl.lit("{}"),
        submission_id=pl.lit(submission.pk, pl.Int64),
    )
    bulk.insert(Order, codes)


def zipped(content: bytes, member: str = "TOTFA.xml") -> bytes:
    """The file as the one member of a ZIP."""
    return archive({member: content})


def archive(members: Mapping[str, bytes]) -> bytes:
    """A ZIP of these members."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as writing:
        for name, content in members.items():
            writing.writestr(name, content)
    return packed.getvalue()


def sent(
    content: bytes, at: datetime = NOW, *, kind: Kind = "outpatient", check: bool = True, name: str = "TOTFA.xml"
) -> ClaimFile:
    """A file that the institution of the kind's claim sent, checked a minute later."""
    place = institution(claims(kind))
    user = place.users.filter(role="clerk").first() or people.user("clerk", institution=place)
    file = receiving.receive(place, name, content, user, at).file
    if check:
        assert checking.work(at + timedelta(minutes=1)) == 1
        file.refresh_from_db()
    return file


def claim_of(place: Institution, month: str = "11504") -> bytes:
    """A claim of any institution: one case, of which not much is said."""
    head = f"<t1>10</t1><t2>{place.code}</t2><t3>{month}</t3><t4>3</t4><t5>1</t5><t6>1150505</t6>"
    case = "<ddata><dhead><d1>01</d1><d2>1</d2></dhead><dbody><d3>A123456780</d3><d9>1150402</d9></dbody></ddata>"
    return f"<outpatient><tdata>{head}</tdata>{case}</outpatient>".encode()
