"""What is done with payments, owners and documents."""
