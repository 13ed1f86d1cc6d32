"""Upload files as hypothesis sees them: records of both editions, right and wrong."""

from __future__ import annotations

from hypothesis import strategies as st

from nhicard.formats import EDITIONS, Batch, Edition, build, order_fields, visit_fields
from nhicard.formats.encoding import decode_table

# Characters that Big5 holds: ASCII without control characters, and a spread over all areas of the table.
_WIDE = sorted({chr(code) for code in decode_table()[::7].tolist() if code})
writable = st.text(st.one_of(st.sampled_from("0123456789ABCabc <>&'\"\n\t;-."), st.sampled_from(_WIDE)), max_size=30)
editions = st.sampled_from(EDITIONS)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """A batch of one to four records with any fields and any writable values."""
    edition: Edition = draw(editions)
    head, *_ = visit_fields(edition)
    visit = st.dictionaries(st.sampled_from(visit_fields(edition)), writable, max_size=12)
    order = st.dictionaries(st.sampled_from(order_fields(edition)), writable, max_size=6)
    records = draw(st.lists(st.tuples(visit, st.lists(order, max_size=4)), min_size=1, max_size=4))
    for fields, _ in records:
        fields.setdefault(head, "1")  # the first field tells the editions apart
    return build(edition, records)


_PIECES = [
    b"<REC>", b"</REC>", b"<RECS>", b"</RECS>", b"<MSH>", b"</MSH>", b"<MB>", b"</MB>", b"<MB1>", b"</MB1>",
    b"<MB2>",
    b"</MB2>", b"<M12>", b"</M12>", b"<D06>A</D06>", b"<A12/>", b"<X99>1</X99>", b"<!-- -->", b"<!--", b"<?",
    b"<![CDATA[x]]>", b"&amp;",
    b"&lol;", b"<?pi x?>", b"<!DOCTYPE a [<!ENTITY lol 'x'>]>", b"<", b">", b"]]>", b"\x00", b"\xa4", b"\xff", b"\r\n",
    b"\xe4\xb8\xad", b"\xa4\xa4", b"<M12 a='1'>1</M12>", b"text", b"\xef\xbb\xbf", b" ",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes after a few cuts, insertions, repetitions and changes."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        piece = draw(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=6), st.just(data[start:end] * 2)))
        data = data[:start] + piece + data[end:]
    return data
