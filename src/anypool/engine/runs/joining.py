"""What to do next about a server that becomes a host, or is one no more: pure.

A host is taken for the server that bears the profile only by its host key, which the driver
compares; here it is judged whether that server is to be one, and whether it can be forgotten.
"""

from anypool.engine.runs.decision import Act, Decision, Deed, Done, Fail, Wait
from anypool.engine.runs.sight import Sight
from anypool.model import Host, HostState, Power, Server
from anypool.plan import JoinHost, LeaveHost, Reason, reason

_DO = Act(Deed.PERFORM, None)


def of_joining(action: JoinHost, server: Server, sight: Sight) -> Decision:
    """Return what to do about a server that is to join: it is added once it answers.

    So it is where its endpoint still stands for the hardware that was this host before.
    """
    profile = sight.inventory.profiles.get(action.profile)
    if profile is None:
        return Fail(reason("run.profile-gone"))
    if profile.server != server.id or profile.epoch != action.epoch:
        return Fail(reason("run.profile-elsewhere", profile=profile.name))
    host, hosts = sight.inventory.hosts.get(server.host), sight.inventory.hosts.values()
    before = [one for one in hosts if one.endpoint == action.endpoint and one.id != server.id]
    if any(one.state is HostState.UP for one in before):
        return Wait(reason("run.answers-before", server=before[0].name))
    if host is None or (before and host.endpoint == action.endpoint):
        if sight.power is not Power.ON:
            return Wait(reason("run.server-not-on", server=server.name))
        if sight.unready:
            return Wait(reason("run.no-service", profile=profile.name, why=sight.unready))
        return _DO
    if host.endpoint != action.endpoint:
        why = reason("run.joined-otherwise", server=server.name, endpoint=host.endpoint)
        return Fail(why)
    if host.state is not HostState.UP:
        return Wait(reason("run.not-joined", server=server.name))
    wrong = _otherwise(action, host)
    return Done() if wrong is None else Fail(wrong)


def _otherwise(action: JoinHost, host: Host) -> Reason | None:
    """Return why VMs of the pool could not run on a host, None if they can."""
    needs = action.expects
    if needs.arch and host.arch != needs.arch:
        return reason("bear.arch", has=host.arch, needs=needs.arch)
    if needs.platform and host.platform != needs.platform:
        has = host.platform or "?"
        return reason("run.joined-other", server=host.name, has=has, needs=needs.platform)
    return None


def of_leaving(action: LeaveHost, server: Server, sight: Sight) -> Decision:
    """Return what to do about a host that is to be forgotten: nothing may be lost with it."""
    host = sight.inventory.hosts.get(server.host)
    if host is None:
        return Done()
    if host.endpoint != action.endpoint:
        why = reason("run.joined-otherwise", server=server.name, endpoint=host.endpoint)
        return Fail(why)
    if not sight.answered or host.state is not HostState.UP:
        return Wait(reason("run.no-answer"))
    if not host.maintenance:
        return Fail(reason("bear.open-host", server=server.name))
    if left := sight.inventory.vms_on(host.id):
        names = tuple(vm.name for vm in left[:5])
        return Fail(reason("join.has-vms", server=server.name, vms=names, count=len(left)))
    return _DO
