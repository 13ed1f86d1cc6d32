"""What the worker tells other apps; intake knows none of them."""

from django.dispatch import Signal

#: Within the transaction that writes a batch: ``kind`` (``kinds.Kind``), ``institutions`` (codes of those of whom at
#: least one record was accepted), ``now``.
settled = Signal()
#: Before a worker looks at the queue: ``now``. Receivers must be quick.
turning = Signal()
