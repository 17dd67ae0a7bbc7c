"""The route of the support bundle."""

from typing import Annotated

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from anypool.api.asking import By, Live, Use
from anypool.api.metrics import exposition

MEDIA_TYPE = "application/gzip"


@get(
    "/support/bundle",
    sync_to_thread=True,
    media_type=MEDIA_TYPE,
    responses={200: ResponseSpec(bytes, description="a tar.gz", media_type=MEDIA_TYPE)},
)
def get_bundle(
    services: Use,
    by: By,
    broadcast: Live,
    mask_names: Annotated[
        bool, QueryParameter(description="replace names of VMs, hosts and people")
    ] = False,
) -> Response[bytes]:
    """Make an archive for whoever helps: versions, settings, states, errors; never a secret."""
    page = exposition(services, by, broadcast)
    made = services.support.bundle(by, page, mask_names=mask_names)
    headers = {"Content-Disposition": 'attachment; filename="anypool-support.tar.gz"'}
    return Response(made, media_type=MEDIA_TYPE, headers=headers)


ROUTES = (get_bundle,)
