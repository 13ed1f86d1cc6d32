"""What is done with cases, within one transaction each."""
