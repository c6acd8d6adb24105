"""Whatever the OpenAPI document allows, and much that it does not, is answered without a bug of
ours. Schemathesis makes the requests, the same ones each time."""

import json

import hypothesis
import pytest
import requests
import schemathesis
from django.test import Client
from hypothesis import HealthCheck
from schemathesis.generation import GenerationMode

from samvad.accounts import service
from samvad.accounts.models import User
from samvad.base.params import replace
from samvad.posts.service import create
from samvad.web.api import api

pytestmark = pytest.mark.django_db

EXAMPLES = 6


def schema():
    document = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    found = schemathesis.openapi.from_dict(document)
    found.config.base_url = "http://testserver"
    return found


OPERATIONS = {op.ok().label: op.ok() for op in schema().get_all_operations()}


@pytest.fixture
def mina(settings):
    """A moderator, so that every operation gets past its first question."""
    settings.SAMVAD = replace(settings.SAMVAD, api=replace(settings.SAMVAD.api, requests=1_000_000))
    user = User.objects.create_user("mina", is_moderator=True)
    create(user, "A post to find")
    User.objects.create_user("asha")
    return user


@pytest.mark.parametrize("label", sorted(OPERATIONS))
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda m: m.value)
def test_no_request_finds_a_bug(mina, label, mode):
    client = Client(raise_request_exception=True)
    token = service.issue_token(mina)
    operation = OPERATIONS[label]

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        try:
            asked = requests.Request(**case.as_transport_kwargs()).prepare()
        except (requests.RequestException, UnicodeError, ValueError):
            return  # nothing that could be sent
        headers = {
            name: value
            for name, value in asked.headers.items()
            if name.lower() not in ("authorization", "content-type", "content-length", "cookie")
        }
        body = asked.body or b""
        answer = client.generic(
            asked.method,
            asked.path_url,
            body.encode() if isinstance(body, str) else body,
            asked.headers.get("Content-Type", "application/octet-stream"),
            headers=headers | {"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code < 500, (asked.method, asked.path_url, asked.body)
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"

    try:
        ask()
    except hypothesis.errors.Unsatisfiable:
        pytest.skip("nothing about this operation can be wrong")
