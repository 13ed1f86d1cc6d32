"""Who saw or decided what: entries that are only ever added, each sealed with the one before."""
