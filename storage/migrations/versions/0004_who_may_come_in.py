"""Who may come in"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storage.columns import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _json(name: str, comment: str) -> sa.Column[object]:
    kind = sa.JSON(none_as_null=True).with_variant(
        postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
    )
    return sa.Column(name, kind, nullable=False, comment=comment)


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("name", sa.Text(), nullable=False, comment="How the person signs in, and is called in timelines"),
        sa.Column("role", sa.Text(), nullable=False, comment="viewer, responder, analyst or operator"),
        sa.Column("password", sa.Text(), nullable=True, comment="argon2id hash; NULL for who only uses tokens"),
        sa.Column("created_at", Instant(), nullable=False, comment="When it was made"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_account")),
        comment="People who sign in with a password",
    )
    op.create_table(
        "web_session",
        sa.Column("key", sa.Text(), nullable=False, comment="SHA-256 of the cookie"),
        sa.Column("name", sa.Text(), nullable=False, comment="Who is signed in"),
        sa.Column(
            "role",
            sa.Text(),
            nullable=True,
            comment="Role that an OpenID Connect provider gave; NULL for that of the account",
        ),
        sa.Column("created_at", Instant(), nullable=False, comment="When the person signed in"),
        sa.Column("seen_at", Instant(), nullable=False, comment="Last request, to the minute"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_web_session")),
        comment="Browsers that are signed in",
    )
    op.create_index(op.f("ix_web_session_name"), "web_session", ["name"])
    op.create_index(op.f("ix_web_session_seen_at"), "web_session", ["seen_at"])
    op.create_table(
        "api_token",
        sa.Column("id", sa.Text(), nullable=False, comment="Identity, shown to people"),
        sa.Column("key", sa.Text(), nullable=False, comment="SHA-256 of the token"),
        sa.Column("account", sa.Text(), nullable=False, comment="Whose (account.name)"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="What it is for"),
        _json("scopes", "What it may do: read, respond, analyse, operate"),
        sa.Column("created_at", Instant(), nullable=False, comment="When it was made"),
        sa.Column("expires_at", Instant(), nullable=False, comment="Until when it holds"),
        sa.Column("seen_at", Instant(), nullable=True, comment="Last use, to the minute"),
        sa.ForeignKeyConstraint(
            ["account"], ["account.name"], name=op.f("fk_api_token_account_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("key", name=op.f("uq_api_token_key")),
        comment="Tokens of programs",
    )
    op.create_index(op.f("ix_api_token_account"), "api_token", ["account"])
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="Number, from 1 and without holes"),
        sa.Column("at", Instant(), nullable=False, comment="When it happened"),
        sa.Column("actor", sa.Text(), nullable=False, comment="Who did it"),
        sa.Column("action", sa.Text(), nullable=False, comment="What was done"),
        sa.Column("subject", sa.Text(), nullable=False, comment="To what"),
        _json("details", "What belongs to it; never words of posts"),
        sa.Column(
            "digest",
            sa.Text(),
            nullable=False,
            comment="SHA-256 over this line and the digest before it, so that a changed or removed line shows",
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        comment="What people did here; only ever added to",
    )
    op.create_table(
        "saved_view",
        sa.Column("name", sa.Text(), nullable=False, comment="Its name"),
        sa.Column("author", sa.Text(), nullable=False, comment="Who saved it"),
        sa.Column("query", sa.Text(), nullable=False, comment="What it asks for, as in the address of the page"),
        sa.Column("saved_at", Instant(), nullable=False, comment="When it was saved"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_saved_view")),
        comment="Questions to the posts that people keep",
    )


def downgrade() -> None:
    for table in ("saved_view", "audit", "api_token", "web_session", "account"):
        op.drop_table(table)
