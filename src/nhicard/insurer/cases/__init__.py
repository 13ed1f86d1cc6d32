"""Cases that an institution explains and its division settles: what the apps that find such cases share."""
