"""People: accounts, and the API tokens their programs use. Standing and audit come here."""
