"""Requests with an Idempotency-Key, the ids of deleted documents, and vectors of documents in work."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "idempotent_requests",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_idempotent_requests")),
    )
    with op.batch_alter_table("idempotent_requests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotent_requests_expires_at"), ["expires_at"], unique=False)
    op.create_table(
        "idempotent_steps",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_new", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scope", "key"],
            ["idempotent_requests.scope", "idempotent_requests.key"],
            name=op.f("fk_idempotent_steps_scope"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("scope", "key", "step", name=op.f("pk_idempotent_steps")),
    )
    with op.batch_alter_table("idempotent_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotent_steps_document_id"), ["document_id"], unique=False)
    op.create_table(
        "drafts",
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("vectors", sa.LargeBinary(), nullable=False),
        sa.Column("sentence_vectors", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_drafts_document_id")),
        sa.PrimaryKeyConstraint("document_id", "version", "part", name=op.f("pk_drafts")),
    )
    op.create_table(
        "deletions",
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("deleted_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_deletions")),
    )
