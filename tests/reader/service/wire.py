"""The wire as programs of clinics know it: paths and reply keys, written down from what such programs read.

Not made from our own schemas: a key that goes missing there must be missed here.
"""

from __future__ import annotations

from typing import Final

BLOCK: Final = {"clientRandom", "hospitalId", "samId", "signature", "hcId", "hcIdNo", "hpcId", "hpcIdNo"}
PERSON: Final = {"cardId", "name", "idNo", "birthday", "sex", "identityStatus"}

#: The local service: method, path and the keys beyond statusCode. Bare paths take no facts.
LOCAL: Final = {
    ("GET", "/api/common/v1/Status"): {"status"},
    ("POST", "/api/common/v1/Initial"): set(),
    ("POST", "/api/common/v1/Finalize"): set(),
    ("POST", "/api/sam/v1/Verification"): set(),
    ("POST", "/api/sam/v1/Signature"): BLOCK - {"hcId", "hcIdNo", "hpcId", "hpcIdNo"},
    ("POST", "/api/hc/v1/Pin"): set(),
    ("PUT", "/api/hc/v1/Pin"): set(),
    ("DELETE", "/api/hc/v1/Pin"): set(),
    ("DELETE", "/api/hc/v1/Logout"): set(),
    ("DELETE", "/api/hpc/v1/Logout"): set(),
    ("POST", "/api/hc/v1/Signature/Hc"): BLOCK - {"hpcId", "hpcIdNo"},
    ("POST", "/api/hc/v1/Signature/HpcHc"): BLOCK,
    ("POST", "/api/hpc/v1/Verification/Hpc"): set(),
    ("POST", "/api/hpc/v1/Pin"): set(),
    ("PUT", "/api/hpc/v1/Pin"): set(),
    ("POST", "/api/hpc/v1/Signature"): BLOCK - {"hcId", "hcIdNo"},
    ("POST", "/api/hc/v1/VirtualHc/ReadBasic"): PERSON,
    ("POST", "/api/hc/v1/Verification/VirtualHc"): set(),
}

BASIC: Final = {"cardSn", "name", "idCardNum", "birthday", "sex", "dateIssue", "cancelTermination"}
VALIDITY: Final = {"cardValidity", "treatmentCounter"}

#: The data centre: path and the keys beyond statusCode.
CENTRE: Final = {
    "/api/v1/BasicData/Query": BASIC,
    "/api/v1/BasicData/Register": BASIC | VALIDITY | {"insurerCode", "insurerId", "newbornBirthday", "newbornBaby"},
    "/api/v1/BasicData/Register2": VALIDITY,
    "/api/v1/EmergentTel/Query": {"tel"},
    "/api/v1/HcContent/Update": set(),
    "/api/v1/CriticalIllness/Query": {"criticalIllnesses"},
    "/api/v1/Treatment/NoNeedHPC": {"criticalIllnesses", "treatments"},
    "/api/v1/Treatment/NeedHPC": {"treatments"},
    "/api/v1/Prescription/Query": {"outpatientPrescriptions"},
    "/api/v1/SequelNumber/Next": {
        "treatmentDateTime",
        "sequenceNumber",
        "hospitalId",
        "signature",
        "samId",
        "isSameDay",
        "treatmentNumber",
    },
    "/api/v1/SequelNumber/Rollback": set(),
    "/api/v1/TreatmentNumber/Card": {"treatmentNumber"},
    "/api/v1/TreatmentNumber/NoCard": {"treatmentDateTime", "hospitalId", "treatmentNumber"},
    "/api/v1/Treatment/WriteCodeFee": set(),
    "/api/v1/Prescription/Write": {"signatureItems", "hexSignatureItems"},
    "/api/v1/TeleMedicine/RequestToken": {"accessToken"},
    "/api/v1/TeleMedicine/ResponseToken": {"virtualCardToken"},
}

#: Which local signature a program fetches for a call of the data centre.
SIGNATURE: Final = {
    "SAM": "/api/sam/v1/Signature",
    "Hc": "/api/hc/v1/Signature/Hc",
    "HpcHc": "/api/hc/v1/Signature/HpcHc",
    "Hpc": "/api/hpc/v1/Signature",
}

STATUS, INITIAL, FINALIZE = "/api/common/v1/Status", "/api/common/v1/Initial", "/api/common/v1/Finalize"
VERIFY_SAM, VERIFY_HPC = "/api/sam/v1/Verification", "/api/hpc/v1/Verification/Hpc"
SIGN_SAM, SIGN_HC = SIGNATURE["SAM"], SIGNATURE["Hc"]
SIGN_HPC_HC, SIGN_HPC = SIGNATURE["HpcHc"], SIGNATURE["Hpc"]
HC_PIN, HPC_PIN = "/api/hc/v1/Pin", "/api/hpc/v1/Pin"
HC_LOGOUT, HPC_LOGOUT = "/api/hc/v1/Logout", "/api/hpc/v1/Logout"
READ_QR, VERIFY_QR = "/api/hc/v1/VirtualHc/ReadBasic", "/api/hc/v1/Verification/VirtualHc"
TRANSFER, RECEIVE = "/api/hc/v1/VirtualHc/Transfer", "/api/hc/v1/VirtualHc/Receive"
BASIC_DATA = "/api/hc/v1/BasicData"
