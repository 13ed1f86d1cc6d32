"""What the insurer knows of the institution that uploads, or whose code the record bears where that is not known."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import polars as pl

from nhicard.checks.facts.past import Past
from nhicard.checks.facts.registry import fact
from nhicard.checks.history import STANDING


def _standing(past: Past) -> pl.DataFrame:
    """``files`` with the columns of ``STANDING``."""
    return past.once("standing", lambda: _fetched(past))


def _fetched(past: Past) -> pl.DataFrame:
    own = past.mine["institution"].replace("", None)
    asked = past.files.with_columns(institution=pl.coalesce("uploader", pl.lit(own)))
    found = past.history.standing(asked["institution"].drop_nulls().unique()).select(*STANDING).unique("institution")
    return asked.join(found, on="institution", how="left", maintain_order="left")


@fact("M05", source="insurer")
def qualified(past: Past) -> pl.Series:
    """Whether the institution meets H1 at the moment of upload."""
    return _standing(past).select((pl.col("qualified_at") <= pl.col("now")).fill_null(False)).to_series()


@fact("A14", source="insurer")
def switched(past: Past) -> pl.Series:
    """Whether the institution has switched to 2.0 by the moment of upload."""
    return _standing(past).select((pl.col("switched_at") <= pl.col("now")).fill_null(False)).to_series()


@fact("M05", source="insurer")
def sender_registered(past: Past) -> pl.Series:
    """Whether the upload came from an address of the institution's; null where it registered none or the sender's
    is not known."""
    standing = _standing(past)
    judged = standing.filter(pl.col("sender").is_not_null() & (pl.col("addresses").list.len() > 0))
    pairs = judged.select("institution", "sender", "addresses").unique(["institution", "sender"])
    answers = pl.Series([_is_in(*each) for each in pairs.select("sender", "addresses").iter_rows()], dtype=pl.Boolean)
    told = pairs.select("institution", "sender").with_columns(registered=answers)
    return standing.join(told, on=["institution", "sender"], how="left", maintain_order="left")["registered"]


def _is_in(sender: str, networks: list[str]) -> bool:
    """Whether an address lies in one of the networks; an IPv4 address may be written as IPv6 (::ffff:192.0.2.1)."""
    address = ip_address(sender)
    plain = getattr(address, "ipv4_mapped", None) or address
    return any(plain in ip_network(each, strict=False) for each in networks)
