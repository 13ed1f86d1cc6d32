"""The control software's local HTTPS service, as programs of clinics call it (version 6.0)."""
