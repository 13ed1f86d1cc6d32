"""The numbers that govern signing in, in one place. How long a session may be idle is a setting of Django's."""

from datetime import timedelta
from typing import Final

FAILURES: Final = 5  # of passwords and codes together, since the last success
LOCK: Final = timedelta(minutes=15)
SESSIONS: Final = 2  # at once, a user
SESSION_LIFE: Final = timedelta(hours=8)
SECOND_STEP_WITHIN: Final = timedelta(minutes=5)
CARD_SIGNATURE_AGE: Final = timedelta(minutes=5)
CARD_SERVICE_TYPE: Final = "92"  # ours: no published list of service types has a value for the portal
FORMER_PASSWORDS: Final = 3
RECOVERY_CODES: Final = 10
SIGN_INS_SHOWN: Final = 10
