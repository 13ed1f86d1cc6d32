"""Claim files on the portal: kept, checked by the worker, compared with the uploaded visits, and the state of each month."""
