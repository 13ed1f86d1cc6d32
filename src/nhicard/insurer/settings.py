"""Django settings: embedded defaults under one folder, everything else from the environment (docs/operations.md)."""

import os
from pathlib import Path

import dj_database_url
from platformdirs import user_data_path

HOME = Path(os.environ.get("NHICARD_INSURER_HOME") or user_data_path("nhicard") / "insurer")
PROXY = os.environ.get("NHICARD_PROXY", "")
TEST_CARDS = os.environ.get("NHICARD_TEST_CARDS") == "1"

DEBUG = False
SECRET_KEY = os.environ.get("NHICARD_SECRET_KEY") or "unused: no session, form or signed value exists yet"
ALLOWED_HOSTS = os.environ.get("NHICARD_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
ROOT_URLCONF = "nhicard.insurer.urls"
WSGI_APPLICATION = "nhicard.insurer.wsgi.application"

INSTALLED_APPS = [
    "nhicard.insurer.registry",
    "nhicard.insurer.datacentre",
    "nhicard.insurer.intake",
    "nhicard.insurer.operations",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "nhicard.insurer.datacentre.middleware.AlwaysAnswer",
    "django.middleware.common.CommonMiddleware",  # refuses host names that are none of ours
]
APPEND_SLASH = False

_SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": HOME / "insurer.sqlite3",
    "OPTIONS": {
        # a writer takes its turn at once instead of failing halfway through
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    },
}
DATABASE_URL = os.environ.get("DATABASE_URL", "")
DATABASES = {
    "default": dj_database_url.parse(DATABASE_URL, conn_max_age=600, conn_health_checks=True)
    if DATABASE_URL
    else _SQLITE
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "zh-hant"
TIME_ZONE = "Asia/Taipei"
USE_TZ = False  # every moment is Taiwan's, naive, as in the records themselves

DATA_UPLOAD_MAX_MEMORY_SIZE = 230 * 1024 * 1024  # the largest upload as base64; each service has its own limit below
LOG_FORMAT = os.environ.get("NHICARD_LOG_FORMAT", "plain")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "nhicard.insurer.operations.logs.Plain",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        },
        "json": {
            "()": "nhicard.insurer.operations.logs.Json",
            "format": "{asctime}{levelname}{name}{message}",
            "style": "{",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "loggers": {"django.request": {"level": "ERROR"}},  # its warnings quote paths, and a path may quote anything
    "root": {"handlers": ["console"], "level": os.environ.get("NHICARD_LOG_LEVEL", "INFO")},
}
