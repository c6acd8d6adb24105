"""Django's settings, made from Samvad's own (base/settings.py). Nothing is configured here
that a site's owner would change: that belongs into samvad.toml."""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django.conf.locale

from samvad.accounts.reserved import RESERVED
from samvad.base.errors import PlainError
from samvad.base.folders import Folders, assets
from samvad.protocol.secret import derive, read_secret
from samvad.web.database import database
from samvad.web.setup import site

DATA, SAMVAD = site()
FOLDERS = Folders(DATA)
HERE = Path(__file__).resolve().parent

try:
    _secret = read_secret(FOLDERS.secret)
except PlainError:
    # Type checkers and tests load these settings without a site; serve, worker and commands
    # go through web.setup, which makes the secret first.
    _secret = secrets.token_bytes(32)
SITE_SECRET = _secret
SECRET_KEY = derive(_secret, "django").hex()

DEBUG = SAMVAD.web.debug
_https = SAMVAD.web_url().startswith("https://")
_host = urlsplit(SAMVAD.web_url()).hostname or "127.0.0.1"
# Without a declared address the site may be reached by any name; links never use that name.
ALLOWED_HOSTS = (
    [_host, "127.0.0.1", "localhost", "[::1]"]
    if SAMVAD.public.web_url or SAMVAD.public.host not in ("0.0.0.0", "::")
    else ["*"]
)
CSRF_TRUSTED_ORIGINS = [SAMVAD.web_url()]

INSTALLED_APPS = [
    "samvad.web.apps.WebConfig",
    "samvad.accounts.apps.AccountsConfig",
    "samvad.notices.apps.NoticesConfig",
    "samvad.posts.apps.PostsConfig",
    "samvad.events.apps.EventsConfig",
    "samvad.moderation.apps.ModerationConfig",
    "samvad.federation.apps.FederationConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "samvad.web.middleware.SecurityHeaders",
    "samvad.web.middleware.Files",
    "samvad.web.media_files.Media",
    # Safe beside our CSRF tokens: they are masked anew in each page, and Django pads (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "samvad.web.middleware.AskedLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "samvad.web.api.front.Front",
    "allauth.account.middleware.AccountMiddleware",
    "samvad.web.keep_to_standing.KeepToStanding",
]

ROOT_URLCONF = "samvad.web.urls"
WSGI_APPLICATION = "samvad.web.serve.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "samvad.web.context.site",
            ],
            "builtins": ["django.templatetags.i18n", "samvad.web.templatetags.samvad"],
        },
    }
]
FORM_RENDERER = "samvad.web.forms.Renderer"

DATABASES: dict[str, dict[str, Any]] = {"default": database(SAMVAD.web, FOLDERS)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Accounts
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation." + name}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTH_PASSWORD_VALIDATORS[0]["OPTIONS"] = {"user_attributes": ("handle", "display_name", "email")}  # type: ignore[assignment]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "index"
LOGOUT_REDIRECT_URL = "index"
ACCOUNT_ADAPTER = "samvad.web.accounts.Adapter"
ACCOUNT_FORMS = {
    "login": "samvad.web.forms.LogIn",
    "signup": "samvad.web.forms.SignUp",
    "change_password": "samvad.web.forms.ChangePassword",
    "reset_password": "samvad.web.account_forms.ForgottenPassword",
    "reset_password_from_key": "samvad.web.account_forms.NewPassword",
    "add_email": "samvad.web.account_forms.ChangeEmail",
    "reauthenticate": "samvad.web.account_forms.OnceMore",
}
MFA_FORMS = {
    "authenticate": "samvad.web.account_forms.Code",
    "reauthenticate": "samvad.web.account_forms.CodeOnceMore",
    "activate_totp": "samvad.web.account_forms.FirstCode",
    "add_webauthn": "samvad.web.account_forms.NewPasskey",
    "login_webauthn": "samvad.web.account_forms.PasskeyLogIn",
    "authenticate_webauthn": "samvad.web.account_forms.PasskeySecond",
    "reauthenticate_webauthn": "samvad.web.account_forms.PasskeyOnceMore",
}
# Without a declared mail server nothing can be verified by mail, so nothing asks for an address.
MAILS = bool(SAMVAD.mail.host)
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = (
    ["username*", "email*", "password1*"] if MAILS else ["username*", "password1*"]
)
ACCOUNT_USER_MODEL_USERNAME_FIELD = "handle"
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_USERNAME_MIN_LENGTH = 2
ACCOUNT_USERNAME_VALIDATORS = "samvad.web.accounts.HANDLE_VALIDATORS"
ACCOUNT_USERNAME_BLACKLIST = sorted(RESERVED)
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if MAILS else "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 2
ACCOUNT_RATE_LIMITS = {"signup": "30/h/ip", "login": "30/m/ip"}
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = f"Samvad {_host}"
MFA_ADAPTER = "samvad.web.accounts.SecondFactors"
# A name of one's own machine counts as safe in browsers, and so it does here.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _https
MFA_ALLOW_UNVERIFIED_EMAIL = True

if MAILS:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = SAMVAD.mail.host
    EMAIL_PORT = SAMVAD.mail.port
    EMAIL_HOST_USER = SAMVAD.mail.user
    EMAIL_HOST_PASSWORD = SAMVAD.mail.password
    EMAIL_USE_TLS = SAMVAD.mail.security == "starttls"
    EMAIL_USE_SSL = SAMVAD.mail.security == "tls"
    EMAIL_TIMEOUT = 20
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = FOLDERS.web / "mail"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = SAMVAD.mail.sender or f"samvad@{_host}"

# Sites on one host name share its cookies whatever their ports; their names keep them apart.
_site = derive(_secret, "cookies").hex()[:8]
SESSION_COOKIE_NAME = f"samvad_session_{_site}"
CSRF_COOKIE_NAME = f"samvad_csrf_{_site}"
LANGUAGE_COOKIE_NAME = "samvad_lang"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _https
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_ENGINE = "django.contrib.sessions.backends.db"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Browsers
CSRF_FAILURE_VIEW = "samvad.web.pages.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
_live = f"{SAMVAD.gate_url()} {SAMVAD.stage_url()}"
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        f"img-src 'self' data: {SAMVAD.gate_url()}",
        f"connect-src 'self' {_live}",
        f"media-src 'self' blob: {SAMVAD.gate_url()}",
        "worker-src 'self' blob:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

# Languages
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("gu", "ગુજરાતી"), ("hi", "हिन्दी")]
django.conf.locale.LANG_INFO.setdefault(
    "gu", {"bidi": False, "code": "gu", "name": "Gujarati", "name_local": "ગુજરાતી"}
)
LOCALE_PATHS = [HERE / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

# Files
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
ASSETS = assets()
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        # Rate limits are kept here: so many sources are remembered at once.
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    }
}
LOGGING_CONFIG = None  # base.log sends everything to stderr

EVENT_PAGES = "samvad.web.event_page.pages"
"""Renders an event's page for the plan (events/plans.py calls it, knowing no HTML)."""

EVENT_PREVIEW = "samvad.web.previews.write"
"""Writes what other sites show of an event, whenever its plan is written."""
