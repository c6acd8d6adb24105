"""The audit chain: what is changed, put in or taken out, shows."""

import pytest
from django.db import connection, transaction

from samvad.accounts import audit
from samvad.accounts.audit import Broken, Whole
from samvad.accounts.models import AuditHead, AuditRow

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(owner):
    return [
        audit.record(owner, "post.hide", f"post:{n}", f"Because of {n}", {"n": n, "ક": [1.5, None]})
        for n in range(5)
    ]


def test_an_empty_log_is_whole(db):
    assert audit.verify() == Whole(0, audit.FIRST_SEAL)


def test_rows_are_numbered_and_sealed(rows):
    assert [r.number for r in rows] == [1, 2, 3, 4, 5]
    assert audit.verify() == Whole(5, rows[-1].seal)
    assert audit.verify((3, rows[2].seal)) == Whole(5, rows[-1].seal)
    assert rows[1].before == rows[0].seal


@pytest.mark.parametrize(
    ("sql", "number"),
    [
        ("UPDATE accounts_auditrow SET reason = 'x' WHERE number = 2", 2),
        ("UPDATE accounts_auditrow SET actor = 'bela' WHERE number = 2", 2),
        ("UPDATE accounts_auditrow SET data = '{}' WHERE number = 4", 4),
        ("UPDATE accounts_auditrow SET at_ms = at_ms + 1 WHERE number = 3", 3),
        ("UPDATE accounts_auditrow SET action = 'post.show' WHERE number = 1", 1),
        ("DELETE FROM accounts_auditrow WHERE number = 3", 3),
        ("DELETE FROM accounts_auditrow WHERE number = 5", 5),
        ("DELETE FROM accounts_auditrow", 1),
    ],
)
def test_tampering_shows_where(rows, sql, number):
    with connection.cursor() as cursor:
        cursor.execute(sql)
    found = audit.verify()
    assert isinstance(found, Broken)
    assert found.number == number


def test_a_chain_written_anew_does_not_have_the_seal_that_was_noted(rows):
    noted = (2, rows[1].seal)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_auditrow")
    AuditHead.objects.all().delete()
    for n in range(5):
        audit.record(None, "post.hide", f"post:{n}", "All was well")
    assert isinstance(audit.verify(), Whole)
    assert audit.verify(noted) == Broken(2, "its seal is not the one that was noted")
    assert isinstance(audit.verify((9, "0" * 64)), Broken)


def test_the_code_has_no_way_to_change_rows(rows):
    for change in (
        rows[0].save,
        rows[0].delete,
        AuditRow.objects.all().delete,
        lambda: AuditRow.objects.filter(number=1).update(reason="x"),
    ):
        with pytest.raises(TypeError, match="never"):
            change()


def test_what_is_undone_is_not_in_the_log(rows, owner):
    with pytest.raises(RuntimeError), transaction.atomic():  # noqa: PT012
        audit.record(owner, "account.suspend", "@bela")
        raise RuntimeError
    assert isinstance(audit.verify(), Whole)
    assert AuditRow.objects.count() == 5
