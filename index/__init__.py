"""What is stored, and how it is searched: the catalog is the truth, every index is a view of it."""
