"""Images of prescriptions with QR codes, as institutions upload them on the portal."""
