"""What is done with absences: load, report, find, act."""
