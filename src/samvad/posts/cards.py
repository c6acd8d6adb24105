"""Posts with all that is shown of them, in a fixed number of queries however many they are."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import CharField, F, Value

from samvad.accounts.models import User
from samvad.posts import media
from samvad.posts.models import Bookmark, Captions, Like, Medium, Post
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
    """In the order of `ids`, which the reader is known to be allowed to read. At most 5 queries."""
    if not ids:
        return []
    related = [*_WITH, "repost_of", *(f"repost_of__{name}" for name in _WITH)]
    found = {p.pk: p for p in Post.objects.filter(pk__in=ids).select_related(*related)}
    made = [_card(found[pk], reader) for pk in ids if pk in found]
    quotes = {c.post.quote_of_id for c in made if c.post.quote_of_id}
    quoted = (
        {p.pk: p for p in readable(reader).filter(pk__in=quotes).select_related(*_WITH)}
        if quotes
        else {}
    )
    for card in made:
        if card.post.quote_of_id:
            original = quoted.get(card.post.quote_of_id)
            card.quote_gone = original is None
            card.quote = _card(original, reader) if original else None
    every = [*made, *(card.quote for card in made if card.quote)]
    _put_media(every)
    if reader is not None:
        _put_marks(made, reader)
    return made


def card(post: Post, reader: User | None) -> Card:
    """One post, which the reader is known to be allowed to read."""
    return cards([post.pk], reader)[0]


def _card(post: Post, reader: User | None) -> Card:
    shown = post.counted
    return Card(
        post=shown,
        by=post.author if post.repost_of_id else None,
        key=post.pk,
        mine=reader is not None and shown.author_id == reader.pk,
    )


def _put_media(every: Iterable[Card]) -> None:
    by_post: dict[str, list[Card]] = defaultdict(list)
    for one in every:
        by_post[one.post.pk].append(one)
    found = list(Medium.objects.filter(post__in=list(by_post)).order_by("position"))
    videos = [m.pk for m in found if m.is_video]
    captions: dict[int, list[str]] = defaultdict(list)
    if videos:
        rows = Captions.objects.filter(medium__in=videos).order_by("language")
        for medium_id, language in rows.values_list("medium_id", "language"):
            captions[medium_id].append(language)
    for medium in found:
        for one in by_post[medium.post_id or ""]:
            one.media.append(shown(medium, captions[medium.pk], one.post.is_public))


def shown(medium: Medium, languages: Sequence[str] = (), public: bool = False) -> Shown:
    """With the addresses of its files."""
    at = {what: media.address(medium, what, public=public) for what in medium.files}
    key = media.PUBLIC if public else media.key_for(medium.name)
    tracks = [(lang, f"/media/{medium.name}/{key}/{lang}.vtt") for lang in languages]
    return Shown(medium, at, tracks)


def _put_marks(made: list[Card], reader: User) -> None:
    """Which of them the reader likes, keeps, has passed on: one query for all three."""
    ids = [one.post.pk for one in made]

    def rows(kind: str, query, post: str):  # type: ignore[no-untyped-def]
        return query.filter(**{f"{post}__in": ids}).values_list(
            Value(kind, output_field=CharField()), F(post)
        )

    marks = set(
        rows("like", Like.objects.filter(person=reader), "post_id").union(
            rows("keep", Bookmark.objects.filter(person=reader), "post_id"),
            rows("pass", Post.objects.filter(author=reader), "repost_of_id"),
            all=True,
        )
    )
    for one in made:
        one.liked = ("like", one.post.pk) in marks
        one.bookmarked = ("keep", one.post.pk) in marks
        one.reposted = ("pass", one.post.pk) in marks
