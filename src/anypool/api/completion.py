"""The route that completes a search while it is written."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from anypool.api.asking import By, Use
from anypool.search import Completion, Noun


@get("/search/completion", sync_to_thread=True)
def complete_search(
    services: Use,
    by: By,
    q: Annotated[str, QueryParameter(max_length=2000, description="an unfinished search")] = "",
    at: Annotated[
        int, QueryParameter(ge=-1, le=2000, description="where the cursor is; -1 is the end")
    ] = -1,
    noun: Annotated[
        Noun | None, QueryParameter(description="what is searched, if the place says it")
    ] = None,
) -> Completion:
    """Say what may stand at a place of a search, with how many records have each value."""
    return services.pool.complete(by, q, len(q) if at < 0 else at, noun)


ROUTES = (complete_search,)
