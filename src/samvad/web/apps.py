from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "samvad.web"
    label = "web"
