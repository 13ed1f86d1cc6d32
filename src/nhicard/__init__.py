"""nhicard."""
