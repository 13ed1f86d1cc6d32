"""Encryption at rest: raw payloads are sealed before they are stored (docs/security.md)."""
