"""Addresses of accounts and moderation."""

from django.urls import path, re_path

from samvad.web.pages import moderation, people, reporting, transparency

HANDLE = r"(?P<handle>[a-z0-9_]{2,30})"

urlpatterns = [
    re_path(
        r"^report/(?P<kind>account|post|event)/(?P<about>[A-Za-z0-9_-]{2,40})$",
        reporting.report,
        name="report",
    ),
    path("standing", reporting.standing, name="standing"),
    re_path(r"^cases/(?P<decision_id>[a-z0-9]{10})$", moderation.case, name="case"),
    path("moderation/", moderation.queue, name="moderation"),
    path("moderation/reports/<int:report_id>", moderation.report, name="moderation_report"),
    path(
        "moderation/reports/<int:report_id>/<str:name>",
        moderation.evidence_file,
        name="moderation_evidence",
    ),
    re_path(rf"^moderation/@{HANDLE}$", moderation.account, name="moderation_account"),
    path("transparency/", transparency.log, name="transparency"),
    path("transparency/log.json", transparency.log_json, name="transparency_json"),
    path("transparency/<int:number>/redact", transparency.redact, name="redact"),
    re_path(rf"^@{HANDLE}/let-go$", people.let_go, name="let_go"),
    path("rules", transparency.rules, name="rules"),
]
