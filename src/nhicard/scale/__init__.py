"""The same checks over a lake of files: months of uploads on one machine or on a Ray cluster."""
