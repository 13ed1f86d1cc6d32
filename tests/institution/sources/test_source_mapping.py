"""Mapping files: every mistake is told with its line, all of them at once, in both languages, before anything runs."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from nhicard.institution.sources import UnusableMapping, load_mapping, toml_lines
from nhicard.institution.sources.mapping import SqlMapping

GOOD = """\
url = "sqlite:///his.db"

[visits]
table = "opd"
key = "no"
since = "changed"

[visits.columns]
patient_id = "id"
M04 = "birth"
institution = { value = "3501990014" }
A23 = "kind"
visit_time = { sql = "day || clock" }

[visits.values.visit_category]
"W" = "01"

[orders]
query = '''
SELECT no, code FROM orders
WHERE no IN :visits
'''
key = "no"

[orders.columns]
order_code = "code"
"""


def load(tmp_path: Path, text: str, environment: dict[str, str] | None = None, mode: int = 0o600) -> SqlMapping:
    path = tmp_path / "his.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return load_mapping(path, environment or {})


def test_a_good_mapping_says_where_everything_is(tmp_path: Path) -> None:
    mapping = load(tmp_path, GOOD)
    assert mapping.url.database == str(tmp_path / "his.db")
    cells = {name: (cell.kind, cell.text) for name, cell in mapping.visits.cells.items()}
    assert cells == {
        "patient_id": ("column", "id"),
        "birth_date": ("column", "birth"),
        "institution": ("value", "3501990014"),
        "visit_category": ("column", "kind"),
        "visit_time": ("sql", "day || clock"),
        "visit": ("column", "no"),
    }
    assert mapping.visits.of_10 == {"visit_category"}
    assert mapping.visits.values == {"visit_category": {"W": "01"}}
    assert mapping.orders is not None
    assert mapping.line(("visits", "columns", "A23")) == 12
    assert mapping.line(("orders", "query")) == 19
    assert mapping.line(("orders", "nothing")) == 18


#: What stands in the good file, what stands there instead, the line, and words of both sentences.
MISTAKES = [
    ('url = "sqlite:///his.db"', "", 1, "url_env", "url_env"),
    ('url = "sqlite:///his.db"', 'url = "x"\nurl_env = "HIS"', 2, "擇一", "either"),
    ('url = "sqlite:///his.db"', 'url_env = "HIS_URL"', 1, "HIS_URL 沒有設定", "HIS_URL is not set"),
    ('url = "sqlite:///his.db"', "url = 5", 1, "須為文字", "text in quotes"),
    ('"sqlite:///his.db"', '"oracel://h/d"', 1, "postgresql://", "known"),
    ('"sqlite:///his.db"', '"his.db"', 1, "postgresql://", "known"),
    ('"sqlite:///his.db"', '"postgresql://h:port/d"', 1, "postgresql://", "known"),
    ('"sqlite:///his.db"', '"sqlite://"', 1, "SQLite", "SQLite"),
    ("[visits]", "[visit]", 3, "是否為 visits", "did you mean visits"),
    ('table = "opd"', 'tabel = "opd"', 4, "是否為 table", "did you mean table"),
    ('table = "opd"', 'table = "opd"\nquery = "SELECT 1"', 5, "擇一", "either"),
    ('table = "opd"', "table = 1", 4, "須為文字", "text in quotes"),
    ('since = "changed"', 'since = "changed"\nsince_form = "iso"', 7, "time、text、roc", "time, text, roc"),
    ('since = "changed"', "order_by = [1]", 6, "欄名", "column"),
    ('table = "opd"', 'query = "SELECT 1"', 6, ":since", ":since"),
    ('table = "opd"', 'query = "SELECT 1"', 13, "寫在查詢裡", "write the expression there"),
    ('table = "opd"', 'query = "DELETE FROM opd"', 4, "SELECT", "SELECT"),
    ("WHERE no IN :visits", "WHERE no IN :keys", 19, ":keys", ":keys"),
    ('patient_id = "id"', 'patientid = "id"', 9, "是否為 patient_id", "did you mean patient_id"),
    ('patient_id = "id"', 'remark = "id"', 9, "不認得「remark」", "'remark' is not known"),
    ('patient_id = "id"', 'card_number = "id"', 8, "patient_id（身分證號", "lacks patient_id"),
    ('M04 = "birth"', 'M04 = "birth"\nA12 = "id"', 11, "同一欄", "same column"),
    ('M04 = "birth"', 'M04 = ""', 10, "須為欄名", "must be a column"),
    ('M04 = "birth"', 'M04 = { col = "birth" }', 10, "須為欄名", "must be a column"),
    ('A23 = "kind"', 'A23 = "kind"\ndata_type = { value = "9" }', 13, "沒有代碼 9", "no code 9"),
    ('"W" = "01"', '"W" = "1A"', 16, "沒有代碼 1A", "no code 1A"),
    ('"W" = "01"', '"W" = 1', 15, "每一項", "each"),
    ("[visits.values.visit_category]", "[visits.values.bed]", 15, "不在 [visits.columns]", "not in [visits.columns]"),
    ("[visits.values.visit_category]", "[visits.values.categroy]", 15, "不認得「categroy」", "'categroy' is not known"),
    ('key = "no"\nsince', "since", 3, "須有 key", "needs a key"),
    ("'''\nkey = \"no\"", "'''", 18, "缺少 key", "no key"),
    ('order_code = "code"', "", 18, "[orders.columns]", "[orders.columns]"),
    ('order_code = "code"', 'order_code = "code"\nvisit = "no"', 27, "不認得「visit」", "'visit' is not known"),
    ('order_code = "code"', "order_code = ", 26, "TOML", "TOML"),
    ('[orders.columns]', '[orders.columns]\n[orders.columns]', 26, "TOML", "TOML"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "line", "zh", "en"), MISTAKES, ids=[f"{bad!r}" for _, bad, *_ in MISTAKES])
def test_a_mistake_is_told_with_its_line(tmp_path: Path, good: str, bad: str, line: int, zh: str, en: str) -> None:
    assert GOOD.count(good) >= 1
    with pytest.raises(UnusableMapping) as caught:
        load(tmp_path, GOOD.replace(good, bad, 1))
    told = [problem for problem in caught.value.problems if zh in problem.zh and en in problem.en]
    assert line in [problem.line for problem in told], caught.value.problems
    assert f"his.toml 第 {line} 行" in caught.value.zh
    assert f"his.toml, line {line}:" in caught.value.en


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    wrong = (
        GOOD.replace("table =", "tabel =").replace("M04", "M0X").replace('"01"', '"??"').replace("[orders]", "[order]")
    )
    with pytest.raises(UnusableMapping) as caught:
        load(tmp_path, wrong)
    assert {3, 4, 8, 10, 16, 18} <= {problem.line for problem in caught.value.problems}


def test_a_password_stays_hidden(tmp_path: Path) -> None:
    secret = GOOD.replace("sqlite:///his.db", "postgresql://reader:opensesame@h/his")
    with pytest.raises(UnusableMapping) as caught:
        load(tmp_path, secret, mode=0o644)
    assert [problem.line for problem in caught.value.problems] == [1]
    assert "chmod 600" in caught.value.zh
    mapping = load(tmp_path, secret)
    broken = GOOD.replace("sqlite:///his.db", "postgresql://reader:opensesame@h:x/his")
    with pytest.raises(UnusableMapping) as second:
        load(tmp_path, broken)
    for shown in (str(caught.value), str(second.value), repr(mapping), str(mapping)):
        assert "opensesame" not in shown


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgresql://h/d", "postgresql+psycopg"),
        ("mysql://h/d", "mysql+pymysql"),
        ("mariadb://h/d", "mariadb+pymysql"),
        ("mssql://h/d", "mssql+pymssql"),
        ("mssql+pyodbc://h/d", "mssql+pyodbc"),
        ("sqlite:///d", "sqlite"),
    ],
)
def test_the_environment_may_hold_the_url_and_a_driver_is_chosen(tmp_path: Path, url: str, driver: str) -> None:
    mapping = load(tmp_path, GOOD.replace('url = "sqlite:///his.db"', 'url_env = "HIS"'), {"HIS": url}, mode=0o644)
    assert mapping.url.drivername == driver


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "his.toml"
    path.write_bytes("# 中文".encode("big5"))
    with pytest.raises(UnusableMapping, match="UTF-8"):
        load_mapping(path)
    with pytest.raises(FileNotFoundError):
        load_mapping(tmp_path / "other.toml")


TRICKY = '''\
# [not.a.table]
a = """
b = 1
[c]
"""   # b = 2
"quoted # key" = 'x = 1'
d.e = { f = 1, "g.h" = 2 }

[ one . "two.three" ] # [four]
five = [
  "six = 7",   # [eight]
  [9],
]
last = \'\'\'
[ten]\'\'\'
[[lists]]
i = 1
[[lists]]
i = 2
'''


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_lines_of_a_tricky_file(ending: str) -> None:
    text = TRICKY.replace("\n", ending)
    tomllib.loads(text)
    assert toml_lines.lines(text) == {
        ("a",): 2,
        ("quoted # key",): 6,
        ("d",): 7,
        ("d", "e"): 7,
        ("d", "e", "f"): 7,
        ("d", "e", "g.h"): 7,
        ("one",): 9,
        ("one", "two.three"): 9,
        ("one", "two.three", "five"): 10,
        ("one", "two.three", "last"): 14,
        ("lists",): 16,
        ("lists", "i"): 17,
    }
