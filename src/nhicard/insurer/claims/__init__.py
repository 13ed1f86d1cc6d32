"""Claim files on the portal: kept, checked by the worker, compared with the uploaded visits, and each month's state."""
