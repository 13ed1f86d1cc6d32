"""Card readers of the operating system, by PC/SC (pyscard over pcscd, or WinSCard).

One connection to each reader is kept for as long as its card stays, because the card forgets its session (a PIN
verified) when the last connection ends. Each reader has a context of its own, so that a slow card holds up
nobody at another reader; a transaction keeps other programs out while a card is spoken to.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock, RLock
from typing import Any, Final

from nhicard.reader.cards.apdu import Card, CardRemoved
from nhicard.reader.devices.device import DeviceError, DeviceFault, DeviceGone, DeviceKind, NoCard

_LOOKS: Final = 10  # the reader service itself looks for cards a few times a second
_PAUSE: Final = 0.1  # seconds between two looks
_ATTEMPTS: Final = 3  # a connection that has ended, a card that was reset, then it must work

_NO_LIBRARY: Final = "未安裝讀卡機程式庫 pyscard，只能使用模擬卡槽。The pyscard library is not installed; slots only."
_NO_SERVICE: Final = (
    "讀卡機服務（pcscd）沒有執行，請啟動後再試。The card reader service (pcscd) is not running; start it."
)
_NO_READER: Final = "沒有接上讀卡機，請檢查連接線。No card reader is connected; check its cable."
_NO_CARD: Final = (
    "讀卡機沒有卡片，已插入者請取出重插。No card in the reader; if it is in, take it out and insert it again."
)
_READER_GONE: Final = "讀卡機已拔除或讀卡機服務已停止。The reader was unplugged or the reader service has stopped."

# Result codes by the names that winscard.h and pyscard give them.
_ABSENT_CARD: Final = (
    "SCARD_E_NO_SMARTCARD",
    "SCARD_W_REMOVED_CARD",
    "SCARD_W_UNPOWERED_CARD",
    "SCARD_W_UNRESPONSIVE_CARD",
)
_GONE_READER: Final = (
    "SCARD_E_UNKNOWN_READER",
    "SCARD_E_READER_UNAVAILABLE",
    "SCARD_E_NO_READERS_AVAILABLE",
    "SCARD_E_NO_SERVICE",
    "SCARD_E_SERVICE_STOPPED",
    "SCARD_E_INVALID_HANDLE",
)


class PcscReaders:
    """The system's readers, the same object for a reader as long as it is connected."""

    def __init__(self) -> None:
        self._devices: dict[str, PcscDevice] = {}
        self._lock = Lock()
        self._reason = ""

    @property
    def reason(self) -> str:
        """Why the last look found no reader, for the user; empty if there are some."""
        return self._reason

    def devices(self) -> Sequence[PcscDevice]:
        """The readers that are connected now, by name; never raises, see `reason` where there are none."""
        with self._lock:
            names, self._reason = _names()
            for name in self._devices.keys() - set(names):
                self._devices.pop(name).close()
            for name in names:
                self._devices.setdefault(name, PcscDevice(name))
            return [self._devices[name] for name in sorted(names)]

    def close(self) -> None:
        """Let go of all cards; they forget what was verified."""
        with self._lock:
            for device in self._devices.values():
                device.close()


