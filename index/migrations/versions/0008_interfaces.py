"""Files, what is said of vector stores, batches of files, and responses, for clients of OpenAI's interface."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("principals", sa.JSON(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
    )
    op.create_index(op.f("ix_files_sha256"), "files", ["sha256"])
    op.create_table(
        "file_documents",
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_file_documents_file_id_files")),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_file_documents_document_id_documents")
        ),
        sa.PrimaryKeyConstraint("file_id", "document_id", name=op.f("pk_file_documents")),
    )
    op.create_index(op.f("ix_file_documents_document_id"), "file_documents", ["document_id"])
    op.create_table(
        "vector_stores",
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_vector_stores_collection_id_collections")
        ),
        sa.PrimaryKeyConstraint("collection_id", name=op.f("pk_vector_stores")),
    )
    op.create_table(
        "file_batches",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("is_cancelled", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_file_batches_collection_id_collections")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_batches")),
    )
    op.create_index(op.f("ix_file_batches_collection_id"), "file_batches", ["collection_id"])
    op.create_table(
        "file_batch_files",
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("is_cancelled", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["file_batches.id"], name=op.f("fk_file_batch_files_batch_id_file_batches")
        ),
        sa.PrimaryKeyConstraint("batch_id", "file_id", name=op.f("pk_file_batch_files")),
    )
    op.create_index(op.f("ix_file_batch_files_file_id"), "file_batch_files", ["file_id"])
    op.create_table(
        "responses",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("previous_id", sa.String(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name=op.f("fk_responses_answer_id_answers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_responses")),
    )
    op.create_index(op.f("ix_responses_answer_id"), "responses", ["answer_id"])
