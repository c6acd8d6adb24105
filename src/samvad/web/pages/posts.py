"""One post: its page with the thread, writing, changing, deleting it, and marks on it."""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from samvad.accounts.models import User
from samvad.base.errors import PlainError
from samvad.posts import marks, media, seen, service, timelines, videos
from samvad.posts.cards import card, shown
from samvad.posts.errors import PostError
from samvad.posts.models import Gone, Medium, Post
from samvad.posts.names import POST_ID
from samvad.web.pages.timelines import asker, before, composer, feed
from samvad.web.post_forms import CaptionsForm, EditForm, PostForm, focus_of
from samvad.web.reader import account_of

ACTS: dict[str, tuple[Callable[[User, Post], object], Callable[[User, Post], object]]] = {
    "like": (marks.like, marks.unlike),
    "bookmark": (marks.bookmark, marks.unbookmark),
    "repost": (service.repost, service.unrepost),
}


@require_safe
@never_cache
def post(request: HttpRequest, handle: str, post_id: str) -> HttpResponse:
    """A post among what it answers and its answers."""
    me = asker(request)
    found = _related(seen.readable(me)).filter(pk=post_id).first()
    if found is None:
        return _not_there(request, _found(post_id))
    if found.author.handle != handle:
        return redirect(found.path, permanent=True)
    if found.repost_of is not None:
        return redirect(found.repost_of.path)
    above = timelines.above(found, me)
    return feed(
        request,
        timelines.below(found, me, before(request)),
        template="posts/page.html",
        beside=[*above, found.pk],
        title=_title(found),
        missing_above=bool(found.reply_to_id) and not above,
        indexed=found.is_public,
        form=composer(me, reply_to=found.pk, **_answering(found, me)) if me else None,
    )


@require_safe
def by_id(request: HttpRequest, post_id: str) -> HttpResponse:
    """To the post's page, for who knows its id alone."""
    found = _found(post_id)
    if not seen.can_read(found, asker(request)):
        return _not_there(request, found)
    return redirect(found.path)


