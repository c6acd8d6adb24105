"""Announcing: a conversation and, if its host likes, the post that carries its card."""

from typing import Any

from django import forms
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from samvad.accounts.models import User
from samvad.events import service
from samvad.events.models import Event
from samvad.posts import service as posts
from samvad.posts.models import Post
from samvad.web.forms import EventForm


class AnnounceForm(EventForm):
    """A new conversation, and what is posted with it."""

    post = forms.BooleanField(
        label=_("Post it with its card"),
        required=False,
        initial=True,
        help_text=_("One post for all its life: announced, on air, and the recording."),
    )
    post_text = forms.CharField(
        label=_("What you say with it"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("May stay empty; the card says what, who and when."),
    )

    def clean_post_text(self) -> str:
        text = str(self.cleaned_data["post_text"]).strip()
        most = posts.text_max()
        if len(text) > most:
            raise forms.ValidationError(
                _("This is longer than the %(most)d letters of a post."), params={"most": most}
            )
        return text


def announce(
    host: User, values: dict[str, Any], *, post: bool = False, text: str = ""
) -> tuple[Event, Post | None]:
    """Create the event and its post, both or neither. Raises EventError and PostError."""
    with transaction.atomic():
        event = service.create_event(host, **values)
        made = None
        if post:
            language = translation.get_language() or ""
            made = posts.create(host, text, event=event.pk, language=language)
    return event, made
