"""Posts with all that is shown of them, in a fixed number of queries however many they are."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef
from django.db.models.functions import Coalesce

from samvad.accounts.models import User
from samvad.posts import media
from samvad.posts.models import Bookmark, Like, Medium, Post
from samvad.posts.seen import readable


@dataclass(frozen=True)
class Shown:
    """A photo or video as a card shows it. `at`: what for → path."""

    medium: Medium
    at: dict[str, str]
    captions: list[tuple[str, str]] = field(default_factory=list)

    @property
    def focus(self) -> str:
        """The focal point in fifths, as a class name of the style sheet: no inline style."""
        return f"focus-{round(self.medium.focus_x * 4)}-{round(self.medium.focus_y * 4)}"


@dataclass
class Card:
    """A post as it is shown to one reader.

    `post` is what is read; `by` is who passed it on, for a repost. `quote` is None where there is
    none, and `quote_gone` where there was one that the reader may not see.
    """

    post: Post
    by: User | None = None
    key: str = ""
    media: list[Shown] = field(default_factory=list)
    quote: "Card | None" = None
    quote_gone: bool = False
    liked: bool = False
    bookmarked: bool = False
    reposted: bool = False
    mine: bool = False


_WITH = ("author", "preview", "answers")


def cards(ids: Sequence[str], reader: User | None) -> list[Card]:
    """In the order of `ids`, which the reader is known to be allowed to read. 3 queries at most."""
    if not ids:
        return []
    related = [*_WITH, "repost_of", *(f"repost_of__{name}" for name in _WITH)]
    posts = Post.objects.filter(pk__in=ids).select_related(*related)
    if reader is not None:
        posts = posts.annotate(**_marks(reader))
    found = {post.pk: post for post in posts}
    made = [_card(found[pk], reader) for pk in ids if pk in found]
    _put_quotes(made, reader)
    _put_media([*made, *(card.quote for card in made if card.quote)])
    return made


def card(post: Post, reader: User | None) -> Card:
    """One post, which the reader is known to be allowed to read."""
    return cards([post.pk], reader)[0]


def _marks(reader: User) -> dict[str, Exists]:
    """Whether the reader likes, keeps, has passed on what is shown."""
    shown = Coalesce(OuterRef("repost_of"), OuterRef("pk"))
    return {
        "liked": Exists(Like.objects.filter(person=reader, post=shown)),
        "bookmarked": Exists(Bookmark.objects.filter(person=reader, post=shown)),
        "reposted_by_me": Exists(Post.objects.filter(author=reader, repost_of=shown)),
    }


def _card(post: Post, reader: User | None) -> Card:
    shown = post.counted
    return Card(
        post=shown,
        by=post.author if post.repost_of_id else None,
        key=post.pk,
        liked=getattr(post, "liked", False),
        bookmarked=getattr(post, "bookmarked", False),
        reposted=getattr(post, "reposted_by_me", False),
        mine=reader is not None and shown.author_id == reader.pk,
    )


def _put_quotes(made: list[Card], reader: User | None) -> None:
    quotes = {one.post.quote_of_id for one in made if one.post.quote_of_id}
    if not quotes:
        return
    posts = readable(reader).filter(pk__in=quotes).select_related(*_WITH)
    quoted = {post.pk: post for post in posts}
    for one in made:
        if one.post.quote_of_id:
            original = quoted.get(one.post.quote_of_id)
            one.quote_gone = original is None
            one.quote = _card(original, reader) if original else None


def _put_media(every: Iterable[Card]) -> None:
    by_post: dict[str, list[Card]] = defaultdict(list)
    for one in every:
        by_post[one.post.pk].append(one)
    for medium in Medium.objects.filter(post__in=list(by_post)).order_by("position"):
        for one in by_post[medium.post_id or ""]:
            one.media.append(shown(medium, one.post.is_public))


def shown(medium: Medium, public: bool = False) -> Shown:
    """With the addresses of its files."""
    key = media.PUBLIC if public else media.key_for(medium.name)
    return Shown(
        medium,
        at={what: media.address(medium, what, key) for what in medium.files},
        captions=[(lang, f"/media/{medium.name}/{key}/{lang}.vtt") for lang in medium.spoken],
    )