class PcscDevice:
    """One reader of the system (`nhicard.reader.devices.device.Device`); needs pyscard."""

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.kind: Final = DeviceKind.PCSC
        self._scard = _library()
        self._lock = RLock()
        self._context: Any = None
        self._handle: Any = None
        self._protocol = 0

    def card_present(self) -> bool:
        """Whether a card is in the reader; False too when the reader is gone."""
        scard = self._scard
        # A context of its own: a context does one thing at a time, and the card may be at work.
        result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        if _code(result):
            return False
        result, states = scard.SCardGetStatusChange(context, 0, [(self.name, scard.SCARD_STATE_UNAWARE)])
        scard.SCardReleaseContext(context)
        return not _code(result) and bool(states[0][1] & scard.SCARD_STATE_PRESENT)

    @contextmanager
    def connect(self) -> Iterator[Card]:
        """The card in the reader, in a transaction; raises `NoCard`, `DeviceGone`, `DeviceFault`."""
        with self._lock:
            self._begin()
            handle = self._handle
            try:
                yield _ConnectedCard(self, handle)
            finally:
                if self._handle == handle:  # a card pulled out took its transaction along
                    self._scard.SCardEndTransaction(handle, self._scard.SCARD_LEAVE_CARD)

    def transmit(self, handle: object, apdu: bytes) -> bytes:
        """The answer of the card of that connection; raises `CardRemoved`, `DeviceGone`, `DeviceFault`."""
        with self._lock:
            if handle is None or handle != self._handle:
                raise CardRemoved(f"the card was taken out of {self.name}")
            result, answer = self._scard.SCardTransmit(handle, self._protocol, list(apdu))
            if (code := _code(result)) == 0:
                return bytes(answer)
            error = self._error(code)
            if isinstance(error, DeviceGone):
                self.close()
                raise error
            # A card pulled out is first an exchange that failed; the service notices its absence a little later.
            reset = code == _code(self._scard.SCARD_W_RESET_CARD)
            if reset or isinstance(error, NoCard) or self._leaves_soon():
                self.close()
                raise CardRemoved(f"the card was taken out of {self.name}")
            raise error

    def forget(self) -> None:
        """Make the card forget its session."""
        self.close()

    def close(self) -> None:
        """End the connection; the card forgets what was verified."""
        with self._lock:
            if self._handle is not None:
                self._scard.SCardDisconnect(self._handle, self._scard.SCARD_RESET_CARD)
            if self._context is not None:
                self._scard.SCardReleaseContext(self._context)
            self._handle = self._context = None

    def _begin(self) -> None:
        code = 0
        for _ in range(_ATTEMPTS):
            if self._handle is None:
                self._open()
            code = _code(self._scard.SCardBeginTransaction(self._handle))
            if code == 0:
                return
            if code != _code(self._scard.SCARD_W_RESET_CARD) or not self._reconnected():
                self.close()  # an end to what was: the card was exchanged, or the service started anew
        raise self._error(code)

    def _open(self) -> None:
        scard = self._scard
        result, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        if code := _code(result):
            self._context = None
            raise self._error(code)
        protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        result, handle, protocol = scard.SCardConnect(self._context, self.name, scard.SCARD_SHARE_SHARED, protocols)
        if code := _code(result):
            self.close()
            raise self._error(code)
        self._handle = handle
        self._protocol = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1

    def _reconnected(self) -> bool:
        """Acknowledge that another program reset the card."""
        scard = self._scard
        protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        result, *_ = scard.SCardReconnect(self._handle, scard.SCARD_SHARE_SHARED, protocols, scard.SCARD_LEAVE_CARD)
        return _code(result) == 0

    def _leaves_soon(self) -> bool:
        """Whether the service reports the card gone within the time that it needs to notice."""
        for _ in range(_LOOKS):
            if not self.card_present():
                return True
            time.sleep(_PAUSE)
        return False

    def _error(self, code: int) -> DeviceError:
        if code in _codes(self._scard, _ABSENT_CARD):
            return NoCard(_NO_CARD)
        if code in _codes(self._scard, _GONE_READER):
            return DeviceGone(_READER_GONE)
        return DeviceFault(code, str(self._scard.SCardGetErrorMessage(code)))


class _ConnectedCard:
    """The card that was in the reader when the connection began."""

    def __init__(self, device: PcscDevice, handle: object) -> None:
        self._device, self._handle = device, handle

    def transmit(self, apdu: bytes) -> bytes:
        """The card's answer; raises as `PcscDevice.transmit`."""
        return self._device.transmit(self._handle, apdu)


def _library() -> Any:
    """pyscard's thin layer over PC/SC; imported late because it is optional. Raises `ImportError`."""
    return importlib.import_module("smartcard.scard")


def _names() -> tuple[list[str], str]:
    """Names of the connected readers, or the reason why there are none."""
    try:
        scard = _library()
    except ImportError:
        return [], _NO_LIBRARY
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    if _code(result):
        return [], _NO_SERVICE
    result, names = scard.SCardListReaders(context, [])
    scard.SCardReleaseContext(context)
    if _code(result) or not names:
        return [], _NO_READER
    return list(names), ""


def _codes(scard: Any, names: Sequence[str]) -> set[int]:
    return {_code(getattr(scard, name)) for name in names}


def _code(result: int) -> int:
    """A result as unsigned: Windows gives it with a sign."""
    return result & 0xFFFFFFFF
