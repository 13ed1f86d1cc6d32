"""People who use the portal: who they are, what they may do, how they prove it."""
