"""What people fill in to write a post, and to describe its photos."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from samvad.posts.media import PHOTOS_MAX
from samvad.posts.media_models import ALT_MAX, Medium
from samvad.posts.models import WARNING_MAX, Post, Visibility
from samvad.posts.names import MEDIUM, POST_ID

LANGUAGES = [
    ("", gettext_lazy("Not said")),
    ("en", "English"),
    ("gu", "ગુજરાતી"),
    ("hi", "हिन्दी"),
    ("bn", "বাংলা"),
    ("mr", "मराठी"),
    ("ta", "தமிழ்"),
    ("te", "తెలుగు"),
    ("kn", "ಕನ್ನಡ"),
    ("ml", "മലയാളം"),
    ("pa", "ਪੰਜਾਬੀ"),
    ("or", "ଓଡ଼ିଆ"),
    ("as", "অসমীয়া"),
    ("ur", "اردو"),
    ("ne", "नेपाली"),
    ("si", "සිංහල"),
    ("sa", "संस्कृतम्"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("fr", "Français"),
    ("it", "Italiano"),
    ("pt", "Português"),
    ("nl", "Nederlands"),
    ("pl", "Polski"),
    ("ru", "Русский"),
    ("uk", "Українська"),
    ("tr", "Türkçe"),
    ("ar", "العربية"),
    ("fa", "فارسی"),
    ("zh", "中文"),
    ("ja", "日本語"),
    ("ko", "한국어"),
]
LANGUAGE_NAMES = dict(LANGUAGES)

FOCUS = [
    ("0.5,0.5", gettext_lazy("Middle")), ("0.5,0", gettext_lazy("Top")),
    ("0.5,1", gettext_lazy("Bottom")), ("0,0.5", gettext_lazy("Left")),
    ("1,0.5", gettext_lazy("Right")), ("0,0", gettext_lazy("Top left")),
    ("1,0", gettext_lazy("Top right")), ("0,1", gettext_lazy("Bottom left")),
    ("1,1", gettext_lazy("Bottom right")),
]  # fmt: skip


def _text(**more: Any) -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("What do you want to say?"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto", "data-text": ""}),
        **more,
    )


def _warning() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Content warning"),
        required=False,
        max_length=WARNING_MAX,
        help_text=gettext_lazy("Shown first; the post opens when somebody wants to see it."),
    )


def alt_field() -> forms.CharField:
    """What a photo shows, for who cannot see it."""
    return forms.CharField(
        label=gettext_lazy("What it shows"),
        required=False,
        max_length=ALT_MAX,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def focus_field() -> forms.ChoiceField:
    """What stays to be seen where a photo is cut."""
    return forms.ChoiceField(
        label=gettext_lazy("What matters is at the"),
        choices=FOCUS,
        required=False,
        initial="0.5,0.5",
    )


def focus_of(value: str) -> tuple[float, float] | None:
    """(x, y) from 0 to 1 as `focus_field` sends it; None for nothing."""
    across, comma, down = value.partition(",")
    return (float(across), float(down)) if comma else None


class PostForm(forms.Form):
    """A post to be written. `photos_sent` are (file, alt, focus) of what came in this form."""

    text = _text()
    reply_to = forms.RegexField(f"^{POST_ID}$", required=False, widget=forms.HiddenInput)
    quote_of = forms.RegexField(f"^{POST_ID}$", required=False, widget=forms.HiddenInput)
    event = forms.RegexField(r"^[a-z0-9]{1,32}$", required=False, widget=forms.HiddenInput)
    attached = forms.RegexField(
        rf"^({MEDIUM}( {MEDIUM}){{0,3}})?$",
        required=False,
        widget=forms.HiddenInput(attrs={"data-attached": ""}),
    )
    visibility = forms.ChoiceField(
        label=gettext_lazy("Who may read it"), choices=Visibility.choices, required=False
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language of the post"), choices=LANGUAGES, required=False
    )
    warning = _warning()
    video = forms.FileField(
        label=gettext_lazy("Or one video"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": "video/*", "data-video": ""}),
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["text"].widget.attrs["maxlength"] = 2 * settings.SAMVAD.posts.text_max
        for n in range(1, PHOTOS_MAX + 1):
            file = forms.FileField(
                label=_("Photo %(n)d") % {"n": n},
                required=False,
                allow_empty_file=True,
                widget=forms.FileInput(attrs={"accept": "image/*", "data-photo": ""}),
            )
            self.fields[f"photo{n}"] = file
            self.fields[f"alt{n}"] = alt_field()
            self.fields[f"focus{n}"] = focus_field()

    @property
    def photos(self) -> list[tuple[BoundField, BoundField, BoundField]]:
        """The fields of each photo, for the template."""
        return [
            (self[f"photo{n}"], self[f"alt{n}"], self[f"focus{n}"])
            for n in range(1, PHOTOS_MAX + 1)
        ]

    @property
    def photos_sent(self) -> list[tuple[Any, str, tuple[float, float] | None]]:
        data = self.cleaned_data
        return [
            (data[f"photo{n}"], data[f"alt{n}"], focus_of(data[f"focus{n}"]))
            for n in range(1, PHOTOS_MAX + 1)
            if data.get(f"photo{n}")
        ]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        photos, video, attached = self.photos_sent, data.get("video"), data.get("attached")
        if (video and (photos or attached)) or len(photos) + len((attached or "").split()) > 4:
            raise ValidationError(_("A post takes four photos, or one video."))
        return data


class EditForm(forms.Form):
    """A post to be changed, and the descriptions of its photos and video."""

    text = _text()
    warning = _warning()

    def __init__(self, post: Post, media: list[Medium], data: Any = None) -> None:
        super().__init__(data, initial={"text": post.text, "warning": post.warning})
        self._media = media
        for one in media:
            self.fields[f"alt_{one.name}"] = alt_field()
            self.initial[f"alt_{one.name}"] = one.alt
            if not one.is_video:
                self.fields[f"focus_{one.name}"] = focus_field()
                self.initial[f"focus_{one.name}"] = _nearest(one)

    def described(self) -> list[tuple[Medium, BoundField, BoundField | None]]:
        return [
            (one, self[f"alt_{one.name}"], None if one.is_video else self[f"focus_{one.name}"])
            for one in self._media
        ]


class CaptionsForm(forms.Form):
    """What is said in a video, as a WebVTT file."""

    file = forms.FileField(
        label=gettext_lazy("WebVTT file"), widget=forms.FileInput(attrs={"accept": ".vtt,text/vtt"})
    )
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=LANGUAGES[1:])


def _nearest(one: Medium) -> str:
    return f"{round(one.focus_x * 2) / 2:g},{round(one.focus_y * 2) / 2:g}"
