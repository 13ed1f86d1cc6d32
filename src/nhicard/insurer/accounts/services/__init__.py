"""Signing in, sessions, second factors, passwords."""
