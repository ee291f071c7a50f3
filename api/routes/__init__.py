"""One resource of the HTTP contract each."""
