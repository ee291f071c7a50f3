"""Kept answers, what was spent, budgets of collections, and questions in bulk."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "spending",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("collection", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("cached", sa.Integer(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("at_most", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "key_id", "collection", "model", name=op.f("pk_spending")),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("principals", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("request_key", sa.String(), nullable=True),
        sa.Column("micro_usd", sa.BigInteger(), nullable=True),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("cancelled_at", sa.Float(), nullable=True),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], name=op.f("fk_batches_collection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("key_id", "request_key", name=op.f("uq_batches_key_id_request_key")),
    )
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_batches_collection_id"), ["collection_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_batches_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "collection_budgets",
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("micro_usd_per_day", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_collection_budgets_collection_id")
        ),
        sa.PrimaryKeyConstraint("collection_id", name=op.f("pk_collection_budgets")),
    )
    op.create_table(
        "answer_cache",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name=op.f("fk_answer_cache_answer_id")),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_answer_cache_collection_id")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_answer_cache")),
    )
    with op.batch_alter_table("answer_cache", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_answer_cache_answer_id"), ["answer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_answer_cache_collection_id"), ["collection_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_answer_cache_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "batch_items",
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("answer_id", sa.String(), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_batch_items_batch_id")),
        sa.PrimaryKeyConstraint("batch_id", "ordinal", name=op.f("pk_batch_items")),
    )
    with op.batch_alter_table("batch_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_batch_items_answer_id"), ["answer_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_batch_items_status_batch_id"), ["status", "batch_id"], unique=False
        )
