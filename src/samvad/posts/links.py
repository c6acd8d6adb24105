"""Which preview a post's link has. The page itself is fetched by the worker, once for all posts."""

import hashlib

from django.conf import settings

from samvad.posts.models import LinkPreview
from samvad.posts.text import first_url


def preview_for(said: str) -> LinkPreview | None:
    """The preview of the first link of a text: an old one, or a new one that waits to be fetched.

    None without a link, for a link to this site, or where the site fetches no previews.
    """
    url = first_url(said)
    if not url or not settings.SAMVAD.posts.link_previews or _is_ours(url):
        return None
    url = url.split("#", 1)[0]
    name = hashlib.sha256(url.encode()).hexdigest()
    return LinkPreview.objects.get_or_create(url_hash=name, defaults={"url": url})[0]


def _is_ours(url: str) -> bool:
    ours = (settings.SAMVAD.web_url(), settings.SAMVAD.gate_url())
    return any(url == base or url.startswith(base + "/") for base in ours)
