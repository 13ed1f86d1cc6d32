"""What is done with enrolments, evidence and settlements."""
