"""Links of a profile that link back; and how much one may post."""

import pytest

from samvad.accounts.models import ProfileLink
from samvad.base.params import replace
from samvad.posts.errors import PostError
from samvad.posts.fetch import NotFetched
from samvad.posts.service import create
from samvad.web.verified_links import links_back, look_at_next

pytestmark = pytest.mark.django_db

ME = "http://127.0.0.1:8000/@asha"


@pytest.mark.parametrize(
    ("page", "back"),
    [
        (f'<a rel="me" href="{ME}">x</a>', True),
        (f'<link href="{ME}/" rel="author ME">', True),
        (f'<a href="{ME}">x</a>', False),
        (f'<a rel="me" href="{ME}x">x</a>', False),
        (f'<a rel="menu" href="{ME}">', False),
        (f"<!-- <a rel=me href={ME}> --><script>'<a rel=me href={ME}>'</script>", False),
        ("<a rel=me><<<", False),
    ],
)
def test_what_links_back(page, back):
    assert links_back(page, ME) is back


def test_a_link_is_looked_at_marked_and_looked_at_again(owner):
    link = ProfileLink.objects.create(user=owner, url="https://example.org")
    assert look_at_next(lambda url: f'<a rel="me" href="{ME}">x</a>')
    link.refresh_from_db()
    assert link.verified_at is not None
    assert not look_at_next(lambda url: "")  # not due

    def away(url: str) -> str:
        raise NotFetched("it does not answer", again=True)

    for fetch, still in ((away, True), (lambda url: "nothing", False)):
        ProfileLink.objects.update(look_at=link.look_at.replace(year=2020))
        look_at_next(fetch)
        link.refresh_from_db()
        assert (link.verified_at is not None) is still


def test_posting_is_bounded(owner, settings):
    accounts = replace(settings.SAMVAD.accounts, posts_an_hour=2)
    settings.SAMVAD = replace(settings.SAMVAD, accounts=accounts)
    create(owner, "one")
    create(owner, "two")
    with pytest.raises(PostError, match="in an hour") as refused:
        create(owner, "three")
    assert refused.value.code == "too_fast"
