"""What the pages and the daily job rest on: the report, the records behind it, qualification, downloads."""
