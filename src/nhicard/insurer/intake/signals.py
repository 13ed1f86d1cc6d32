"""What the worker tells other apps; intake knows none of them."""

from django.dispatch import Signal

#: Within the transaction that writes a batch: ``kind`` (``kinds.Kind``), ``institutions`` (codes of those of whom at
#: least one record was accepted), ``now``.
settled = Signal()
#: Before a worker looks at the queue: ``now``. Receivers must be quick, save for one job of theirs at most; they may
#: return how many jobs they did, so that the worker does not rest while there are more.
turning = Signal()
