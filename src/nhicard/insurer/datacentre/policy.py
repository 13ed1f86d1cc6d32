"""The numbers that govern taps and cards, in one place."""

from datetime import timedelta
from typing import Final

from nhicard.formats.tables import codes

LAST_SEQUENCE_NUMBER: Final = 1500
LAST_VIRTUAL_SEQUENCE_NUMBER: Final = 999
USES_AFTER_UPDATE: Final = 6
USES_THAT_ALLOW_UPDATE: Final = 3  # more than these left and still valid: no update yet (9081)
VALIDITY_AFTER_UPDATE: Final = timedelta(days=180)
ROLLBACK_WITHIN: Final = timedelta(hours=24)
NEWBORN_DEPENDS_FOR: Final = timedelta(days=60)
SIGNATURE_AGE: Final = timedelta(hours=1)
VIRTUAL_SESSION: Final = timedelta(hours=1)
TRANSFER_WITHIN: Final = timedelta(minutes=5)
TELEMEDICINE_ANSWER_WITHIN: Final = timedelta(minutes=30)
CLOUD_SAM_VALIDITY: Final = timedelta(days=365)
TREATMENTS_SHOWN: Final = 6
CRITICAL_ILLNESSES_SHOWN: Final = 6
PRESCRIPTIONS_SHOWN: Final = 60

CATEGORIES: Final = codes("2.0", "M07")
COUNTED: Final = frozenset(code for code, entry in CATEGORIES.items() if "counted=yes" in entry.attr)
CANCELLING: Final = frozenset({"ZA", "ZB"})
# What stands in place of a sequence number where the visit does not count; other categories get none.
SPECIAL_NUMBERS: Final = {"AC": "IC01", "AD": "IC06"}
