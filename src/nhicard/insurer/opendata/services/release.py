"""The files of a release: the same rows always give the same bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import polars as pl

from nhicard.insurer.incentives.scheme import Scheme
from nhicard.insurer.opendata.services import rows
from nhicard.insurer.opendata.services.store import digest
from nhicard.insurer.opendata.tables import COLUMNS, FILES

TITLE_ZH: Final = "全民健康保險提升智慧化資訊獎勵項目 院所名單"
TITLE_EN: Final = "NHI incentives for smarter information: institutions by item"
_PUBLISHER: Final = "衛生福利部中央健康保險署"
_FORMULAS: Final = "^[=+\\-@\t\r\n]"
_CONTEXT: Final = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_EU: Final = "http://publications.europa.eu/resource/authority"
_MEDIA_TYPES: Final = "https://www.iana.org/assignments/media-types"
_TOLD: Final[Mapping[str, tuple[str, str]]] = {
    "incentives.csv": ("名單 (CSV)", "list (CSV)"),
    "incentives.json": ("名單 (JSON)", "list (JSON)"),
    "incentives.parquet": ("名單 (Parquet)", "list (Parquet)"),
    "changes.csv": ("與前一次的差異 (CSV)", "differences to the snapshot before (CSV)"),
}


def files(
    now: pl.DataFrame, before: tuple[date, pl.DataFrame] | None, day: date, scheme: Scheme, address: str
) -> dict[str, bytes]:
    """Every file by its name. ``before``: day and rows of the last snapshot before; ``address``: of ``/opendata/``."""
    made = {
        "incentives.csv": as_csv(now),
        "incentives.json": _as_json(now, day),
        "incentives.parquet": _as_parquet(now),
        "changes.csv": as_csv(rows.changes(before[1] if before else None, now)),
    }
    metadata = _metadata(made, day, before[0] if before else None, scheme, address)
    text = json.dumps(metadata, ensure_ascii=False, indent=1) + "\n"
    return made | {"metadata.jsonld": text.encode()}


def as_csv(frame: pl.DataFrame) -> bytes:
    """UTF-8 with a byte order mark; a name that a spreadsheet would take for a formula gets an apostrophe."""
    name = pl.col("醫事機構簡稱")
    harmless = pl.when(name.str.contains(_FORMULAS)).then(pl.lit("'") + name).otherwise(name)
    text = frame.with_columns(harmless.alias("醫事機構簡稱")).write_csv(line_terminator="\r\n")
    return text.encode("utf-8-sig")


def _as_json(frame: pl.DataFrame, day: date) -> bytes:
    told = {"title": TITLE_ZH, "day": day.isoformat(), "columns": COLUMNS, "records": frame.to_dicts()}
    return (json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _as_parquet(frame: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.write_parquet(content, compression="zstd")
    return content.getvalue()


def _metadata(
    made: Mapping[str, bytes], day: date, before: date | None, scheme: Scheme, address: str
) -> dict[str, Any]:
    """DCAT 3 with the terms of DCAT-AP, as JSON-LD."""
    dataset = {
        "@context": _CONTEXT,
        "@id": f"{address}days/{day}/metadata.jsonld#dataset",
        "@type": "dcat:Dataset",
        "dct:identifier": f"nhi-incentives-{scheme.year}-{day}",
        "dct:title": _both(TITLE_ZH, TITLE_EN),
        "dct:description": _both(
            f"{scheme.document['name_zh']}：每日公布各醫事機構符合的獎勵項目與改版進度。",
            f"{scheme.document['name_en']}: the items and progress codes that each institution holds, renewed daily.",
        ),
        "dct:publisher": {
            "@type": "foaf:Agent",
            "foaf:name": _both(_PUBLISHER, "National Health Insurance Administration"),
        },
        "dct:issued": _typed(day.isoformat(), "date"),
        "dct:accrualPeriodicity": {"@id": f"{_EU}/frequency/DAILY"},
        "dct:language": {"@id": f"{_EU}/language/ZHO"},
        "dct:spatial": {"@id": f"{_EU}/country/TWN"},
        "dct:temporal": {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": _typed(scheme.begins.isoformat(), "date"),
            "dcat:endDate": _typed(day.isoformat(), "date"),
        },
        "dcat:theme": {"@id": f"{_EU}/data-theme/HEAL"},
        "dcat:keyword": [{"@language": "zh-Hant-TW", "@value": word} for word in ("健保卡", "獎勵", "醫事機構")],
        "dcat:landingPage": {"@id": address},
        "dcat:distribution": [_distribution(name, made[name], day, address) for name in made],
    }
    if before:
        dataset["dcat:previousVersion"] = {"@id": f"{address}days/{before}/metadata.jsonld#dataset"}
    return dataset


def _distribution(name: str, content: bytes, day: date, address: str) -> dict[str, Any]:
    place = f"{address}days/{day}/{name}"
    return {
        "@id": f"{place}#distribution",
        "@type": "dcat:Distribution",
        "dct:title": _both(*_TOLD[name]),
        "dcat:accessURL": {"@id": address},
        "dcat:downloadURL": {"@id": place},
        "dcat:mediaType": {"@id": f"{_MEDIA_TYPES}/{FILES[name]}"},
        "dcat:byteSize": _typed(str(len(content)), "nonNegativeInteger"),
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": _typed(digest(content), "hexBinary"),
        },
    }


def _both(zh: str, en: str) -> list[dict[str, str]]:
    return [{"@language": "zh-Hant-TW", "@value": zh}, {"@language": "en", "@value": en}]


def _typed(value: str, name: str) -> dict[str, str]:
    return {"@type": f"xsd:{name}", "@value": value}
