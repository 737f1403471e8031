"""Saved databases: what each schema version held, as rows that belong to no engine.

`NNNN.json` holds the rows of a database of the version NNNN, table by table. A file is made once, when its version is
the newest, and stays: it is what somebody has who has not upgraded yet. (Those up to 0008 were made together, from 0008
by taking its steps back.) Make the one that is missing with

    python -m tests.storage.saved

It writes what scene.py writes through the storage functions. A new table needs a line in scene.py, which puts something
into it, and one in reads.py, which says how the program reads it; the tests name what is missing.
"""
