"""Lay the tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storage.columns import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bin",
        sa.Column("brand", sa.Text(), nullable=False, comment="The brand"),
        sa.Column(
            "start", Instant(), nullable=False, comment="Begin of the five minutes, by the posts' time of publication"
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="The source"),
        sa.Column("posts", sa.BigInteger(), nullable=False, comment="Posts that mention the brand, reposts included"),
        sa.Column("negative", sa.BigInteger(), nullable=False, comment="Of them, scored negative"),
        sa.Column("positive", sa.BigInteger(), nullable=False, comment="Of them, scored positive"),
        sa.Column("unscored", sa.BigInteger(), nullable=False, comment="Of them, not judged"),
        sa.Column("reposts", sa.BigInteger(), nullable=False, comment="Of them, reposts of others' words"),
        sa.Column("reach", sa.BigInteger(), nullable=False, comment="Sum of the authors' audiences"),
        sa.PrimaryKeyConstraint("brand", "start", "source", name=op.f("pk_bin")),
        comment="Counts of mentions per brand, source and five minutes, kept exact with every write",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "channel",
        sa.Column("name", sa.Text(), nullable=False, comment="The channel, as configured"),
        sa.Column("blocked_until", Instant(), nullable=True, comment="No request is made before"),
        sa.Column("why", sa.Text(), nullable=False, comment="Why not"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_channel")),
        comment="Channels that asked to be left alone for a while",
    )
    op.create_table(
        "checkpoint",
        sa.Column("name", sa.Text(), nullable=False, comment="Whose state it is"),
        sa.Column("at", Instant(), nullable=False, comment="Event time up to which it has seen everything"),
        sa.Column("blob", sa.LargeBinary(), nullable=False, comment="The state, in its owner's own form"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_checkpoint")),
        comment="States that let a restarted process go on where it was",
    )
    op.create_table(
        "cursor",
        sa.Column("source", sa.Text(), nullable=False, comment="The source"),
        sa.Column(
            "position",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="How far it has been read, in the collector's own terms",
        ),
        sa.Column("updated_at", Instant(), nullable=False, comment="When the position was reached"),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_cursor")),
        comment="How far every source has been read; written together with the posts it covers",
    )
    op.create_table(
        "engagement_sample",
        sa.Column("source", sa.Text(), nullable=False, comment="Where it was read"),
        sa.Column("external_id", sa.Text(), nullable=False, comment="The post (post.external_id)"),
        sa.Column("at", Instant(), nullable=False, comment="When it was read"),
        sa.Column(
            "likes",
            sa.BigInteger(),
            nullable=True,
            comment="Likes, favourites, points; NULL where the source does not say",
        ),
        sa.Column(
            "shares",
            sa.BigInteger(),
            nullable=True,
            comment="Shares, reposts, quotes; NULL where the source does not say",
        ),
        sa.Column(
            "replies", sa.BigInteger(), nullable=True, comment="Replies or comments; NULL where the source does not say"
        ),
        sa.Column(
            "views", sa.BigInteger(), nullable=True, comment="Views or plays; NULL where the source does not say"
        ),
        sa.PrimaryKeyConstraint("source", "external_id", "at", name=op.f("pk_engagement_sample")),
        comment="Engagement of posts over time",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("engagement_sample", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_engagement_sample_at"), ["at"], unique=False)

    op.create_table(
        "erased",
        sa.Column("source", sa.Text(), nullable=False, comment="Where it had been read"),
        sa.Column("external_id", sa.Text(), nullable=False, comment="The source's own name for it"),
        sa.Column("at", Instant(), nullable=False, comment="When it was erased"),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it was erased"),
        sa.PrimaryKeyConstraint("source", "external_id", name=op.f("pk_erased")),
        comment="Posts erased on request or because their source deleted them; they are not stored again",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gap",
        sa.Column("source", sa.Text(), nullable=False, comment="The source"),
        sa.Column("starts_at", Instant(), nullable=False, comment="Begin of the span"),
        sa.Column("ends_at", Instant(), nullable=False, comment="End of the span"),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it was not read"),
        sa.Column(
            "share_missing", sa.Float(), nullable=False, comment="Share of the span's posts that is missing, 0 to 1"
        ),
        sa.Column("filled_at", Instant(), nullable=True, comment="When it was read after all"),
        sa.PrimaryKeyConstraint("source", "starts_at", "ends_at", "reason", name=op.f("pk_gap")),
        comment="Spans in which a source was not, or not wholly, read",
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Text(), nullable=False, comment="Identity"),
        sa.Column("brand", sa.Text(), nullable=False, comment="The brand"),
        sa.Column(
            "fingerprint",
            sa.Text(),
            nullable=False,
            comment="What it is about, as a digest: two live incidents never have the same",
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="open, acknowledged, resolved or false_alarm"),
        sa.Column("severity", sa.Text(), nullable=False, comment="watch, warning or critical"),
        sa.Column("headline", sa.Text(), nullable=False, comment="What happened, in a line"),
        sa.Column("kind", sa.Text(), nullable=False, comment="Kind of incident, empty where none is known"),
        sa.Column(
            "topic",
            sa.Text(),
            nullable=False,
            comment="The thread or story it is about, empty for the brand as a whole",
        ),
        sa.Column(
            "episode", sa.Integer(), autoincrement=False, nullable=False, comment="Rises with every reopening, from 1"
        ),
        sa.Column(
            "version", sa.Integer(), autoincrement=False, nullable=False, comment="Rises with every stored change"
        ),
        sa.Column("began_at", Instant(), nullable=False, comment="Time of its first evidence"),
        sa.Column("opened_at", Instant(), nullable=False, comment="When it was decided to be an incident"),
        sa.Column("updated_at", Instant(), nullable=False, comment="Last change"),
        sa.Column("resolved_at", Instant(), nullable=True, comment="When it ended"),
        sa.Column("acknowledged_at", Instant(), nullable=True, comment="When a person took it"),
        sa.Column("acknowledged_by", sa.Text(), nullable=True, comment="Who took it"),
        sa.Column("origin_source", sa.Text(), nullable=True, comment="Source of the post where it began"),
        sa.Column("origin_id", sa.Text(), nullable=True, comment="external_id of the post where it began"),
        sa.Column(
            "sources",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="Sources that carry it",
        ),
        sa.Column(
            "evidence",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="Posts it rests on, as [source, external_id], most telling first",
        ),
        sa.Column(
            "facts",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="What explanations need beside",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        comment="What people are talking about",
    )
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_incident_brand_opened_at"), ["brand", "opened_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_incident_fingerprint_opened_at"), ["fingerprint", "opened_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_incident_opened_at"), ["opened_at"], unique=False)
        batch_op.create_index(
            "uq_incident_live_fingerprint",
            ["fingerprint"],
            unique=True,
            sqlite_where=sa.text("state IN ('open', 'acknowledged')"),
            postgresql_where=sa.text("state IN ('open', 'acknowledged')"),
        )

    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False, comment="What is held"),
        sa.Column("owner", sa.Text(), nullable=False, comment="Who holds it; empty when it was given back"),
        sa.Column(
            "fence",
            sa.BigInteger(),
            nullable=False,
            comment="Rises with every holder; writes with an older one are stale",
        ),
        sa.Column("expires_at", Instant(), nullable=False, comment="Until when, unless renewed"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
        comment="Who may act alone",
    )
    op.create_table(
        "post",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="Number within this database, in order of storing",
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="Where it was read, as configured"),
        sa.Column("external_id", sa.Text(), nullable=False, comment="The source's own name for it"),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="post, reply, repost, story, article, comment, review or message"
        ),
        sa.Column(
            "thread_id",
            sa.Text(),
            nullable=True,
            comment="external_id of the thread's root on the same source; its own for a root",
        ),
        sa.Column("parent_id", sa.Text(), nullable=True, comment="external_id of the post answered"),
        sa.Column("repost_of", sa.Text(), nullable=True, comment="external_id of the post carried on"),
        sa.Column("url", sa.Text(), nullable=True, comment="Where people read it"),
        sa.Column("author", sa.Text(), nullable=True, comment="The account on its source"),
        sa.Column("author_name", sa.Text(), nullable=True, comment="The name the account shows"),
        sa.Column(
            "author_reach",
            sa.BigInteger(),
            nullable=True,
            comment="Audience (followers) of the account, when the source says",
        ),
        sa.Column("title", sa.Text(), nullable=False, comment="Title, empty where there is none"),
        sa.Column("text", sa.Text(), nullable=False, comment="The words as published"),
        sa.Column("language", sa.Text(), nullable=True, comment="Language that the source states"),
        sa.Column("created_at", Instant(), nullable=False, comment="When it was published"),
        sa.Column("edited_at", Instant(), nullable=True, comment="When it was last edited, as the source says"),
        sa.Column("collected_at", Instant(), nullable=True, comment="When we first read it"),
        sa.Column(
            "read_at",
            Instant(),
            nullable=False,
            comment="When we last read it (its edit or publication where no reading time is known)",
        ),
        sa.Column("engagement_at", Instant(), nullable=True, comment="When the engagement was read"),
        sa.Column(
            "likes",
            sa.BigInteger(),
            nullable=True,
            comment="Likes, favourites, points; NULL where the source does not say",
        ),
        sa.Column(
            "shares",
            sa.BigInteger(),
            nullable=True,
            comment="Shares, reposts, quotes; NULL where the source does not say",
        ),
        sa.Column(
            "replies", sa.BigInteger(), nullable=True, comment="Replies or comments; NULL where the source does not say"
        ),
        sa.Column(
            "views", sa.BigInteger(), nullable=True, comment="Views or plays; NULL where the source does not say"
        ),
        sa.Column(
            "brands",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="Brands that the source itself says the post is about",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_post_source_external_id")),
        comment="Posts as their sources published them, one row each, in their newest wording",
    )
    with op.batch_alter_table("post", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_post_created_at"), ["created_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_post_source_thread_id_created_at"),
            ["source", "thread_id", "created_at"],
            unique=False,
            sqlite_where=sa.text("thread_id IS NOT NULL"),
            postgresql_where=sa.text("thread_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_post_surfaced_at",
            ["collected_at"],
            unique=False,
            sqlite_where=sa.text("kind IN ('article', 'story') AND collected_at IS NOT NULL"),
            postgresql_where=sa.text("kind IN ('article', 'story') AND collected_at IS NOT NULL"),
        )

    op.create_table(
        "run",
        sa.Column("source", sa.Text(), nullable=False, comment="The source"),
        sa.Column("started_at", Instant(), nullable=False, comment="When the run began"),
        sa.Column("ended_at", Instant(), nullable=False, comment="When it ended"),
        sa.Column("outcome", sa.Text(), nullable=False, comment="complete, partial or failed"),
        sa.Column("posts", sa.Integer(), autoincrement=False, nullable=False, comment="Posts read"),
        sa.Column("new_posts", sa.Integer(), autoincrement=False, nullable=False, comment="Of them, not known before"),
        sa.Column("requests", sa.Integer(), autoincrement=False, nullable=False, comment="Requests made"),
        sa.Column("error", sa.Text(), nullable=True, comment="What went wrong"),
        sa.PrimaryKeyConstraint("source", "started_at", name=op.f("pk_run")),
        comment="Runs of collectors",
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_run_started_at"), ["started_at"], unique=False)

    op.create_table(
        "schedule",
        sa.Column("source", sa.Text(), nullable=False, comment="The source"),
        sa.Column("every_seconds", sa.Float(), nullable=False, comment="Time between runs"),
        sa.Column("next_at", Instant(), nullable=False, comment="When it is due next"),
        sa.Column(
            "failures",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Runs that failed since the last one that did not",
        ),
        sa.Column("last_outcome", sa.Text(), nullable=True, comment="How the last run ended"),
        sa.Column("last_ended_at", Instant(), nullable=True, comment="When the last run ended"),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_schedule")),
        comment="When every source is due",
    )
    with op.batch_alter_table("schedule", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_schedule_next_at"), ["next_at"], unique=False)

    op.create_table(
        "silence",
        sa.Column("id", sa.Text(), nullable=False, comment="Identity"),
        sa.Column("starts_at", Instant(), nullable=False, comment="From when it holds deliveries back"),
        sa.Column("ends_at", Instant(), nullable=False, comment="Until when"),
        sa.Column("author", sa.Text(), nullable=False, comment="Who made it"),
        sa.Column("comment", sa.Text(), nullable=False, comment="Why"),
        sa.Column("brand", sa.Text(), nullable=True, comment="The brand; NULL for all"),
        sa.Column("severity", sa.Text(), nullable=True, comment="The severity; NULL for all"),
        sa.Column("incident_id", sa.Text(), nullable=True, comment="The incident; NULL for all"),
        sa.Column(
            "include_critical", sa.Boolean(), nullable=False, comment="Whether critical incidents are held back too"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silence")),
        comment="Rules that hold deliveries back until a time",
    )
    with op.batch_alter_table("silence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_silence_ends_at"), ["ends_at"], unique=False)

    op.create_table(
        "alert",
        sa.Column("incident_id", sa.Text(), nullable=False, comment="The incident (incident.id)"),
        sa.Column("episode", sa.Integer(), autoincrement=False, nullable=False, comment="Episode of the incident"),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="Number within the incident"),
        sa.Column("reason", sa.Text(), nullable=False, comment="opened, escalated, update, reminder or resolved"),
        sa.Column("severity", sa.Text(), nullable=False, comment="watch, warning or critical"),
        sa.Column("at", Instant(), nullable=False, comment="When it was decided to speak"),
        sa.Column("why", sa.Text(), nullable=False, comment="Why, in a sentence"),
        sa.Column(
            "page",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="What people are told",
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_alert_incident_id_incident"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("incident_id", "episode", "seq", name=op.f("pk_alert")),
        comment="What was worth saying about incidents",
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_at"), ["at"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("id", sa.Text(), nullable=False, comment="Identity, also sent along with the message"),
        sa.Column("incident_id", sa.Text(), nullable=False, comment="The incident (incident.id)"),
        sa.Column("episode", sa.Integer(), autoincrement=False, nullable=False, comment="Episode of the incident"),
        sa.Column(
            "seq", sa.Integer(), autoincrement=False, nullable=False, comment="Number of the alert within the incident"
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="opened, escalated, update, reminder or resolved"),
        sa.Column("severity", sa.Text(), nullable=False, comment="watch, warning or critical"),
        sa.Column("channel", sa.Text(), nullable=False, comment="The channel, as configured"),
        sa.Column("target", sa.Text(), nullable=False, comment="Address within the channel"),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="pending, sending, retry, ambiguous, checking, sent, dead or superseded",
        ),
        sa.Column(
            "page",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="What people are told",
        ),
        sa.Column("why", sa.Text(), nullable=False, comment="Why it is sent, in a sentence"),
        sa.Column("created_at", Instant(), nullable=False, comment="When it was decided"),
        sa.Column("due_at", Instant(), nullable=False, comment="When the next step is due"),
        sa.Column("first_due_at", Instant(), nullable=False, comment="When it was first due"),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False, comment="Attempts to send begun"),
        sa.Column("owner", sa.Text(), nullable=True, comment="Process that holds it"),
        sa.Column("lease_until", Instant(), nullable=True, comment="Until when it is held"),
        sa.Column(
            "fence",
            sa.BigInteger(),
            nullable=False,
            comment="Rises with every claim; results with an older one are refused",
        ),
        sa.Column("remote_id", sa.Text(), nullable=True, comment="The provider's name for the message"),
        sa.Column("sent_at", Instant(), nullable=True, comment="When the provider accepted it"),
        sa.Column("attempted_at", Instant(), nullable=True, comment="When the last attempt began"),
        sa.Column("last_error", sa.Text(), nullable=True, comment="What went wrong last"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_delivery_incident_id_incident"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        comment="Alerts on their way through channels: the outbox",
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_delivery_incident_id_channel_target_episode_seq"),
            ["incident_id", "channel", "target", "episode", "seq"],
            unique=False,
        )
        batch_op.create_index(
            "ix_delivery_unfinished",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state NOT IN ('sent', 'dead', 'superseded')"),
            postgresql_where=sa.text("state NOT IN ('sent', 'dead', 'superseded')"),
        )

    op.create_table(
        "incident_event",
        sa.Column("incident_id", sa.Text(), nullable=False, comment="The incident (incident.id)"),
        sa.Column(
            "seq",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Number within the incident, from 1 and without holes",
        ),
        sa.Column("at", Instant(), nullable=False, comment="When it happened"),
        sa.Column("kind", sa.Text(), nullable=False, comment="What happened"),
        sa.Column("actor", sa.Text(), nullable=False, comment="Who did it"),
        sa.Column(
            "details",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="What belongs to it",
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_incident_event_incident_id_incident"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("incident_id", "seq", name=op.f("pk_incident_event")),
        comment="Timelines of incidents",
    )
    op.create_table(
        "mention",
        sa.Column(
            "post_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="The post (post.id)",
        ),
        sa.Column("brand", sa.Text(), nullable=False, comment="The brand mentioned"),
        sa.Column("created_at", Instant(), nullable=False, comment="When the post was published (post.created_at)"),
        sa.Column("relevance", sa.Float(), nullable=False, comment="How sure it is that the brand is meant, 0 to 1"),
        sa.Column(
            "matched",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="Terms that matched",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it counts as a mention"),
        sa.Column("compound", sa.Float(), nullable=False, comment="Sentiment toward the brand, -1 to 1"),
        sa.Column("label", sa.Text(), nullable=False, comment="negative, neutral, positive or unscored"),
        sa.Column("scorer", sa.Text(), nullable=False, comment="Who scored it"),
        sa.Column("scorer_version", sa.Text(), nullable=False, comment="Version of the scorer"),
        sa.Column(
            "uncertainty", sa.Float(), nullable=False, comment="Doubt about the label, 0 to 1; 0.5 is a coin's toss"
        ),
        sa.Column("content_key", sa.Text(), nullable=False, comment="Equal for texts that are copies of one another"),
        sa.Column(
            "kinds",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="Incident kinds that the words point to, strongest first",
        ),
        sa.Column(
            "version_at",
            Instant(),
            nullable=False,
            comment="Edit time of the wording that was judged, or the time of publication",
        ),
        sa.Column("read_at", Instant(), nullable=False, comment="When the wording that was judged was last read"),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_mention_post_id_post"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "brand", name=op.f("pk_mention")),
        comment="Posts about a brand with the score toward it, one row per post and brand",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("mention", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mention_brand_created_at"), ["brand", "created_at"], unique=False)

    op.create_table(
        "revision",
        sa.Column(
            "post_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="The post (post.id)",
        ),
        sa.Column("digest", sa.Text(), nullable=False, comment="Digest of title and text"),
        sa.Column("title", sa.Text(), nullable=False, comment="Title in this wording"),
        sa.Column("text", sa.Text(), nullable=False, comment="The words in this wording"),
        sa.Column(
            "version_at",
            Instant(),
            nullable=False,
            comment="Edit time that the source gave for this wording, or the time of publication",
        ),
        sa.Column("read_at", Instant(), nullable=False, comment="When this wording was last read"),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_revision_post_id_post"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "digest", name=op.f("pk_revision")),
        comment="Other wordings of edited posts; the newest wording stands in post",
    )
    op.create_table(
        "signal",
        sa.Column("incident_id", sa.Text(), nullable=False, comment="The incident (incident.id)"),
        sa.Column("detector", sa.Text(), nullable=False, comment="Who found it"),
        sa.Column("at", Instant(), nullable=False, comment="The tick at which it was found"),
        sa.Column("topic", sa.Text(), nullable=False, comment="The thread or story, empty for the brand as a whole"),
        sa.Column("kind", sa.Text(), nullable=False, comment="Kind of incident it points to"),
        sa.Column("brand", sa.Text(), nullable=False, comment="The brand"),
        sa.Column("version", sa.Text(), nullable=False, comment="Version of the detector"),
        sa.Column("window_start", Instant(), nullable=False, comment="Begin of the span counted"),
        sa.Column("window_end", Instant(), nullable=False, comment="End of the span counted"),
        sa.Column("observed", sa.Float(), nullable=False, comment="What was counted"),
        sa.Column("expected", sa.Float(), nullable=False, comment="What was usual"),
        sa.Column("low", sa.Float(), nullable=False, comment="Lower end of the usual"),
        sa.Column("high", sa.Float(), nullable=False, comment="Upper end of the usual"),
        sa.Column("surprise", sa.Float(), nullable=False, comment="Strength in units of the detector's threshold"),
        sa.Column("severity", sa.Text(), nullable=False, comment="watch, warning or critical"),
        sa.Column("unit", sa.Text(), nullable=False, comment="What was counted"),
        sa.Column(
            "sources",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="Sources that carry it",
        ),
        sa.Column(
            "evidence",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="Posts it rests on, as [source, external_id], most telling first",
        ),
        sa.Column("coverage", sa.Float(), nullable=False, comment="Share of the window that its sources covered"),
        sa.Column(
            "facts",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
            comment="What explanations need beside",
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_signal_incident_id_incident"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("incident_id", "detector", "at", "topic", "kind", name=op.f("pk_signal")),
        comment="Findings of detectors that belong to incidents",
    )
    op.create_table(
        "delivery_attempt",
        sa.Column("delivery_id", sa.Text(), nullable=False, comment="The delivery (delivery.id)"),
        sa.Column("fence", sa.BigInteger(), autoincrement=False, nullable=False, comment="Fence of the claim"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="send, or check whether an earlier attempt arrived"),
        sa.Column(
            "attempt", sa.Integer(), autoincrement=False, nullable=False, comment="Number of the attempt to send"
        ),
        sa.Column("owner", sa.Text(), nullable=False, comment="Process that made it"),
        sa.Column("started_at", Instant(), nullable=False, comment="When it was claimed, before anything was sent"),
        sa.Column("ended_at", Instant(), nullable=True, comment="When its result was recorded; NULL if it never was"),
        sa.Column("outcome", sa.Text(), nullable=True, comment="State of the delivery afterwards"),
        sa.Column("remote_id", sa.Text(), nullable=True, comment="The provider's name for the message"),
        sa.Column("error", sa.Text(), nullable=True, comment="What went wrong"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_delivery_attempt_delivery_id_delivery"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("delivery_id", "fence", name=op.f("pk_delivery_attempt")),
        comment="Attempts to deliver, each recorded before it is made",
    )
    _create_search_index()


def _create_search_index() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE post_search USING fts5(words, content='', tokenize='unicode61 remove_diacritics 2')"
        )
        return
    op.execute(sa.schema.CreateSequence(sa.Sequence("post_id")))
    op.execute(
        "CREATE TABLE post_search (post_id BIGINT PRIMARY KEY REFERENCES post (id) ON DELETE CASCADE,"
        " words tsvector NOT NULL)"
    )
    op.execute("CREATE INDEX ix_post_search_words ON post_search USING gin (words)")


def downgrade() -> None:
    op.execute("DROP TABLE post_search")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.schema.DropSequence(sa.Sequence("post_id")))
    op.drop_table("delivery_attempt")
    op.drop_table("signal")
    op.drop_table("revision")
    with op.batch_alter_table("mention", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_mention_brand_created_at"))

    op.drop_table("mention")
    op.drop_table("incident_event")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_delivery_unfinished",
            sqlite_where=sa.text("state NOT IN ('sent', 'dead', 'superseded')"),
            postgresql_where=sa.text("state NOT IN ('sent', 'dead', 'superseded')"),
        )
        batch_op.drop_index(batch_op.f("ix_delivery_incident_id_channel_target_episode_seq"))

    op.drop_table("delivery")
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alert_at"))

    op.drop_table("alert")
    with op.batch_alter_table("silence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_silence_ends_at"))

    op.drop_table("silence")
    with op.batch_alter_table("schedule", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_schedule_next_at"))

    op.drop_table("schedule")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_run_started_at"))

    op.drop_table("run")
    with op.batch_alter_table("post", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_post_surfaced_at",
            sqlite_where=sa.text("kind IN ('article', 'story') AND collected_at IS NOT NULL"),
            postgresql_where=sa.text("kind IN ('article', 'story') AND collected_at IS NOT NULL"),
        )
        batch_op.drop_index(
            batch_op.f("ix_post_source_thread_id_created_at"),
            sqlite_where=sa.text("thread_id IS NOT NULL"),
            postgresql_where=sa.text("thread_id IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_post_created_at"))

    op.drop_table("post")
    op.drop_table("lease")
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_incident_live_fingerprint",
            sqlite_where=sa.text("state IN ('open', 'acknowledged')"),
            postgresql_where=sa.text("state IN ('open', 'acknowledged')"),
        )
        batch_op.drop_index(batch_op.f("ix_incident_opened_at"))
        batch_op.drop_index(batch_op.f("ix_incident_fingerprint_opened_at"))
        batch_op.drop_index(batch_op.f("ix_incident_brand_opened_at"))

    op.drop_table("incident")
    op.drop_table("gap")
    op.drop_table("erased")
    with op.batch_alter_table("engagement_sample", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_engagement_sample_at"))

    op.drop_table("engagement_sample")
    op.drop_table("cursor")
    op.drop_table("checkpoint")
    op.drop_table("channel")
    op.drop_table("bin")
