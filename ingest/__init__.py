"""Bytes to documents, chunk trees and vectors. Knows no storage and no HTTP."""