@require_safe
@never_cache
def history(request: HttpRequest, handle: str, post_id: str) -> HttpResponse:
    """What a post said before, newest first."""
    found = readable(request, post_id)
    versions = [
        {"text": r.text, "warning": r.warning, "at": r.written_at} for r in found.revisions.all()
    ]
    now = {"text": found.text, "warning": found.warning, "at": found.edited_at or found.created_at}
    return render(
        request, "posts/history.html", {"post": found, "versions": [now, *versions[::-1]]}
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def compose(request: HttpRequest) -> HttpResponse:
    """Write a post, an answer or a quote."""
    me = account_of(request)
    if request.method == "POST":
        form = PostForm(request.POST, request.FILES)
        wanted = form.data
    else:
        names = ("reply_to", "quote_of", "event", "text")
        wanted = {name: request.GET.get(name, "") for name in names}
        about = _about(request, wanted)
        if about is not None and wanted["reply_to"]:
            wanted |= _answering(about, me)
        form = composer(me, **wanted) or PostForm()
    about = _about(request, wanted)
    if request.method == "POST" and form.is_valid():
        try:
            made = _write(me, form, about)
        except PostError as error:
            _blame(form, error)
        else:
            messages.success(request, _("Posted."))
            return redirect(made.path)
    title = _("Write a post")
    if about is not None:
        title = _("Write an answer") if wanted.get("reply_to") else _("Quote a post")
    return render(
        request,
        "posts/compose.html",
        {"form": form, "title": title, "about": about, "text_max": service.text_max()},
        status=422 if form.is_bound else 200,
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def edit(request: HttpRequest, handle: str, post_id: str) -> HttpResponse:
    """Change the words, and the descriptions of photos and video."""
    found = own(request, post_id)
    if found.repost_of_id:
        raise Http404
    pieces = list(found.media.order_by("position"))
    form = EditForm(found, pieces, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                service.edit(found, form.cleaned_data["text"], warning=form.cleaned_data["warning"])
                for one in pieces:
                    where = focus_of(form.cleaned_data.get(f"focus_{one.name}", ""))
                    media.described(one, form.cleaned_data[f"alt_{one.name}"], where)
                    one.save(update_fields=["alt", "focus_x", "focus_y"])
        except PostError as error:
            _blame(form, error)
        else:
            return redirect(found.path)
    described = [
        (alt, focus, shown(one, public=found.is_public)) for one, alt, focus in form.described()
    ]
    video = next((one for one in pieces if one.is_video), None)
    return render(
        request,
        "posts/edit.html",
        {"form": form, "post": found, "described": described, "captions": _captions(found, video)},
        status=422 if form.is_bound else 200,
    )


@login_required
@require_POST
def captions(request: HttpRequest, handle: str, post_id: str) -> HttpResponse:
    """Put captions to one's video, or take them away."""
    found = own(request, post_id)
    video = found.media.filter(kind=Medium.Kind.VIDEO).first()
    if video is None:
        raise Http404
    if language := request.POST.get("remove"):
        videos.drop_captions(video, language[:12])
        return redirect(f"{found.path}/edit")
    form = CaptionsForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            videos.put_captions(video, form.cleaned_data["language"], form.cleaned_data["file"])
        except PostError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("The captions are there."))
    else:
        messages.error(request, _("Choose a WebVTT file and its language."))
    return redirect(f"{found.path}/edit")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def delete(request: HttpRequest, handle: str, post_id: str) -> HttpResponse:
    """Asks once, then deletes."""
    found = own(request, post_id)
    if request.method == "POST":
        service.delete(found)
        messages.success(request, _("The post is deleted."))
        return redirect("profile", found.author.handle)
    return render(request, "posts/delete.html", {"post": found})


@login_required
@require_POST
def act(request: HttpRequest, post_id: str, act: str) -> HttpResponse:
    """Like, keep, pass on, pin, or the contrary; answers with the new buttons for htmx."""
    me, on = account_of(request), request.POST.get("on") == "1"
    try:
        if act == "pin":
            (service.pin if on else service.unpin)(own(request, post_id))
        else:
            ACTS[act][0 if on else 1](me, readable(request, post_id))
    except PlainError as error:
        messages.error(request, str(error))
    if request.headers.get("HX-Request") != "true":
        return back(request)
    now = card(readable(request, post_id), me)
    key = request.GET.get("card", "")
    now.key = key if re.fullmatch(POST_ID, key) else now.key
    return render(request, "posts/acts.html", {"card": now})


def readable(request: HttpRequest, post_id: str) -> Post:
    """The post, if the asker may read it. Raises Http404."""
    found = _found(post_id)
    if not seen.can_read(found, asker(request)):
        raise Http404
    return found


def own(request: HttpRequest, post_id: str) -> Post:
    """The asker's own post. Raises Http404 for all others."""
    found = readable(request, post_id)
    if found.author_id != account_of(request).pk:
        raise Http404
    return found


def back(request: HttpRequest) -> HttpResponse:
    """To the page the form stood on, on this site."""
    to = request.POST.get("next", "")
    allowed = url_has_allowed_host_and_scheme(to, {request.get_host()}, request.is_secure())
    return redirect(to if allowed and to.startswith("/") else "home")


def _found(post_id: str) -> Post:
    found = _related(Post.objects.all()).filter(pk=post_id).first()
    if found is None:
        raise Http404
    return found


def _related(posts: QuerySet[Post]) -> QuerySet[Post]:
    return posts.select_related("author", "repost_of__author", "root", "reply_to", "answers")


def _not_there(request: HttpRequest, found: Post) -> HttpResponse:
    """410 for what was public and is gone; 404 for what the asker may not know of."""
    if not found.is_public or found.repost_of_id:
        raise Http404
    if found.gone == Gone.DELETED:
        why = _("Its author deleted it.")
    elif found.gone == Gone.HIDDEN:
        why = _("The moderators of this site hid it.")
    elif not found.author.is_visible:
        why = _("The account it was written with is not shown now.")
    else:
        raise Http404
    return render(request, "posts/gone.html", {"why": why}, status=410)


def _title(found: Post) -> str:
    name = found.author.shown_name
    words = " ".join((found.warning or found.text).split())
    if not words:
        return _("A post by %(name)s") % {"name": name}
    return f"{name}: {words[:80]}{'…' if len(words) > 80 else ''}"


def _answering(found: Post, me: User | None) -> dict[str, str]:
    """How the form for an answer is filled beforehand: whom it names, and no wider."""
    mine = me is not None and found.author_id == me.pk
    return {
        "text": "" if mine else f"@{found.author.handle} ",
        "visibility": found.visibility,
        "warning": found.warning,
    }


def _about(request: HttpRequest, wanted: Any) -> Post | None:
    """What is answered or quoted. Raises Http404 for what the asker may not read."""
    post_id = wanted.get("reply_to") or wanted.get("quote_of") or ""
    return readable(request, post_id).counted if re.fullmatch(POST_ID, post_id) else None


def _write(me: User, form: PostForm, about: Post | None) -> Post:
    """The post that the form describes, with its photos or video. Raises PostError."""
    data = form.cleaned_data
    names = data["attached"].split()
    have = {m.name: m for m in Medium.objects.filter(owner=me, name__in=names)}
    pieces = [have[name] for name in names if name in have]
    for file, alt, focus in form.photos_sent:
        pieces.append(media.add_photo(me, _bytes(file), alt=alt, focus=focus))
    if data["video"]:
        pieces.append(videos.add_video(me, data["video"]))
    return service.create(
        me,
        data["text"],
        visibility=data["visibility"] or "public",
        warning=data["warning"],
        language=data["language"],
        event=data["event"],
        reply_to=about if data["reply_to"] else None,
        quote_of=about if data["quote_of"] and not data["reply_to"] else None,
        media=pieces,
    )


def _bytes(file: Any) -> bytes:
    most = settings.SAMVAD.posts.photo_max_mb * 1_000_000
    return bytes(file.read(most + 1))


def _blame(form: Any, error: PostError) -> None:
    """Put what the service refused at its field."""
    form.add_error(error.field if error.field in form.fields else None, str(error))


def _captions(found: Post, video: Medium | None) -> dict[str, Any] | None:
    if video is None:
        return None
    return {
        "have": list(video.captions.order_by("language")),
        "form": CaptionsForm(),
        "action": f"{found.path}/captions",
    }
