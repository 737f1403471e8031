"""Share sources among processes"""

import sqlalchemy as sa
from alembic import op

from storage.columns import Instant

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "instance",
        sa.Column(
            "name", sa.Text(), nullable=False, comment="The process: its machine, its number there, and a random part"
        ),
        sa.Column("started_at", Instant(), nullable=False, comment="When it began"),
        sa.Column(
            "alive_until",
            Instant(),
            nullable=False,
            comment="Until when it counts as running, unless it says so again",
        ),
        sa.Column(
            "degraded",
            sa.Text(),
            nullable=False,
            comment="Why it judges sentiment by less than what is configured; empty while it does not",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_instance")),
        comment="Processes that run over this database and share its sources",
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "is_refused",
                sa.Boolean(),
                server_default=sa.false(),
                nullable=False,
                comment="Whether it said that a person must mend something",
            )
        )
        batch_op.add_column(
            sa.Column("odd", sa.Integer(), server_default="0", nullable=False, comment="Items that made no sense")
        )


def downgrade() -> None:
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("odd")
        batch_op.drop_column("is_refused")
    op.drop_table("instance")
