"""FF1, the format-preserving cipher of NIST SP 800-38G, over a whole column of numeral strings at once.

A numeral string is a row of an array of shape (rows, n) whose items are 0 … radix - 1. Every round is one AES call
over all rows, so the cost is AES and a few integer operations a row. Each half of a string must be
below 2**52 as a number (n = 20 at radix 36 just fits), so that all arithmetic stays in 64 bits.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

_ROUNDS: Final = 10
_BLOCK: Final = 16
_LARGEST_HALF: Final = 2**52  # leaves room to shift a remainder by eight bits

Numerals = NDArray[np.uint8]


class FF1:
    """The cipher for one key, radix and length; ``key`` is an AES key of 16, 24 or 32 bytes.

    Raises ValueError where the domain is too small for SP 800-38G (radix**n < 1,000,000) or too large for
    64-bit arithmetic.
    """

    def __init__(self, key: bytes, *, radix: int, length: int, tweak: bytes = b"") -> None:
        self._u = length // 2
        self._v = length - self._u
        if not 2 <= radix <= 256 or radix**length < 1_000_000:
            raise ValueError(f"{length} numerals of radix {radix} are too few for FF1")
        if radix**self._v > _LARGEST_HALF:
            raise ValueError(f"{length} numerals of radix {radix} do not fit 64-bit arithmetic")
        self._radix = radix
        self._length = length
        self._aes = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305  # FF1's round function is built on single blocks
        self._bytes_b = -(-((radix**self._v - 1).bit_length()) // 8)
        self._digest = 4 * -(-self._bytes_b // 4) + 4
        fixed = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([_ROUNDS, self._u % 256])
        fixed += length.to_bytes(4, "big") + len(tweak).to_bytes(4, "big")
        self._head = np.frombuffer(self._encrypt_blocks(np.frombuffer(fixed, np.uint8)[None]), np.uint8)
        padding = bytes((-len(tweak) - self._bytes_b - 1) % _BLOCK)
        self._q = np.frombuffer(tweak + padding + bytes(1 + self._bytes_b), np.uint8)

    def encrypt(self, plain: Numerals) -> Numerals:
        """Encrypt every row; shape (rows, n) in and out."""
        a, b = self._halves(plain)
        for i in range(_ROUNDS):
            a, b = b, self._add(a, self._round(i, b), i)
        return self._joined(a, b)

    def decrypt(self, cipher: Numerals) -> Numerals:
        """The inverse of ``encrypt``: every row is the encryption of exactly one string."""
        a, b = self._halves(cipher)
        for i in reversed(range(_ROUNDS)):
            a, b = self._add(b, self._round(i, a), i, minus=True), a
        return self._joined(a, b)

    def _round(self, i: int, half: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """S of step 6: the pseudorandom bytes of one round, shape (rows, d)."""
        q = np.repeat(self._q[None], len(half), axis=0)
        q[:, -self._bytes_b - 1] = i
        q[:, -self._bytes_b :] = half.astype(">u8").view(np.uint8).reshape(-1, 8)[:, -self._bytes_b :]
        state = np.broadcast_to(self._head, (len(half), _BLOCK))
        for start in range(0, q.shape[1], _BLOCK):
            state = self._encrypt_blocks(state ^ q[:, start : start + _BLOCK])
        return state[:, : self._digest]

    def _encrypt_blocks(self, blocks: NDArray[np.uint8]) -> NDArray[np.uint8]:
        done = self._aes.encryptor().update(np.ascontiguousarray(blocks).data)
        return np.frombuffer(done, np.uint8).reshape(-1, _BLOCK)

    def _add(
        self, half: NDArray[np.uint64], digest: NDArray[np.uint8], i: int, *, minus: bool = False
    ) -> NDArray[np.uint64]:
        """(half ± the digest as a number) modulo radix**m, m being the length of this round's half."""
        modulus = np.uint64(self._radix ** (self._u if i % 2 == 0 else self._v))
        y = np.zeros(len(half), np.uint64)
        for byte in digest.T:
            y = (y * np.uint64(256) + byte) % modulus
        return (half + (modulus - y if minus else y)) % modulus

    def _halves(self, numerals: Numerals) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        if numerals.ndim != 2 or numerals.shape[1] != self._length:
            raise ValueError(f"strings of {self._length} numerals are needed, shape {numerals.shape} was given")
        if numerals.size and int(numerals.max()) >= self._radix:
            raise ValueError(f"a numeral is not below the radix {self._radix}")
        return self._number(numerals[:, : self._u]), self._number(numerals[:, self._u :])

    def _number(self, numerals: Numerals) -> NDArray[np.uint64]:
        powers = np.array([self._radix**place for place in reversed(range(numerals.shape[1]))], np.uint64)
        return numerals.astype(np.uint64) @ powers

    def _joined(self, a: NDArray[np.uint64], b: NDArray[np.uint64]) -> Numerals:
        out = np.empty((len(a), self._length), np.uint8)
        for half, stop, width in ((a, self._u, self._u), (b, self._length, self._v)):
            rest = half
            for place in range(stop - 1, stop - 1 - width, -1):
                rest, out[:, place] = np.divmod(rest, np.uint64(self._radix))
        return out
