"""Who is who at the insurer: institutions, their SAMs and staff, insured persons and their cards."""
