"""The routes of prices."""

from litestar import get

from anypool.api.asking import By, Use
from anypool.api.priceviews import PricesView, lesson_view


@get("/prices", sync_to_thread=True)
def get_prices(services: Use, by: By) -> PricesView:
    """Show what prices are made of, and what runs taught about them."""
    found, inventory = services.prices.show(by), services.pool.inventory(by)
    model = found.model
    return PricesView(
        bandwidth_mib_s=model.bandwidth_mib_s,
        migrate_overhead_ms=model.migrate_overhead_ms,
        migrate_pause_ms=model.migrate_pause_ms,
        migrate_mib_mj=model.migrate_mib_mj,
        migrate_overhead_mj=model.migrate_overhead_mj,
        short_ms=model.short_ms,
        shut_down_ms=model.shut_down_ms,
        moves_at_once=found.slots,
        moves_per_host=model.moves_per_host,
        items=tuple(lesson_view(one, inventory) for one in found.lessons),
    )


ROUTES = (get_prices,)
