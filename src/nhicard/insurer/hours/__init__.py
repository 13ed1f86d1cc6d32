"""When institutions are open: regular hours by specialty, long holidays, who has not registered, the public query."""
