"""What is found by its words: posts, people, conversations."""

from typing import ClassVar

from django.db import models


class SearchRow(models.Model):
    """The words of one thing. The database's own full text stands on this table (search.py)."""

    kind = models.CharField(max_length=8)
    ref = models.CharField(max_length=40)
    words = models.TextField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "ref"], name="one_row")]

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"
