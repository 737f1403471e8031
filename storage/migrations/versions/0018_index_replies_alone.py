"""Index the threads of replies alone: a root is found by its own name"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _index_where("external_id != thread_id")


def downgrade() -> None:
    _index_where("thread_id IS NOT NULL")


def _index_where(condition: str) -> None:
    name, columns = op.f("ix_post_source_thread_id_created_at"), ["source", "thread_id", "created_at"]
    op.drop_index(name, "post")
    op.create_index(name, "post", columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))
