"""The pages: an institution's own, and the insurer's."""
