"""The rules, as pure functions over frames."""
