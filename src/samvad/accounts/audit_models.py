"""The rows of accounts/audit.py. They are only ever added."""

from typing import Any, ClassVar, NoReturn

from django.db import models


class OnlyAdded(models.QuerySet["AuditRow"]):
    """Refuses what would change or take away rows. (The chain tells of who can.)"""

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError("audit rows are never changed")

    def delete(self) -> NoReturn:
        raise TypeError("audit rows are never deleted")


class AuditRow(models.Model):
    """One thing that was done. What the fields hold and how they are sealed: accounts/audit.py."""

    number = models.PositiveBigIntegerField(primary_key=True)
    at_ms = models.PositiveBigIntegerField()
    actor = models.CharField(max_length=40)
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=120, db_index=True)
    reason = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True)
    details = models.CharField(max_length=64)
    before = models.CharField(max_length=64)
    seal = models.CharField(max_length=64)

    objects: ClassVar[models.Manager["AuditRow"]] = OnlyAdded.as_manager()

    def __str__(self) -> str:
        return f"{self.number} {self.action} {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("audit rows are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("audit rows are never deleted")


class AuditHead(models.Model):
    """One row: the last number and seal, so that rows missing at the end are noticed, too."""

    number = models.PositiveBigIntegerField(default=0)
    seal = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.number} {self.seal}"
