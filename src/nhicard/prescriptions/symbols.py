"""The content over several QR codes: ``NHIRX1/<i>/<n>/<digest>/<Base45 of the part>``.

Plain text of QR's alphanumeric alphabet (Base45, RFC 9285) rather than bytes, and a header of our own rather than
structured append, because that is what any phone's scanner hands on unchanged; many drop structured append and turn
bytes into some character set. The digest (48 bits of SHA-256 over the whole content) keeps prescriptions apart; what
keeps forgers out is the signature.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from nhicard.prescriptions.payload import MARK
from nhicard.prescriptions.reasons import Refused

#: Characters of a symbol: QR version 13 with error correction M takes 483.
CAPACITY: Final = 483
MOST: Final = 20
_DIGEST: Final = 12
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_SYMBOL: Final = re.compile(rf"{MARK}/([1-9][0-9]?)/([1-9][0-9]?)/([0-9A-F]{{{_DIGEST}}})/([{re.escape(_ALPHABET)}]+)")
_ANY_VERSION: Final = re.compile(r"NHIRX[0-9]+/")


def split(content: bytes) -> list[str]:
    """The texts of the QR codes, parts of equal length; raises ValueError where there would be more than 20."""
    text, digest = _base45(content), _digest(content)
    room = CAPACITY - len(f"{MARK}/{MOST}/{MOST}/{digest}/")
    count = -(-len(text) // room)
    if count > MOST:
        raise ValueError("處方內容太長，請分成兩張。The prescription is too long; make two of it.")
    size = -(-len(text) // count)
    return [f"{MARK}/{n}/{count}/{digest}/{text[(n - 1) * size : n * size]}" for n in range(1, count + 1)]


def join(texts: Iterable[str]) -> bytes:
    """The content of the one prescription among the texts of QR codes; others' codes beside it do not matter.

    Raises Refused: no_symbol, unknown_version, symbols_missing, several, damaged.
    """
    found: dict[tuple[str, int], dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    is_other_version = False
    for text in texts:
        symbol = _SYMBOL.fullmatch(text)
        if symbol:
            found[symbol[3], int(symbol[2])][int(symbol[1])].add(symbol[4])
        is_other_version |= symbol is None and _ANY_VERSION.match(text) is not None
    if not found:
        raise Refused("unknown_version" if is_other_version else "no_symbol")
    whole = [key for key, parts in found.items() if set(parts) == set(range(1, key[1] + 1))]
    if len(whole) > 1:
        raise Refused("several")
    if not whole:
        told = (f"{'、'.join(map(str, sorted(parts)))}／{key[1]}" for key, parts in found.items())
        raise Refused("symbols_missing", have="；".join(told))
    parts = found[whole[0]]
    if any(len(told) > 1 for told in parts.values()):
        raise Refused("damaged")
    try:
        content = _of_base45("".join(next(iter(parts[n])) for n in sorted(parts)))
    except ValueError:
        raise Refused("damaged") from None
    if _digest(content) != whole[0][0]:
        raise Refused("damaged")
    return content


def is_whole(texts: Iterable[str]) -> bool:
    """Whether nothing more has to be looked for."""
    try:
        join(texts)
    except Refused as refusal:
        return refusal.reason.code in ("several", "damaged", "unknown_version")
    return True


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGEST].upper()


def _base45(content: bytes) -> str:
    out = []
    for at in range(0, len(content), 2):
        pair = content[at : at + 2]
        number = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            number, place = divmod(number, 45)
            out.append(_ALPHABET[place])
    return "".join(out)


def _of_base45(text: str) -> bytes:
    """Raises ValueError for what no bytes are written as."""
    out = bytearray()
    for at in range(0, len(text), 3):
        letters = text[at : at + 3]
        number = sum(_VALUE[letter] * 45**place for place, letter in enumerate(letters))
        size = len(letters) - 1
        if not size or number >= 256**size:
            raise ValueError("no Base45")
        out += number.to_bytes(size, "big")
    return bytes(out)
