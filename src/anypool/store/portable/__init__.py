"""The records of a database as they are, in a form that fits both databases.

It asks the database itself for its tables, so that it carries those of any schema, and
knows nothing of what is in them: no row is interpreted, none is left out.
"""
