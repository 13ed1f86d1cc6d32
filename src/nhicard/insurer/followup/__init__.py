"""Follow-up of what a single record cannot show: newborn marks against the household registry, results of 12196B."""
