"""An XSD made from the field tables: what a validating parser would be given."""

from __future__ import annotations

from collections.abc import Iterator

from nhicard.formats.tables import Edition, Segment, fields


def xsd(edition: Edition) -> str:
    """A schema of the upload file: structure, field names and lengths; empty values allowed, as in the field."""
    return "\n".join(_lines(edition))


def _lines(edition: Edition) -> Iterator[str]:
    yield '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
    yield '<xs:element name="RECS"><xs:complexType><xs:sequence>'
    yield '<xs:element name="REC" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>'
    yield from _segment(edition, "MSH", "1")
    yield '<xs:element name="MB"><xs:complexType><xs:sequence>'
    yield from _segment(edition, "MB1", "1")
    yield from _segment(edition, "MB2", "unbounded")
    yield "</xs:sequence></xs:complexType></xs:element>"
    yield "</xs:sequence></xs:complexType></xs:element>"
    yield "</xs:sequence></xs:complexType></xs:element>"
    yield "</xs:schema>"


def _segment(edition: Edition, segment: Segment, most: str) -> Iterator[str]:
    least = "1" if most == "1" else "0"
    yield f'<xs:element name="{segment}" minOccurs="{least}" maxOccurs="{most}"><xs:complexType><xs:all>'
    for field in fields(edition).values():
        if field.segment == segment:
            limit = f'<xs:maxLength value="{field.length}"/>' if field.length else ""
            yield (
                f'<xs:element name="{field.id}" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string">'
                f"{limit}</xs:restriction></xs:simpleType></xs:element>"
            )
    yield "</xs:all></xs:complexType></xs:element>"
