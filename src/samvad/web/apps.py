from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "samvad.web"
    label = "web"

    def ready(self) -> None:
        from samvad.web.found import keep_index

        keep_index()
