"""Names that nobody gets, because people would take them for the site itself. Pure.

What somebody had is never given to another either: the row of a deleted account stays.
"""

# fmt: off
RESERVED = frozenset(
    {
        "about", "abuse", "account", "accounts", "admin", "administrator", "all", "api", "app",
        "contact", "events", "everyone", "feed", "help", "here", "hostmaster", "inbox", "info",
        "instance", "legal", "login", "logout", "mail", "media", "mod", "moderation", "moderator",
        "moderators", "news", "nobody", "notices", "null", "official", "operator", "outbox",
        "postmaster", "privacy", "root", "rules", "samvad", "search", "security", "settings",
        "sign_in", "signup", "staff", "status", "support", "system", "team", "terms", "test",
        "transparency", "undefined", "webmaster", "well_known", "www",
    }
)
# fmt: on
