"""Contracts: what every implementation of a protocol must do."""
