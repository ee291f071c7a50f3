"""What answers by quotation read: fits the choice of sentences, sufficiency and short answers, and measures them."""
