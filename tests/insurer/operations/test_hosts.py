"""Requests under a host name that is none of ours are refused."""

from django.test import Client


def test_a_foreign_host_name_is_refused_and_our_own_served() -> None:
    assert Client(SERVER_NAME="localhost").get("/health").status_code == 200
    assert Client(SERVER_NAME="elsewhere.example").get("/health").status_code == 400
