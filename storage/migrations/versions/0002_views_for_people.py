"""Views for people

No table changes: the views of storage/views.py are made after every step, and this one is there for databases that
have none yet.
"""

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
