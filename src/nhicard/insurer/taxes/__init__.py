"""Tax documents for owners of institutions: from settled payments to PDF, CSV and letters."""
