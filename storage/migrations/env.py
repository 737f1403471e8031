"""Alembic runs this file; the connection is given, there is neither an ini file nor an offline mode."""

from __future__ import annotations

from alembic import context

from storage.migrations.compare import options
from storage.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True, **options())
with context.begin_transaction():
    context.run_migrations()
