"""Readers: one file per file format, each from a path to trials; `load` picks one by the suffix.

A new format is one file with a function `read_…(path, bin_s=None, …)` and one entry of
`undertow.data.readers.load.FORMATS`; `undertow.data` exports it.
"""
