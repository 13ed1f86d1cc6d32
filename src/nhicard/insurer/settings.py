"""Django settings: embedded defaults under one folder, everything else from the environment (docs/operations.md)."""

import os
import secrets
from pathlib import Path

from platformdirs import user_data_path

from nhicard import web
from nhicard.insurer.databases import databases
from nhicard.insurer.eprescriptions import oauth_settings

HOME = Path(os.environ.get("NHICARD_INSURER_HOME") or user_data_path("nhicard") / "insurer")
PROXY = os.environ.get("NHICARD_PROXY", "")
TEST_CARDS = os.environ.get("NHICARD_TEST_CARDS") == "1"

DEBUG = False
# Kept beside the insurer's other keys once ``serving.set_up`` has made it; until then one for this process alone.
SECRET_KEY_FILE = HOME / "keys" / "portal-secret"
SECRET_KEY = os.environ.get("NHICARD_SECRET_KEY") or (
    SECRET_KEY_FILE.read_text() if SECRET_KEY_FILE.exists() else secrets.token_urlsafe(48)
)
ALLOWED_HOSTS = os.environ.get("NHICARD_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
ROOT_URLCONF = "nhicard.insurer.urls"
WSGI_APPLICATION = "nhicard.insurer.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "nhicard.insurer.registry",
    "nhicard.insurer.datacentre",
    "nhicard.insurer.intake",
    "nhicard.insurer.partitions",
    "nhicard.insurer.operations",
    "nhicard.insurer.accounts",
    "nhicard.insurer.audit",
    "nhicard.insurer.monitoring",
    "nhicard.insurer.applications",
    "nhicard.insurer.uploads",
    "nhicard.insurer.announcements",
    "nhicard.insurer.reminders",
    "nhicard.insurer.incentives",
    "nhicard.insurer.opendata",
    "nhicard.insurer.prescriptions",
    "nhicard.insurer.taxes",
    "nhicard.insurer.bandwidth",
    "oauth2_provider",
    "nhicard.insurer.eprescriptions",
    "nhicard.insurer.hours",
    "nhicard.insurer.securitymodules",
    "nhicard.insurer.virtualcards",
    "nhicard.insurer.followup",
    "nhicard.insurer.claims",
    "nhicard.insurer.absences",
    "nhicard.insurer.detectors",
    "nhicard.insurer.portal",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",  # outside of all that answers by itself
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "nhicard.insurer.datacentre.middleware.AlwaysAnswer",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",  # refuses host names that are none of ours
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
APPEND_SLASH = False

DATABASE_URL = os.environ.get("DATABASE_URL", "")
DATABASES = databases(HOME, os.environ)
DATABASE_ROUTERS = ["nhicard.insurer.replica.Router"] if "replica" in DATABASES else []
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "nhicard.insurer.portal.menu.pages",
            ],
        },
    }
]
STATIC_URL = "/portal/static/"
STATICFILES_DIRS = [("web", str(web.STATIC))]
WHITENOISE_USE_FINDERS = True  # static files are served from the apps: nothing to collect

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "portal:home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_COOKIE_AGE = 30 * 60  # of doing nothing
SESSION_SAVE_EVERY_REQUEST = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_NAME = "portal_session"
SESSION_COOKIE_PATH = "/portal"
CSRF_COOKIE_PATH = "/portal"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        # the control software on the user's own machine, which signs in with a card
        "connect-src": ["'self'", "https://localhost:5066", "https://127.0.0.1:5066"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
}

# Announcements outside the portal; a way that is not set up is not used.
PUBLIC_URL = os.environ.get("NHICARD_PUBLIC_URL", "https://localhost:8443")
# On localhost a browser would ask every other program of the machine for HTTPS too.
SECURE_HSTS_SECONDS = 0 if PUBLIC_URL.startswith("https://localhost") else 365 * 24 * 60 * 60
LINE_TOKEN = os.environ.get("NHICARD_LINE_TOKEN", "")
LINE_HOST = os.environ.get("NHICARD_LINE_HOST", "https://api.line.me")
EMAIL_SENDER = os.environ.get("NHICARD_EMAIL_SENDER", "")
EMAIL_HOST = os.environ.get("NHICARD_SMTP_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("NHICARD_SMTP_PORT", "25"))
EMAIL_TIMEOUT = 20

# OAuth of the electronic prescription API; to be short-lived and hashed is not for an installation to change.
OAUTH2_PROVIDER_APPLICATION_MODEL = oauth_settings.CLIENT_MODEL
OAUTH2_PROVIDER = oauth_settings.PROVIDER

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "zh-hant"
LANGUAGES = [("zh-hant", "中文"), ("en", "English")]
LANGUAGE_COOKIE_SECURE = True
TIME_ZONE = "Asia/Taipei"
USE_TZ = False  # every moment is Taiwan's, naive, as in the records themselves

# Of the upload services, in each process; addresses of this machine itself are not counted.
UPLOADS_A_MINUTE = int(os.environ.get("NHICARD_UPLOADS_A_MINUTE", "600"))  # of one SAM
REQUESTS_A_MINUTE = int(os.environ.get("NHICARD_REQUESTS_A_MINUTE", "6000"))  # from one address
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
