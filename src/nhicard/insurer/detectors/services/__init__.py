"""What is done with detectors: gather, run, act, publish."""
