"""What is said of a video that did not become one."""

from django.conf import settings
from django.utils.translation import gettext as _

from samvad.posts.models import Medium


def why_failed(medium: Medium) -> str:
    """Why a video did not become one, and what its owner can do."""
    most_s = settings.SAMVAD.posts.video_max_s
    return {
        "long": _("The video is longer than %(n)d minutes. Shorten it and send it again.")
        % {"n": most_s // 60},
        "large": _("The picture of this video is too large. Send it in 4K or less."),
        "no_picture": _("There is no picture in this video. Send another file."),
        "gave_up": _("The video could not be prepared. Send it again, or in another format."),
        "stale": _("The upload was not finished. Send the video again."),
    }.get(
        medium.failure,
        _("This file cannot be read as a video. Send it as MP4, WebM or MOV."),
    )
