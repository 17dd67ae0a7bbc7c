"""What a host that is closed saves: watts, kWh and money for each day that it is off."""

from collections.abc import Iterator

from anypool.model import Host
from anypool.plan import Reason, reason
from anypool.planner.saving.order import Order

HOURS_A_DAY = 24


def gained(host: Host, order: Order, *, empty: bool) -> Iterator[Reason]:
    """Yield what switching off a host saves, as far as somebody knows.

    What a host draws idle counts: what its VMs take goes with them. Of one that is empty that
    is measured, where its BMC tells it; of others it is said in the energy file. What is only
    measured under load is the most that can be saved.
    """
    known, now_w = order.watts.get(host.id), order.drawn.get(host.id)
    off_w = 0.0 if known is None else known.off
    if now_w is not None:
        yield reason("saving.measured", host=host.name, watts=round(now_w))
    if now_w is not None and empty:
        saved = now_w - off_w
    elif known is not None:
        saved = known.idle - off_w
    elif now_w is not None:
        yield reason("saving.at-most", host=host.name, watts=round(now_w))
        return
    else:
        yield reason("saving.no-watts", host=host.name)
        return
    saved = max(0.0, saved)
    yield reason("saving.watts", host=host.name, watts=round(saved))
    yield from _a_day(saved, order)


def _a_day(watts: float, order: Order) -> Iterator[Reason]:
    kwh, tariff = watts / 1000 * HOURS_A_DAY, order.tariff
    yield reason("saving.kwh", kwh=f"{kwh:,.2f}")
    if tariff.price:
        amount = f"{kwh * sum(tariff.price) / len(tariff.price):,.2f}"
        yield reason("saving.money", amount=amount, currency=tariff.currency)
    if tariff.co2_g:
        kg = f"{kwh * sum(tariff.co2_g) / len(tariff.co2_g) / 1000:,.2f}"
        yield reason("saving.co2", kg=kg)
