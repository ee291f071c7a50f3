"""Files that were made to harm whoever reads them, and what the service makes of them."""
