"""Online applications of institutions, their decision by the divisions, and the switch to 2.0 that follows."""
