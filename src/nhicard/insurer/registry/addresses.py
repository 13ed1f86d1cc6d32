"""Upload addresses: the IP addresses and networks from which an institution said that it uploads (Y011)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from django.db import transaction

from nhicard.insurer.registry import state
from nhicard.insurer.registry.models import Institution, UploadAddress


class BadAddress(ValueError):
    """Not an address, or nobody's; ``zh`` and ``en`` say what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")
        self.zh = zh
        self.en = en


def register(code: str, addresses: Iterable[str]) -> list[str]:
    """Put these in place of the institution's addresses; none means that it may upload from anywhere.

    Returns what is registered now. Raises BadAddress, and then nothing has changed.
    """
    networks = sorted({_network(address) for address in addresses})
    with transaction.atomic():
        state.bump()
        institution = _institution(code)
        institution.upload_addresses.all().delete()
        UploadAddress.objects.bulk_create(
            UploadAddress(institution=institution, network=network) for network in networks
        )
    return networks


def registered(code: str) -> list[str]:
    """The institution's addresses: single ones as they are, networks with a prefix length. Raises BadAddress."""
    return sorted(_institution(code).upload_addresses.values_list("network", flat=True))


def as_registered(senders: Iterable[tuple[str, str | None]]) -> list[str | None]:
    """For each institution and the address that an upload of it came from: the registered network that holds it, else
    the address itself. One query."""
    pairs = list(senders)
    networks: dict[str, list[str]] = {}
    rows = UploadAddress.objects.filter(institution__code__in={code for code, _ in pairs})
    for code, network in rows.values_list("institution__code", "network"):
        networks.setdefault(code, []).append(network)
    return [_covering(networks.get(code, []), address) for code, address in pairs]


def _covering(networks: list[str], address: str | None) -> str | None:
    if address is None:
        return None
    ip = ipaddress.ip_address(address)
    return next((network for network in networks if ip in ipaddress.ip_network(network)), address)


def _institution(code: str) -> Institution:
    found = Institution.objects.filter(code=code).first()
    if found is None:
        raise BadAddress(f"登錄資料中沒有院所 {code}。", f"There is no institution {code} in the register.")
    return found


def _network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BadAddress(
            f"{text} 不是 IP 位址或網段；請寫成 203.0.113.7 或 203.0.113.0/24。",
            f"{text} is neither an IP address nor a network; write 203.0.113.7 or 203.0.113.0/24.",
        ) from None
    return str(network.network_address if network.num_addresses == 1 else network)
