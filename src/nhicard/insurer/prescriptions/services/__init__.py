"""What is done with an uploaded image."""
