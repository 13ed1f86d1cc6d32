"""The two signatures that a visit's record carries, both made by the data centre.

=======================  =============  ==========================================================================
signature                fields         what it is
=======================  =============  ==========================================================================
security signature       A22, M14       raw P-256 over institution, SAM, card, person, tap time, sequence number;
                                        128 hexadecimal digits
prescription signature   A79, D11       HMAC-SHA256 cut to 160 bits over the visit and one order's content;
                                        40 hexadecimal digits
=======================  =============  ==========================================================================

The content of an order is its code, site, usage, days and total, in a form that does not depend on padding: the
writing client, the card's record and the upload file write the same order as ``7`` and ``07``, ``21.00`` and ``21``.
Order category and dispensing mode are left out because editions 1.0 and 2.0 code them differently.
"""

from __future__ import annotations

import hmac
from typing import Final

import polars as pl

from nhicard.identity import ecdsa
from nhicard.identity.keyring import Key, KeyRing

VISIT: Final = ("institution", "sam", "card", "person", "time", "sequence")
ORDER: Final = ("institution", "person", "time", "code", "site", "usage", "days", "total")
_DIGITS: Final = 40
_SEPARATOR: Final = "\x1f"  # no XML text can hold it, so no field can pose as two


def sign_visit(key: Key, *, institution: str, sam: str, card: str, person: str, time: str, sequence: str) -> str:
    """The security signature; ``time`` is the 13-digit ROC tap time as it goes into the record."""
    facts = dict(zip(VISIT, (institution, sam, card, person, time, sequence), strict=True))
    return str(sign_visits(key, pl.DataFrame(facts, schema=dict.fromkeys(VISIT, pl.String)))[0])


def sign_visits(key: Key, visits: pl.DataFrame) -> pl.Series:
    """Security signatures for rows with the columns of ``VISIT``, strings; one ECDSA signature a row."""
    messages = visits.select(_visit_message()).to_series()
    signing_key = key.signing_key
    return pl.Series([ecdsa.sign(signing_key, message.encode()).hex().upper() for message in messages], dtype=pl.String)


def sign_orders(key: Key, orders: pl.DataFrame) -> pl.Series:
    """Prescription signatures for rows with the columns of ``ORDER``, all strings (null counts as blank)."""
    messages = orders.select(_order_message()).to_series()
    secret = _prescription_secret(key)
    return pl.Series([_mac(secret, message) for message in messages], dtype=pl.String)


def visits_signed(keys: KeyRing, visits: pl.DataFrame, moments: pl.Series) -> pl.Series:
    """Which rows carry a genuine security signature: Boolean, null where ``signature`` is null.

    ``visits``: the columns of ``VISIT`` and ``signature``, strings; ``moments``: the tap time as Datetime, which
    says the key. Cost: one ECDSA verification a row, about 0.1 ms.
    """
    messages = visits.select(_visit_message()).to_series()
    public = {key.version: key.signing_key.public_key() for key in keys}
    return pl.Series(
        [
            None
            if signature is None
            else version is not None
            and ecdsa.is_signed(public[version], message.encode(), _from_hex(signature, ecdsa.LENGTH))
            for message, signature, version in zip(messages, visits["signature"], _versions(keys, moments), strict=True)
        ],
        dtype=pl.Boolean,
    )


def orders_signed(keys: KeyRing, orders: pl.DataFrame, moments: pl.Series) -> pl.Series:
    """Which rows carry a genuine prescription signature: Boolean, null where ``signature`` is null."""
    messages = orders.select(_order_message()).to_series()
    secrets = {key.version: _prescription_secret(key) for key in keys}
    return pl.Series(
        [
            None
            if signature is None
            else version is not None
            and hmac.compare_digest(_mac(secrets[version], message).encode(), signature.strip(" ").upper().encode())
            for message, signature, version in zip(messages, orders["signature"], _versions(keys, moments), strict=True)
        ],
        dtype=pl.Boolean,
    )


def _versions(keys: KeyRing, moments: pl.Series) -> pl.Series:
    found = pl.lit(None, pl.Int64)
    for key in keys:
        ends = pl.lit(True) if key.until is None else pl.col("moment") < key.until
        found = pl.when((pl.col("moment") >= key.since) & ends).then(pl.lit(key.version, pl.Int64)).otherwise(found)
    return moments.alias("moment").to_frame().select(found.alias("version")).to_series()


def _text(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).fill_null("").str.strip_chars()


def _number(name: str) -> pl.Expr:
    """A number without leading and trailing zeros; none at all where it is zero."""
    text = _text(name)
    plain = text.str.strip_chars_start("0")
    trimmed = pl.when(plain.str.contains(".", literal=True)).then(plain.str.strip_chars_end("0").str.strip_suffix("."))
    return trimmed.otherwise(plain)


def _visit_message() -> pl.Expr:
    return pl.concat_str([pl.lit("nhicard visit 1"), *map(_text, VISIT)], separator=_SEPARATOR).alias("message")


def _order_message() -> pl.Expr:
    parts = [_number(name) if name in ("days", "total") else _text(name) for name in ORDER]
    return pl.concat_str([pl.lit("nhicard order 1"), *parts], separator=_SEPARATOR).alias("message")


def _prescription_secret(key: Key) -> bytes:
    return key.derive("prescription signature")


def _mac(secret: bytes, message: str) -> str:
    return hmac.digest(secret, message.encode(), "sha256").hex()[:_DIGITS].upper()


def _from_hex(text: str, length: int) -> bytes:
    """The bytes, none where it is not that many of them."""
    try:
        content = bytes.fromhex(text.strip(" "))
    except ValueError:
        return b""
    return content if len(content) == length else b""
