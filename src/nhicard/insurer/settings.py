"""Django settings: embedded defaults under one folder, everything else from the environment.

=========================  ==========================================================  ===========================
variable                   what                                                        default
=========================  ==========================================================  ===========================
NHICARD_INSURER_HOME       folder of the database, the keys and the TLS certificate    the user's data folder
NHICARD_TEST_CARDS         1: cards for tests are issued over ``/test/v1`` (never on   0
                           a service that holds real persons)
NHICARD_ALLOWED_HOSTS      host names that are answered, separated by commas           localhost, 127.0.0.1
=========================  ==========================================================  ===========================
"""

import os
from pathlib import Path

from platformdirs import user_data_path

HOME = Path(os.environ.get("NHICARD_INSURER_HOME") or user_data_path("nhicard") / "insurer")
TEST_CARDS = os.environ.get("NHICARD_TEST_CARDS") == "1"

DEBUG = False
SECRET_KEY = os.environ.get("NHICARD_SECRET_KEY") or "unused: no session, form or signed value exists yet"
ALLOWED_HOSTS = os.environ.get("NHICARD_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
ROOT_URLCONF = "nhicard.insurer.urls"
WSGI_APPLICATION = "nhicard.insurer.wsgi.application"

INSTALLED_APPS = ["nhicard.insurer.registry", "nhicard.insurer.datacentre", "nhicard.insurer.intake"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "nhicard.insurer.datacentre.middleware.AlwaysAnswer",
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": HOME / "insurer.sqlite3",
        "OPTIONS": {
            # a writer takes its turn at once instead of failing halfway through
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "zh-hant"
TIME_ZONE = "Asia/Taipei"
USE_TZ = False  # every moment is Taiwan's, naive, as in the records themselves

DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {"django.request": {"level": "ERROR"}},  # its warnings quote paths, and a path may quote anything
    "root": {"handlers": ["console"], "level": os.environ.get("NHICARD_LOG_LEVEL", "INFO")},
}
