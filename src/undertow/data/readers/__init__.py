"""Readers: one file per file format."""
