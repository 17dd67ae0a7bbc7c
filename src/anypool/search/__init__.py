"""One grammar for the search box, `--filter` and `?q=`.

`vm where host.name = h1 and memory >= 1GiB and tag = prod order by memory desc`

To add a field, write a line into the table of its noun in `nouns/`.
"""

from anypool.search.complete import Completion, Suggestion, complete
from anypool.search.field import Field, Join, Kind, Table
from anypool.search.find import Found, find
from anypool.search.hosts import hosts_matching, vms_matching
from anypool.search.nouns import FIELDS, JOINS, TABLES
from anypool.search.parser import parse
from anypool.search.query import Query
from anypool.search.rows import Rows
from anypool.search.summary import Facet
from anypool.search.syntax import Noun

__all__ = [
    "FIELDS",
    "JOINS",
    "TABLES",
    "Completion",
    "Facet",
    "Field",
    "Found",
    "Join",
    "Kind",
    "Noun",
    "Query",
    "Rows",
    "Suggestion",
    "Table",
    "complete",
    "find",
    "hosts_matching",
    "parse",
    "vms_matching",
]
