"""The pages: what an institution, a division and others see, and what the audit log has of it."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
import pyzipper
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.insurer.claims import offices
from tests.insurer.claims.offices import NOW
from tests.insurer.portal import people

from nhicard.formats.claims import write
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.claims.models import ClaimFile, ClaimMonth
from nhicard.insurer.claims.services import checking, downloads

NEW, LIST = "/portal/claims/new", "/portal/claims/"
PASSWORD = "A123456789"
WRONG_ID = "A123456780"

pytestmark = pytest.mark.usefixtures("office")


@pytest.fixture
def clerk(client: Client) -> Client:
    place = offices.institution()
    return people.signed_in(client, people.user("clerk", institution=place, national_id=PASSWORD))


@pytest.fixture
def officer() -> Client:
    return people.signed_in(Client(), people.user("officer", division=1, national_id=PASSWORD))


def send(client: Client, content: bytes, name: str = "TOTFA.xml") -> Any:
    return client.post(NEW, {"file": SimpleUploadedFile(name, content)})


def page(client: Client, address: str, **headers: str) -> str:
    answer = client.get(address, headers=headers or None)
    assert answer.status_code == 200
    return answer.content.decode()


def actions() -> list[str]:
    return list(Entry.objects.filter(action__startswith="claim.").order_by("number").values_list("action", flat=True))


@pytest.fixture
def wrong(clerk: Client) -> str:
    """The address of a checked file with a wrong ID, a wrong birth and a wrong day."""
    made = offices.claims()
    offices.upload_visits(made)
    sent = send(clerk, offices.first_case(made, person=WRONG_ID, birth="9991301"))
    assert checking.work(NOW) == 1
    return str(sent["Location"])


def test_from_the_upload_to_the_month(clerk: Client) -> None:
    made = offices.claims()
    offices.upload_visits(made)
    assert "還沒有上傳過" in page(clerk, LIST)
    sent = send(clerk, write(made))
    assert sent.status_code == 302
    waiting = page(clerk, sent["Location"])
    assert 'hx-trigger="every 2s"' in waiting
    assert "待檢核" in waiting
    checking.work(NOW)
    done = page(clerk, sent["Location"])
    assert "hx-trigger" not in done
    assert "已完成新格式" in done
    assert "沒有發現任何錯誤" in done
    grid = page(clerk, LIST)
    assert "115/04" in grid
    assert "B 門診新格式" in grid
    history = page(clerk, f"/portal/claims/months/{ClaimMonth.objects.get().pk}")
    assert "檢核 12 件，退件 0 件" in history
    assert "Completed in the revised format" in page(clerk, sent["Location"], accept_language="en")


def test_the_same_file_again_leads_to_the_first(clerk: Client) -> None:
    content = write(offices.claims())
    offices.upload_visits(offices.claims())
    first = send(clerk, content)
    again = send(clerk, content)
    assert again["Location"] == first["Location"]
    assert "先前已上傳" in page(clerk, again["Location"])
    assert ClaimFile.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xml", b"no xml", "不是費用申報檔"),
        ("a.zip", offices.zipped(b"0" * 50_000_000), "解開後過大"),
        ("a.zip", offices.archive({"a": b"", "b": b""}), "只能有一個"),
        ("a.xml", b"", "請選擇檔案"),
    ],
    ids=["text", "bomb", "two", "empty"],
)
def test_a_refusal_says_why_beside_the_field(clerk: Client, name: str, content: bytes, said: str) -> None:
    answer = send(clerk, content, name)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert (ClaimFile.objects.exists(), actions()) == (False, [])


def test_every_reason_of_a_refusal_has_its_words() -> None:
    import ast
    import inspect

    from nhicard.insurer.claims import archives, heads
    from nhicard.insurer.claims.services import receiving
    from nhicard.insurer.portal.texts import texts

    calls = [
        node.args[0].value
        for module in (archives, heads, receiving)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NoClaim"
        if isinstance(node.args[0], ast.Constant)
    ]
    assert len(set(calls)) >= 10
    assert not [reason for reason in calls if f"claims.error.{reason!s}" not in texts()]


def test_findings_tell_case_field_rule_and_remedy_and_hide_the_person(clerk: Client, wrong: str) -> None:
    told = page(clerk, wrong)
    assert "CLM-501" in told
    assert "請核對健保卡上的證號" in told
    assert "A******780" in told
    assert WRONG_ID not in told
    assert "9991301" not in told
    english = page(clerk, wrong, accept_language="en")
    assert "check it against the card" in english
    chosen = page(clerk, f"{wrong}?rule=0")
    assert chosen.count("<tr>") < told.count("<tr>")


def test_the_download_is_encrypted_complete_and_in_both_languages(clerk: Client, wrong: str) -> None:
    answer = clerk.post(f"{wrong}/result.zip")
    assert answer["Cache-Control"] == "no-store"
    with pyzipper.AESZipFile(io.BytesIO(answer.content)) as archive:
        assert all(member.flag_bits & 1 for member in archive.infolist())
        archive.setpassword(PASSWORD.encode())
        text = archive.read("result.txt").decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(archive.read("findings.csv").decode("utf-8-sig"))))
    assert "退件 rejected[1]" in text
    assert WRONG_ID not in text
    (row,) = [row for row in rows if row["代碼"] == "CLM-501"]
    assert (row["第幾件"], row["內容"], row["類型"]) == ("1", WRONG_ID, "退件")
    assert "請核對" in row["說明"]
    assert "check it" in row["Explanation"]
    assert actions() == ["claim.sent", "claim.downloaded"]


def test_without_a_national_id_nothing_is_downloaded(wrong: str) -> None:
    poor = people.signed_in(Client(), people.user("clerk", institution=offices.institution()))
    answer = poor.post(f"{wrong}/result.zip")
    assert (answer.status_code, answer["Location"]) == (302, wrong)
    assert "沒有登錄身分證號" in page(poor, wrong)
    with pytest.raises(ValueError, match="password"):
        downloads.result_zip(ClaimFile.objects.get(), "")


def test_a_cell_that_looks_like_a_formula_is_made_harmless(clerk: Client) -> None:
    made = offices.claims()
    send(clerk, offices.first_case(made, person="=1+1"))
    checking.work(NOW)
    rows = csv.DictReader(io.StringIO(downloads.as_csv(ClaimFile.objects.get()).decode("utf-8-sig")))
    values = {row["內容"] for row in rows}
    assert "'=1+1" in values
    assert "=1+1" not in values


def test_the_division_sees_cases_only_once_it_opened_them(officer: Client, wrong: str) -> None:
    closed = page(officer, wrong)
    assert "CLM-501" in closed
    assert "A******780" not in closed
    assert "留下稽核紀錄" in closed
    assert officer.get(f"{wrong}/open").status_code == 405
    assert officer.post(f"{wrong}/open")["Location"] == wrong
    assert actions()[-1] == "claim.opened"
    opened = page(officer, wrong)
    assert "A******780" in opened
    assert WRONG_ID not in opened
    other = people.signed_in(Client(), people.user("officer", division=1))
    assert "A******780" not in page(other, wrong), "one person's opening is not another's"


def test_an_auditor_cannot_open_them(wrong: str) -> None:
    auditor = people.signed_in(Client(), people.user("auditor"))
    assert "開啟明細" not in page(auditor, wrong)
    assert auditor.post(f"{wrong}/open").status_code == 403


def test_the_division_lists_its_institutions_by_state(officer: Client, wrong: str) -> None:
    silent = people.institution("3501200019")
    elsewhere = people.institution("1101010012", division=2)
    code = offices.code_of(offices.claims())
    listed = page(officer, LIST)
    assert code in listed
    assert silent.code in listed
    assert elsewhere.code not in listed
    accepted, nothing = page(officer, f"{LIST}?state=accepted"), page(officer, f"{LIST}?state=nothing")
    assert (code in accepted, silent.code in accepted) == (True, False)
    assert (code in nothing, silent.code in nothing) == (False, True)
    assert code not in page(officer, f"{LIST}?format=pharmacy")
    assert silent.code not in page(officer, f"{LIST}?q={code}")
    assert code in page(officer, f"{LIST}?month=2026-04&format=outpatient&after=0")
    drilled = page(officer, f"/portal/claims/institutions/{code}")
    assert "115/04" in drilled
    assert "上傳申報檔" not in drilled


def test_nonsense_in_a_query_shows_the_newest_month(officer: Client, wrong: str) -> None:
    told = page(officer, f"{LIST}?month=%00&format=x&state=y&after=%27")
    assert '<option value="2026-04" selected>' in told


def test_another_institution_sees_nothing(wrong: str) -> None:
    other = people.signed_in(Client(), people.user("clerk", institution=people.institution("3501200019")))
    month = f"/portal/claims/months/{ClaimMonth.objects.get().pk}"
    assert {other.get(address).status_code for address in (wrong, month)} == {404}
    assert other.post(f"{wrong}/result.zip").status_code == 404
    assert "115/04" not in page(other, LIST)
