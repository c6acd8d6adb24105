"""The table that search reads, and the full text of the database on it."""

from typing import Any

from django.db import migrations, models

SQLITE = [
    # The marks that Indic vowels and joined letters are written with are part of their words.
    """CREATE VIRTUAL TABLE posts_searchtext USING fts5(
         kind, words, content='posts_searchrow', content_rowid='id',
         tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'")""",
    """CREATE TRIGGER posts_searchtext_put AFTER INSERT ON posts_searchrow BEGIN
         INSERT INTO posts_searchtext(rowid, kind, words) VALUES (new.id, new.kind, new.words);
       END""",
    """CREATE TRIGGER posts_searchtext_drop AFTER DELETE ON posts_searchrow BEGIN
         INSERT INTO posts_searchtext(posts_searchtext, rowid, kind, words)
           VALUES ('delete', old.id, old.kind, old.words);
       END""",
    """CREATE TRIGGER posts_searchtext_change AFTER UPDATE ON posts_searchrow BEGIN
         INSERT INTO posts_searchtext(posts_searchtext, rowid, kind, words)
           VALUES ('delete', old.id, old.kind, old.words);
         INSERT INTO posts_searchtext(rowid, kind, words) VALUES (new.id, new.kind, new.words);
       END""",
]
POSTGRESQL = [
    "CREATE INDEX posts_searchtext ON posts_searchrow USING gin (to_tsvector('simple', words))",
]


def make(apps: Any, editor: Any) -> None:
    vendor = editor.connection.vendor
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[vendor]:
        editor.execute(statement)


def drop(apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "sqlite":
        editor.execute("DROP TABLE posts_searchtext")


class Migration(migrations.Migration):
    dependencies = [("posts", "0001_posts")]

    operations = [
        migrations.CreateModel(
            name="SearchRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=8)),
                ("ref", models.CharField(max_length=40)),
                ("words", models.TextField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("kind", "ref"), name="one_row")],
            },
        ),
        migrations.RunPython(make, drop),
    ]
