"""What docs/durability.md promises."""
