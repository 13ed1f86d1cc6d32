"""The paths of the local service: what comes in, what goes out, which call of the session answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from nhicard.reader.service import messages as m
from nhicard.reader.service.session import Reply, Session


@dataclass(frozen=True, slots=True)
class Path:
    """One method of one path."""

    method: str
    path: str
    summary: str
    body: type[m.Nothing]
    reply: type[m.Reply]
    answer: Callable[[Session, Any], Reply]


PATHS: Final = [
    Path("GET", "/api/common/v1/Status", "狀態", m.Nothing, m.Status, lambda s, b: s.status()),
    Path("GET", "/api/common/v1/Devices", "讀卡機清單", m.Nothing, m.DeviceList, lambda s, b: s.list_devices()),
    Path("POST", "/api/common/v1/Initial", "初始化", m.Named, m.Reply, lambda s, b: s.initial(b.name)),
    Path("POST", "/api/common/v1/Finalize", "結束", m.Nothing, m.Reply, lambda s, b: s.finalize()),
    Path("POST", "/api/sam/v1/Verification", "驗證安全模組", m.Nothing, m.SamVerified, lambda s, b: s.verify_sam()),
    Path("POST", "/api/sam/v1/Signature", "安全模組簽章", m.ServiceType, m.SignatureBlock,
         lambda s, b: s.sam_signature(b.serviceType)),
    Path("POST", "/api/hc/v1/Pin", "驗證健保卡密碼", m.Pin, m.Reply, lambda s, b: s.verify_hc_pin(b.pin)),
    Path("PUT", "/api/hc/v1/Pin", "設定健保卡密碼", m.NewPatientPin, m.Reply,
         lambda s, b: s.set_hc_pin(b.newPin, b.puk)),
    Path("DELETE", "/api/hc/v1/Pin", "停用健保卡密碼", m.Nothing, m.Reply, lambda s, b: s.remove_hc_pin()),
    Path("DELETE", "/api/hc/v1/Logout", "健保卡登出", m.Nothing, m.Reply, lambda s, b: s.log_out_hc()),
    Path("GET", "/api/hc/v1/BasicData", "讀卡面資料", m.Nothing, m.BasicData, lambda s, b: s.basic_data()),
    Path("POST", "/api/hc/v1/Signature/Hc", "安全模組與健保卡簽章", m.ServiceType, m.SignatureBlock,
         lambda s, b: s.hc_signature(b.serviceType)),
    Path("POST", "/api/hc/v1/Signature/HpcHc", "三卡簽章", m.ServiceType, m.SignatureBlock,
         lambda s, b: s.hpc_hc_signature(b.serviceType)),
    Path("POST", "/api/hc/v1/VirtualHc/ReadBasic", "讀虛擬健保卡", m.Token, m.VirtualCard,
         lambda s, b: s.read_virtual(b.token)),
    Path("POST", "/api/hc/v1/Verification/VirtualHc", "驗證虛擬健保卡", m.Token, m.VirtualCard,
         lambda s, b: s.verify_virtual(b.token)),
    Path("POST", "/api/hc/v1/VirtualHc/Transfer", "轉出虛擬健保卡", m.Nothing, m.Transfer,
         lambda s, b: s.offer_virtual()),
    Path("POST", "/api/hc/v1/VirtualHc/Receive", "轉入虛擬健保卡", m.TransferToken, m.VirtualCard,
         lambda s, b: s.take_virtual(b.transferToken)),
    Path("POST", "/api/hpc/v1/Verification/Hpc", "驗證醫事人員卡", m.Pin, m.Reply, lambda s, b: s.verify_hpc(b.pin)),
    Path("POST", "/api/hpc/v1/Pin", "變更醫事人員卡密碼", m.NewPin, m.Reply, lambda s, b: s.set_hpc_pin(b.newPin)),
    Path("PUT", "/api/hpc/v1/Pin", "解鎖醫事人員卡", m.NewPinByPuk, m.Reply,
         lambda s, b: s.unblock_hpc(b.puk, b.newPin)),
    Path("DELETE", "/api/hpc/v1/Logout", "醫事人員卡登出", m.Nothing, m.Reply, lambda s, b: s.log_out_hpc()),
    Path("POST", "/api/hpc/v1/Signature", "醫事人員卡簽章", m.ServiceType, m.SignatureBlock,
         lambda s, b: s.hpc_signature(b.serviceType)),
]  # fmt: skip
