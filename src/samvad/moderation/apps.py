from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ModerationConfig(AppConfig):
    name = "samvad.moderation"
    label = "moderation"
    verbose_name = _("Moderation")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from samvad.accounts.signals import standing_changed
        from samvad.moderation import returns

        standing_changed.connect(returns.on_standing_changed, dispatch_uid="moderation.returns")
